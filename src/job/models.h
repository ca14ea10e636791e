/* Which weight files a job uses: from --unet, --unet-config and --clip where
 * they are given, else from what the models folder holds, else the demo model.
 *
 * Folders are searched in this order: the models folder (--models-dir, else
 * $NIGHTJAR_MODELS, else $XDG_DATA_HOME/nightjar/models), then the program's
 * own (share/nightjar/models beside bin, or models of the source tree), where
 * the model cards and the demo model are.
 */
#ifndef NJ_JOB_MODELS_H
#define NJ_JOB_MODELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"
#include "engine/engine.h"
#include "job/options.h"
#include "weights/card.h"
#include "weights/catalogue.h"

/* Files of a job; texts are owned. */
typedef struct nj_model_files {
    char *unet;
    char *card;      /* JSON file with the UNet's flags */
    char *card_name; /* of a known model's card, else the file's name */
    nj_unet_card flags;
    char *clips[NJ_ENGINE_CLIPS_MAX];
    nj_clip_card cards[NJ_ENGINE_CLIPS_MAX];  /* of the CLIPs; embed_dim 0: no
                                                 card is known */
    double clip_weights[NJ_ENGINE_CLIPS_MAX]; /* of --clip NAME:WEIGHT */
    size_t clip_count;
    char *secondary; /* or NULL, as the next two */
    char *lpips;
    char *vgg;
    char *vocabulary;
    cJSON *defaults; /* settings that the card asks for, or NULL */
    size_t context;  /* tokens of a text, of the first CLIP */
    size_t vocabulary_size;
    bool demo; /* the demo model was taken because no other is there */
} nj_model_files;

/* The folders to search. `program_folder` is where the executable is.
 * NJ_E_USAGE when `models_dir` (may be NULL), or else $NIGHTJAR_MODELS where it
 * is set, is no folder: the demo model instead of the user's would cost a
 * night. */
nj_status nj_models_folders(const char *models_dir, const char *program_folder,
                            nj_list *folders, nj_err *err) NJ_MUST_USE;

/* Opens the catalogue of those folders; free with nj_catalogue_free. */
nj_status nj_models_catalogue(const nj_list *folders, nj_catalogue **out,
                              nj_err *err) NJ_MUST_USE;

/* Both at once. *folders and *out begin empty and are released in every case.
 */
nj_status nj_models_open(const char *models_dir, const char *program_folder,
                         nj_list *folders, nj_catalogue **out,
                         nj_err *err) NJ_MUST_USE;

/* Finds the files that the options name and checks that each is of the right
 * kind, without reading its tensors. Release *out in every case. */
nj_status nj_model_files_find(const nj_options *o, const char *program_folder,
                              nj_model_files *out, nj_err *err) NJ_MUST_USE;
void nj_model_files_release(nj_model_files *m);

/* Whether the options ask for a secondary model; "none" asks for none. */
bool nj_models_want_secondary(const nj_options *o);

/* Adds what an init loss needs: LPIPS and VGG16. */
nj_status nj_model_files_find_lpips(const nj_options *o,
                                    const char *program_folder,
                                    nj_model_files *m, nj_err *err) NJ_MUST_USE;

/* One file that is loaded, and what it is: "unet", "clip", "secondary",
 * "lpips" or "vgg". Borrowed. */
typedef struct nj_model_file {
    const char *kind;
    const char *path;
    double weight; /* of a CLIP's loss; else 1 */
} nj_model_file;

#define NJ_MODEL_FILES_MAX (NJ_ENGINE_CLIPS_MAX + 4)

/* The weight files in the order in which they are listed everywhere; those of
 * the init loss come last. Returns how many. */
size_t nj_model_files_list(const nj_model_files *m,
                           nj_model_file out[NJ_MODEL_FILES_MAX]);

/* Appends a file's name without its folder, and ":WEIGHT" where it has one. */
void nj_model_file_name(const nj_model_file *file, nj_str *out);

#endif

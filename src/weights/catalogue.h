/* Catalogue: the model cards of some folders, and where their files are.
 *
 * A card is a JSON file DIR/NAME.json or DIR/NAME/card.json (its form is in
 * models/README.md). It describes one network or several: an object each under
 * `unet`, `clip`, `upscaler`, `lpips`, `secondary` or `vocabulary`. Each such
 * object becomes one nj_model here.
 *
 *     nj_catalogue *c;
 *     const char *folders[] = {"/home/me/models",
 * "/usr/share/nightjar/models"}; if (nj_catalogue_open(folders, 2, &c, &err) !=
 * NJ_OK) ... const nj_model *m = nj_catalogue_find(c, NJ_MODEL_UNET,
 * "256x256..."); if (m && m->state == NJ_MODEL_PRESENT) use(m->path);
 *     nj_catalogue_free(c);
 *
 * Not for: downloading. Everything in a nj_model lives as long as the
 * catalogue.
 */
#ifndef NJ_WEIGHTS_CATALOGUE_H
#define NJ_WEIGHTS_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

typedef enum nj_model_kind {
    NJ_MODEL_UNET = 0,
    NJ_MODEL_CLIP,
    NJ_MODEL_UPSCALER,
    NJ_MODEL_LPIPS,
    NJ_MODEL_SECONDARY,
    NJ_MODEL_VOCABULARY,
    NJ_MODEL_KINDS,
    NJ_MODEL_ANY = NJ_MODEL_KINDS /* for nj_catalogue_find */
} nj_model_kind;

typedef enum nj_model_state {
    NJ_MODEL_ABSENT = 0,
    NJ_MODEL_PRESENT,   /* there, of the size the card says (if it says one) */
    NJ_MODEL_WRONG_SIZE /* there, but of another size: a cut download? */
} nj_model_state;

typedef struct nj_model {
    const char *name;      /* of the card */
    const char *title;     /* one line for people; "" when missing */
    const char *card_path; /* the JSON file */
    nj_model_kind kind;
    const char *file;   /* name without a folder */
    const char *format; /* "torch-zip", "torchscript", ...; "" when missing */
    const char *path;   /* of the file: where it is, or where it would go (the
                           first folder) */
    nj_model_state state;
    uint64_t bytes;       /* 0 when the card does not know */
    uint64_t found_bytes; /* of the file that is there */
    const char *sha256;   /* lower-case hex; "" when none is published */
    const char *licence;  /* "" when missing, as the next two */
    const char *source;
    const char *note;
    const char *const *urls; /* mirrors, best first */
    size_t url_count;
    const cJSON *flags;    /* the kind's whole object in the card */
    const cJSON *defaults; /* settings the card asks for, or NULL */
} nj_model;

typedef struct nj_catalogue nj_catalogue;

/* Reads the cards of every folder and looks for their files: beside the card,
 * then in each folder. A folder that does not exist has no cards. Of two cards
 * of one name the first folder's counts; JSON files that describe no network
 * are left out. NJ_E_FORMAT names a card that is
 * wrong. *out is freed with nj_catalogue_free. */
nj_status nj_catalogue_open(const char *const *folders, size_t count,
                            nj_catalogue **out, nj_err *err) NJ_MUST_USE;
void nj_catalogue_free(nj_catalogue *c);

/* Models, sorted by kind and then name. */
size_t nj_catalogue_count(const nj_catalogue *c);
const nj_model *nj_catalogue_at(const nj_catalogue *c, size_t i);

/* The model of that kind (or NJ_MODEL_ANY) whose card name or file name, with
 * or without its ending, is `name`; NULL when there is none. */
const nj_model *nj_catalogue_find(const nj_catalogue *c, nj_model_kind kind,
                                  const char *name);

/* The name nearest to `name`, for a hint; NULL when none is near. */
const char *nj_catalogue_nearest(const nj_catalogue *c, nj_model_kind kind,
                                 const char *name);

/* "unet", "clip", ...; static storage. */
const char *nj_model_kind_name(nj_model_kind kind);

typedef enum nj_model_verdict {
    NJ_MODEL_GOOD,    /* the sum is the published one */
    NJ_MODEL_TRUSTED, /* none is published; equals the one recorded when the
                         file was fetched (PATH.sha256) */
    NJ_MODEL_UNKNOWN, /* none is published and none recorded */
    NJ_MODEL_DIFFERS  /* another sum than the published or recorded one */
} nj_model_verdict;

/* Computes the sha256 of a present file (`hex`, 65 bytes) and compares.
 * NJ_E_IO when the file cannot be read. */
nj_status nj_model_verify(const nj_model *m, nj_model_verdict *verdict,
                          char hex[65], nj_err *err) NJ_MUST_USE;

#endif

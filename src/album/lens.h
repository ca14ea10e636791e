/* Lens: the CLIP through which ranking and search look at pictures.
 *
 * Finding it reads no tensor; the network is loaded when it is first needed,
 * which may be never: embeddings that are stored already are enough to rank.
 *
 *     nj_lens lens;
 *     nj_lens_find(&config, "ViT-B-32", &lens, &err);
 *     nj_lens_open(&lens, &err);
 *     lens.api->embed_texts(lens.embedder, texts, 1, vector, &err);
 *     nj_lens_release(&lens);
 */
#ifndef NJ_ALBUM_LENS_H
#define NJ_ALBUM_LENS_H

#include "base/err.h"
#include "base/list.h"
#include "engine/engine.h"
#include "job/options.h"

typedef nj_status (*nj_lens_opener)(const nj_engine_api **api, nj_err *err);

typedef struct nj_lens_config {
    const nj_options *options;  /* models folder, device, threads */
    const char *program_folder; /* or NULL */
    nj_lens_opener engine;
} nj_lens_config;

typedef struct nj_lens {
    char *path;      /* of the weights */
    char *name;      /* of a known model, else the file's */
    char sha256[65]; /* of the weights */
    char *vocabulary;
    nj_engine_machine machine;
    nj_lens_opener engine;
    const nj_engine_api *api;
    nj_embedder *embedder; /* NULL until it is opened */
} nj_lens;

/* The CLIP of that name or path. NULL: the best known one that is there and
 * whose sum is not in `avoid` (may be NULL), else the best one that is there.
 * Release *out in every case. */
nj_status nj_lens_find(const nj_lens_config *config, const char *name,
                       const nj_list *avoid, nj_lens *out,
                       nj_err *err) NJ_MUST_USE;
void nj_lens_release(nj_lens *l);

/* Loads the network unless that is done. */
nj_status nj_lens_open(nj_lens *l, nj_err *err) NJ_MUST_USE;

/* The same for stored vectors of that width; 0: there are none. NJ_E_FORMAT:
 * the network gives others, so they are not its own, whatever their file says.
 */
nj_status nj_lens_open_for(nj_lens *l, size_t width, nj_err *err) NJ_MUST_USE;

/* Where to compute, from --device, --precision and --threads. */
nj_status nj_lens_machine(const nj_options *o, nj_engine_machine *out,
                          nj_err *err) NJ_MUST_USE;

#endif

/* CLIP without a diffusion network: pictures and texts to embeddings. What the
 * functions do stands in engine.h. */
#ifndef NJ_ENGINE_EMBED_H
#define NJ_ENGINE_EMBED_H

#include "engine/engine.h"

nj_status nj_embedder_open(const char *clip_path, const char *vocabulary,
                           const nj_engine_machine *machine, nj_embedder **out,
                           nj_err *err) NJ_MUST_USE;
void nj_embedder_close(nj_embedder *e);
const nj_embedder_facts *nj_embedder_facts_of(const nj_embedder *e);
nj_status nj_embed_pictures(nj_embedder *e, const nj_engine_rgb *pictures,
                            size_t count, float *out, nj_err *err) NJ_MUST_USE;
nj_status nj_embed_texts(nj_embedder *e, const char *const *texts, size_t count,
                         float *out, nj_err *err) NJ_MUST_USE;

#endif

/* Stand-ins for CLIP and the upscaler, for fake_engine.c. */
#ifndef FAKE_MORNING_H
#define FAKE_MORNING_H

#include "engine/engine.h"

/* A space of four numbers: red, green, blue and a constant. Pictures are their
 * mean colour; texts are the colours that they name. */
nj_status fake_embedder_open(const char *clip_path, const char *vocabulary,
                             const nj_engine_machine *machine,
                             nj_embedder **out, nj_err *err);
void fake_embedder_close(nj_embedder *e);
const nj_embedder_facts *fake_embedder_facts(const nj_embedder *e);
nj_status fake_embed_pictures(nj_embedder *e, const nj_engine_rgb *pictures,
                              size_t count, float *out, nj_err *err);
nj_status fake_embed_texts(nj_embedder *e, const char *const *texts,
                           size_t count, float *out, nj_err *err);

/* Every pixel becomes four times four. */
nj_status fake_upscaler_open(const char *path, const nj_engine_machine *machine,
                             nj_upscaler **out, nj_err *err);
void fake_upscaler_close(nj_upscaler *u);
const nj_upscaler_facts *fake_upscaler_facts(const nj_upscaler *u);
nj_status fake_upscale(nj_upscaler *u, const nj_engine_tiling *tiling,
                       const nj_engine_pixels *in, nj_engine_pixels *out,
                       nj_err *err);

#endif

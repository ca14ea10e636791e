/* Real-ESRGAN without a diffusion network. What the functions do stands in
 * engine.h. */
#ifndef NJ_ENGINE_UPSCALER_H
#define NJ_ENGINE_UPSCALER_H

#include "engine/engine.h"

nj_status nj_upscaler_open(const char *path, const nj_engine_machine *machine,
                           nj_upscaler **out, nj_err *err) NJ_MUST_USE;
void nj_upscaler_close(nj_upscaler *u);
const nj_upscaler_facts *nj_upscaler_facts_of(const nj_upscaler *u);
nj_status nj_upscaler_run(nj_upscaler *u, const nj_engine_tiling *tiling,
                          const nj_engine_pixels *in, nj_engine_pixels *out,
                          nj_err *err) NJ_MUST_USE;

#endif

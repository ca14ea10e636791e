/* One array of kinds for each area_*.c, ended by an entry without a name. */
#ifndef PARITY_AREAS_H
#define PARITY_AREAS_H

#include "parity/harness.h"

extern const parity_kind parity_clip[];
extern const parity_kind parity_cutouts[];
extern const parity_kind parity_endtoend[];
extern const parity_kind parity_losses[];
extern const parity_kind parity_lpips[];
extern const parity_kind parity_random[];
extern const parity_kind parity_resize[];
extern const parity_kind parity_sampler[];
extern const parity_kind parity_schedule[];
extern const parity_kind parity_secondary[];
extern const parity_kind parity_tokenizer[];
extern const parity_kind parity_unet[];
extern const parity_kind parity_upscale[];
extern const parity_kind parity_weights[];

#endif

/* Which runner computes which kind: all areas in one list. */
#include <string.h>

#include "parity/areas.h"

/* clang-format off: one a line, so that branches merge */
static const parity_kind *const areas[] = {
    parity_clip,     parity_cutouts,   parity_endtoend,  parity_losses,
    parity_lpips,    parity_random,    parity_resize,    parity_sampler,
    parity_schedule, parity_secondary, parity_tokenizer, parity_unet,
    parity_upscale,  parity_weights,
};
/* clang-format on */

const parity_kind *parity_kind_find(const char *kind)
{
    for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
        for (const parity_kind *k = areas[i]; k->kind; k++)
            if (strcmp(k->kind, kind) == 0)
                return k;
    return NULL;
}

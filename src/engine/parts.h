/* Parts: where the time of a run goes (nj_part of engine.h).
 *
 *     struct nj_clock clock = {.seconds = work->parts, .device = device};
 *     nj_clock_start(&clock);
 *     ... the UNet forward ...
 *     nj_clock_part(&clock, NJ_PART_UNET_FORWARD);
 */
#ifndef NJ_ENGINE_PARTS_H
#define NJ_ENGINE_PARTS_H

#include "engine/engine.h"
#include "torch/th.h"

typedef struct nj_clock {
    double *seconds; /* [NJ_PARTS]; NULL: nothing is measured */
    th_device device;
    double since;
} nj_clock;

/* Begins a part. The clock may be NULL. */
void nj_clock_start(nj_clock *c);

/* Ends it, and begins the next. */
void nj_clock_part(nj_clock *c, nj_part part);

#endif

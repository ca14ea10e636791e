/* Report: what a step says of itself, on its way from the device: the losses of
 * each image, and whether its values are finite. A GPU computes the next step
 * while they are waited for.
 */
#ifndef NJ_ENGINE_REPORT_H
#define NJ_ENGINE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/guidance.h"

typedef struct nj_report {
    th_later *numbers; /* NULL: none is waited for */
    bool has[NJ_LOSSES];
    size_t images;
    int iteration;
} nj_report;

/* Asks for it; x [B,3,H,W] is what the step made. The device need not be done
 * with the step. */
void nj_report_ask(nj_report *r, th_scope *s, const nj_guided_loss *loss,
                   const th_tensor *x, int iteration);

/* Waits for it: losses [NJ_LOSSES,B], of which those that were not computed are
 * left alone, and finite [B]. Nothing is waited for any more then. */
void nj_report_read(nj_report *r, th_scope *s, float *losses, bool *finite);

void nj_report_release(nj_report *r);

#endif

/* Report: see report.h. */
#include "engine/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void nj_report_ask(nj_report *r, th_scope *s, const nj_guided_loss *loss,
                   const th_tensor *x, int iteration)
{
    const th_tensor *parts[NJ_LOSSES + 1] = {th_finite(s, x)};
    size_t count = 1;

    *r = (nj_report){.images = (size_t)th_size(x, 0), .iteration = iteration};
    for (size_t i = 0; i < NJ_LOSSES; i++) {
        r->has[i] = loss->terms[i] != NULL;
        if (r->has[i])
            parts[count++] = loss->terms[i];
    }
    r->numbers = th_read_later(s, parts, count);
}

static size_t rows_of(const nj_report *r)
{
    size_t rows = 1;

    for (size_t i = 0; i < NJ_LOSSES; i++)
        rows += r->has[i];
    return rows;
}

void nj_report_read(nj_report *r, th_scope *s, float *losses, bool *finite)
{
    size_t count = rows_of(r) * r->images;
    float *all = nj_calloc(count, sizeof(*all));
    const float *next = all + r->images;

    if (!all) {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for losses");
        return;
    }
    th_later_read(s, r->numbers, all, count);
    for (size_t b = 0; b < r->images; b++)
        finite[b] = all[b] != 0;
    for (size_t i = 0; i < NJ_LOSSES; i++) {
        if (!r->has[i])
            continue;
        memcpy(losses + i * r->images, next, r->images * sizeof(*next));
        next += r->images;
    }
    free(all);
    nj_report_release(r);
}

void nj_report_release(nj_report *r)
{
    th_later_free(r->numbers);
    r->numbers = NULL;
}

/* Texts as code points: see points.h. */
#include "text/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void nj_points_addn(nj_points *p, const uint32_t *from, size_t n)
{
    size_t need;

    if (p->failed || n == 0)
        return;
    if (!nj_add_size(p->n, n, &need) ||
        !nj_grow(&p->at, &p->capacity, need, sizeof(*p->at))) {
        p->failed = true;
        return;
    }
    memcpy(p->at + p->n, from, n * sizeof(*from));
    p->n = need;
}

void nj_points_add(nj_points *p, uint32_t c)
{
    nj_points_addn(p, &c, 1);
}

void nj_points_add_utf8(nj_points *p, const char *text, size_t n)
{
    for (size_t i = 0, step; i < n; i += step) {
        uint32_t c = 0xfffd;

        step = nj_utf8_decode(text + i, n - i, &c);
        if (!step)
            step = 1;
        nj_points_add(p, c);
    }
}

void nj_points_to_str(const nj_points *p, nj_str *s)
{
    char utf8[4];

    for (size_t i = 0; i < p->n; i++)
        nj_str_addn(s, utf8, nj_utf8_encode(p->at[i], utf8));
}

void nj_points_take(nj_points *p, nj_points *from)
{
    if (from->failed) {
        p->failed = true;
        free(from->at);
    } else {
        free(p->at);
        from->failed = p->failed;
        *p = *from;
    }
    *from = (nj_points){0};
}

bool nj_points_equal(const nj_points *a, const nj_points *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof(*a->at)) == 0);
}

void nj_points_release(nj_points *p)
{
    free(p->at);
    *p = (nj_points){0};
}

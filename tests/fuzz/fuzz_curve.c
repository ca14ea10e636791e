/* Any text as a schedule. What is read can be asked anywhere, and its text
 * reads back as the same schedule. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diffusion/curve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int holds)
{
    if (!holds)
        abort();
}

static double least_of(const nj_curve *c)
{
    double least = c->points[0].value;

    for (int i = 1; i < c->count; i++)
        least = fmin(least, c->points[i].value);
    return least;
}

static void ask_everywhere(const nj_curve *c)
{
    double least = least_of(c);
    double largest = nj_curve_largest(c);

    for (int i = 0; i < NJ_CURVE_PLACES; i++) {
        double value = nj_curve_at(c, &(const nj_curve_place){i, i});

        require(isfinite(value));
        require(fabs(largest - least) > 1e300 ||
                (value >= least - fabs(largest - least) * 1e-9 &&
                 value <= largest + fabs(largest - least) * 1e-9));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = nj_strndup((const char *)data, n);
    nj_err err = {0};
    nj_curve c;

    if (nj_curve_parse(text, &c, &err) == NJ_OK) {
        char *written = nj_curve_text(&c);
        nj_curve again;

        require(c.count > 0 && c.count <= NJ_CURVE_POINTS_MAX);
        if (fabs(nj_curve_largest(&c)) < 1e300 && fabs(least_of(&c)) < 1e300)
            ask_everywhere(&c);
        require(nj_curve_parse(written, &again, &err) == NJ_OK);
        require(memcmp(&again, &c, sizeof(c)) == 0);
        free(written);
    } else {
        require(err.code == NJ_E_USAGE && err.text[0]);
    }
    free(text);
    return 0;
}

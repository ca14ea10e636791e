/* Respacing: which timesteps of the base chain are kept (see schedule.h;
 * space_timesteps of guided-diffusion's respace.py). By itself because its
 * input is text from the user: strict about its form, and equal to the public
 * code for every text that both accept. */
#include "diffusion/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Digits up to `end`; -1 when there are none or too many. */
static long read_count(const char *text, const char *end)
{
    long value = 0;

    if (text == end || end - text > 9)
        return -1;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = 10 * value + (*text - '0');
    }
    return value;
}

static nj_status no_number(const char *respacing, nj_err *err)
{
    return nj_fail(err, NJ_E_USAGE,
                   "respacing '%s' is not a count such as '25', a list of "
                   "counts such as '24,48,64' or 'ddim' with a count",
                   respacing);
}

/* The smallest whole stride that keeps exactly `count` steps. */
static nj_status respace_ddim(const char *respacing, int base, int *steps,
                              size_t *n, nj_err *err)
{
    const char *digits = respacing + strlen("ddim");
    long count = read_count(digits, digits + strlen(digits));

    if (count < 0)
        return no_number(respacing, err);
    for (int stride = 1; stride < base; stride++) {
        if ((base + stride - 1) / stride != count)
            continue;
        for (int t = 0; t < base; t += stride)
            steps[(*n)++] = t;
        return NJ_OK;
    }
    return nj_fail(err, NJ_E_USAGE,
                   "respacing '%s': no whole stride keeps %ld of %d steps",
                   respacing, count, base);
}

/* Adds `count` steps of the section of `size` steps from `start` on. The
 * position is accumulated: i * stride would round differently. */
static void add_section(int start, int size, long count, int *steps, size_t *n)
{
    double stride = count > 1 ? (double)(size - 1) / (double)(count - 1) : 1;
    double position = 0;

    for (long i = 0; i < count; i++) {
        steps[(*n)++] = start + (int)rint(position);
        position += stride;
    }
}

static nj_status respace_sections(const char *respacing, int base, int *steps,
                                  size_t *n, nj_err *err)
{
    int sections = 1;
    int start = 0;
    const char *at = respacing;

    for (const char *c = respacing; *c; c++)
        sections += *c == ',';
    for (int i = 0; i < sections; i++) {
        const char *end = at + strcspn(at, ",");
        int size = base / sections + (i < base % sections ? 1 : 0);
        long count = read_count(at, end);

        if (count < 0)
            return no_number(respacing, err);
        if (count > size)
            return nj_fail(err, NJ_E_USAGE,
                           "respacing '%s': %ld steps do not fit into a "
                           "section of %d",
                           respacing, count, size);
        add_section(start, size, count, steps, n);
        start += size;
        at = *end ? end + 1 : end;
    }
    return NJ_OK;
}

nj_status nj_respace(const char *respacing, int diffusion_steps, int **steps,
                     size_t *count, nj_err *err)
{
    bool ddim = strncmp(respacing, "ddim", 4) == 0;
    int *kept;
    nj_status status;

    if (diffusion_steps < 2 || diffusion_steps > NJ_DIFFUSION_STEPS_MAX)
        return nj_fail(err, NJ_E_USAGE, "%d diffusion steps, not 2 to %d",
                       diffusion_steps, NJ_DIFFUSION_STEPS_MAX);
    kept = nj_calloc((size_t)diffusion_steps, sizeof(*kept));
    if (!kept)
        return nj_fail(err, NJ_E_MEMORY, "no memory for %d steps",
                       diffusion_steps);
    *count = 0;
    status = (ddim ? respace_ddim : respace_sections)(
        respacing, diffusion_steps, kept, count, err);
    if (status == NJ_OK && *count < 2)
        status = nj_fail(err, NJ_E_USAGE,
                         "respacing '%s' keeps %zu step%s, at least 2 are "
                         "needed",
                         respacing, *count, *count == 1 ? "" : "s");
    if (status == NJ_OK)
        *steps = kept;
    else
        free(kept);
    return status;
}

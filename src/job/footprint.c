/* Footprint: see footprint.h. The constants were measured (docs/speed.md). */
#include "job/footprint.h"

#include <stdio.h>
#include <string.h>

#include "weights/work.h"

/* Of the process besides networks: libtorch's code and tables. */
#define HOST_BYTES 190e6
/* On a GPU: CUDA's context, libraries and their workspaces. */
#define DEVICE_BYTES 840e6
/* Packed weights that are kept, at most (src/torch/product_cpu.cpp), and how
 * many times a small network's weights that is. */
#define PACKED_BYTES 134217728.0
#define PACKED_SHARE 2.5
/* What activations take on a CPU for each byte that is in use: freed memory
 * stays with the process in pieces that do not fit what comes next. */
#define PIECES 1.75

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static bool known(const nj_clip_card *clips, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (clips[i].embed_dim == 0)
            return false;
    return true;
}

double nj_footprint_flop(const nj_unet_card *unet, const nj_clip_card *clips,
                         size_t count, const nj_settings *s)
{
    nj_network_work u = nj_unet_work(unet, s->width, s->height);
    double macs = u.forward + u.backward;

    if (!known(clips, count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        nj_network_work c = nj_clip_work(&clips[i]);

        macs += (c.forward + c.backward) * s->cutn * s->cutn_batches;
    }
    return 2 * macs * s->batch_size;
}

struct networks {
    const nj_unet_card *unet;
    const nj_clip_card *clips;
    size_t count;
};

/* Bytes of activations: the larger of the two peaks, CLIP's on top of what the
 * UNet keeps for its backward pass. *weights: of both networks. */
static double activation_bytes(const struct networks *n, const nj_settings *s,
                               double unet_el, double clip_el, double *weights)
{
    nj_network_work u = nj_unet_work(n->unet, s->width, s->height);
    double bytes = u.weights * unet_el;
    double on_top = 0;

    for (size_t i = 0; i < n->count; i++) {
        nj_network_work c = nj_clip_work(&n->clips[i]);

        bytes += c.weights * clip_el;
        on_top = larger(on_top, c.peak * clip_el * s->cutn);
    }
    *weights = bytes;
    return s->batch_size * larger(u.peak * unet_el, u.kept * unet_el + on_top);
}

nj_footprint nj_footprint_of(const nj_unet_card *unet,
                             const nj_clip_card *clips, size_t count,
                             const nj_settings *s, nj_precision precision,
                             bool cuda)
{
    bool half = precision == NJ_PRECISION_BF16 ||
                precision == NJ_PRECISION_FP16 ||
                (precision == NJ_PRECISION_AUTO && cuda);
    double unet_el = half ? 2 : 4;
    double clip_el = half && !cuda ? 2 : 4;
    const struct networks n = {unet, clips, count};
    double weights = 0;
    double packed;
    double bytes;

    if (!known(clips, count))
        return (nj_footprint){0, 0};
    bytes = activation_bytes(&n, s, unet_el, clip_el, &weights);
    if (cuda)
        return (nj_footprint){(uint64_t)(4 * HOST_BYTES),
                              (uint64_t)(bytes + weights + DEVICE_BYTES)};
    packed = PACKED_SHARE * weights;
    packed = packed < PACKED_BYTES ? packed : PACKED_BYTES;
    return (nj_footprint){
        (uint64_t)(HOST_BYTES + weights + packed + PIECES * bytes), 0};
}

nj_footprint nj_footprint_of_group(const nj_job *job, const nj_group *g)
{
    return nj_footprint_of(&job->files.flags, job->files.cards,
                           job->files.clip_count, &g->options.settings,
                           g->options.precision, job->device == NJ_DEVICE_CUDA);
}

nj_status nj_footprint_check(const nj_job *job, nj_err *err)
{
    uint64_t available = nj_footprint_free();

    for (size_t i = 0; i < job->group_count; i++) {
        nj_footprint need = nj_footprint_of_group(job, &job->groups[i]);

        if (available && need.host > available + available / 10)
            return nj_fail(err, NJ_E_MEMORY,
                           "about %.1f GB of memory are needed and %.1f GB are "
                           "free: a smaller batch (--batch-size), --precision "
                           "bf16 or fewer cutouts (--cutn) need less",
                           (double)need.host / 1e9, (double)available / 1e9);
    }
    return NJ_OK;
}

uint64_t nj_footprint_free(void)
{
    FILE *f = fopen("/proc/meminfo", "r");
    char line[128];
    unsigned long long kib = 0;

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return (uint64_t)kib * 1024;
}

/* Footprint: see footprint.h. The constants were measured (docs/speed.md). */
#include "job/footprint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diffusion/draws.h"
#include "weights/space.h"
#include "weights/work.h"

/* Of the process besides networks: libtorch's code and tables. */
#define HOST_BYTES 165e6
/* On a GPU: of the process, with CUDA's libraries; on the device those, and
 * workspaces of large networks' layers, which are no larger than the weights.
 * CUDA's context is there already when it is asked what is free. */
#define HOST_BYTES_CUDA 1500e6
#define DEVICE_BYTES    270e6
#define WORKSPACE_BYTES 210e6
/* What recorded graphs take themselves. */
#define GRAPHS_BYTES 150e6
/* Packed weights that are kept, at most (src/torch/product_cpu.cpp), and how
 * many times a small network's weights that is. */
#define PACKED_BYTES 134217728.0
#define PACKED_SHARE 2.5
/* What the heap of large tensors holds for each byte of activations: more where
 * pieces are few and of more sizes, so that free ones are too small for what
 * comes: where the UNet's blocks are computed twice, and where no gradient goes
 * through it, in it and in the secondary model. */
#define PIECES       1.06
#define PIECES_CUDA  1.07
#define PIECES_TWICE 1.3
#define PIECES_APART 1.18
/* Weights of the secondary model, of LPIPS with VGG16. */
#define SECONDARY_WEIGHTS 13841547.0
#define LPIPS_WEIGHTS     14716160.0
/* Pictures of a step, and cutouts on their way to CLIP and back, of each. */
#define PICTURES 12.0
#define CUTS     6.0
/* A cut at a time need not be; so many are about as large as what else there
 * is. */
#define CUTS_OF_SLICE 4
/* A prediction may be wrong by this much. */
#define DOUBT 0.1

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static bool known(const nj_networks *n)
{
    for (size_t i = 0; i < n->clip_count; i++)
        if (n->clips[i].embed_dim == 0)
            return false;
    return true;
}

nj_networks nj_networks_of(const nj_job *job, const nj_group *g, bool cuda)
{
    return (nj_networks){
        .unet = &job->files.flags,
        .clips = job->files.cards,
        .clip_count = job->files.clip_count,
        .secondary = job->files.secondary != NULL,
        .lpips = nj_group_compares(g),
        .precision = g->options.precision,
        .threads = g->options.threads,
        .cuda = cuda,
        .launch = g->options.no_graphs,
    };
}

double nj_footprint_flop(const nj_networks *n, const nj_settings *s)
{
    nj_network_work u = nj_unet_work(n->unet, s->width, s->height);
    double macs = u.forward + u.backward;

    for (size_t i = 0; i < n->clip_count; i++) {
        nj_network_work c;

        if (n->clips[i].embed_dim == 0 || n->clips[i].patch_size == 0)
            return 0;
        c = nj_clip_work(&n->clips[i]);
        macs += (c.forward + c.backward) * s->cutn * s->cutn_batches;
    }
    return 2 * macs * s->batch_size;
}

/* ---- bytes ----------------------------------------------------------------
 */

static bool is_half(const nj_networks *n)
{
    return n->precision == NJ_PRECISION_BF16 ||
           n->precision == NJ_PRECISION_FP16 ||
           (n->precision == NJ_PRECISION_AUTO && n->cuda);
}

static double unet_bytes(const nj_networks *n)
{
    return is_half(n) ? 2 : 4;
}

static double clip_bytes(const nj_networks *n)
{
    return is_half(n) && !(n->cuda && n->precision == NJ_PRECISION_BF16) ? 2
                                                                         : 4;
}

static nj_space_how how_of(const nj_networks *n, double bytes, int images)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = n->threads > 0 ? n->threads : cores > 0 ? (int)cores : 1;

    return (nj_space_how){
        .bytes = bytes, .threads = n->cuda ? 0 : threads, .images = images};
}

/* Steps at which curves are looked at. */
#define PLACES 1000

/* Disco's cutouts at most: two curves that may take turns. */
static int disco_cuts(const nj_settings *s)
{
    int length = s->curves[NJ_CURVED_CUT_OVERVIEW].length;
    int most = 0;

    for (int i = 0; i < PLACES; i++) {
        const nj_curve_place place = {i, i * (length > 0 ? length : PLACES) /
                                             PLACES};
        const nj_settings at = nj_settings_at(s, &place);
        int cuts = at.cut_overview + at.cut_innercut;

        most = cuts > most ? cuts : most;
    }
    return most;
}

/* Cutouts of a batch of them, for each picture. */
static int cuts_of(const nj_settings *s)
{
    return s->cutouts == NJ_CUTOUTS_DISCO ? disco_cuts(s) : s->cutn;
}

/* Copies that augmentations make of a cutout, in its size at that time: those
 * kept for the backward pass, those besides while one is made or gone back
 * through, and those of making them once more and going back, where slices do
 * so; 0: they keep theirs. */
static const struct {
    double kept, beside, again;
} copies[] = {
    [NJ_CHAIN_2021_11] = {1.4, 4, 11},
    [NJ_CHAIN_2021_09] = {.2, 5, 0},
    [NJ_CHAIN_DISCO] = {1, 3, 0},
};

/* Bytes of a picture's cutouts before they are made smaller. */
struct cut_bytes {
    double all;     /* on average */
    double at_once; /* at most in one go */
};

/* Boxes of which a mean is taken. */
#define BOXES 256

static struct cut_bytes boxes_of(const nj_settings *s, int clip_size)
{
    const nj_source from = {0, 0, NJ_STREAM_BOXES, 0};
    const nj_boxes_config config = {s->cutouts, s->width, s->height,
                                    clip_size,  BOXES,    s->cut_pow};
    nj_box boxes[BOXES];
    struct cut_bytes b = {0, 0};

    nj_draw_boxes(&config, &from, boxes);
    for (int i = 0; i < BOXES; i++) {
        double one = 4.0 * 3 * boxes[i].w * boxes[i].h;

        b.all += one * s->cutn / BOXES;
        b.at_once = larger(b.at_once, one);
    }
    return b;
}

/* Disco's have CLIP's size when they are augmented, all at once. */
static struct cut_bytes cut_bytes_of(const nj_settings *s, int clip_size)
{
    double all = 4.0 * 3 * clip_size * clip_size * cuts_of(s);

    return s->cutouts == NJ_CUTOUTS_DISCO ? (struct cut_bytes){all, all}
                                          : boxes_of(s, clip_size);
}

/* What cutouts for one CLIP need with it, at most. */
static double cuts_peak(const nj_settings *s, const nj_clip_card *card,
                        const nj_thrift *how, double clip)
{
    struct cut_bytes b = cut_bytes_of(s, card->image_size);
    double cuts = CUTS * 4 * 3 * card->image_size * card->image_size *
                  cuts_of(s) * s->batch_size;
    nj_chain chain;

    if (!nj_chain_of(s, &chain))
        return cuts + clip;
    if (how->clip_slices > 1 && copies[chain].again > 0)
        return cuts + larger(clip, copies[chain].again * b.at_once);
    return cuts + copies[chain].kept * b.all * s->batch_size +
           larger(clip, copies[chain].beside * b.at_once);
}

/* What the cutouts' losses need, at most. */
static double guides_peak(const nj_networks *n, const nj_settings *s,
                          const nj_thrift *how)
{
    int slice = (cuts_of(s) + how->clip_slices - 1) / how->clip_slices;
    double peak = 0;

    for (size_t i = 0; i < n->clip_count; i++) {
        const nj_clip_card *card = &n->clips[i];
        nj_space_how clip = how_of(n, clip_bytes(n), slice * s->batch_size);

        peak = larger(peak,
                      cuts_peak(s, card, how, nj_clip_space(card, &clip).peak));
    }
    return peak;
}

/* Whether a gradient is taken at any step. */
static bool is_guided(const nj_networks *n, const nj_settings *s)
{
    return (s->clip_guidance_scale != 0 && n->clip_count > 0) ||
           s->tv_scale != 0 || s->sat_scale != 0 || s->range_scale != 0 ||
           n->lpips;
}

/* Whether the networks are played back as graphs. */
static bool is_played(const nj_networks *n, const nj_thrift *how)
{
    return n->cuda && !how->saving.launch;
}

/* What a heap holds for each byte of the UNet's activations. */
static double pieces_of_unet(const nj_networks *n, const nj_thrift *how,
                             bool forward)
{
    if (forward && !n->cuda)
        return PIECES_APART;
    if (how->saving.recompute)
        return PIECES_TWICE;
    return n->cuda ? PIECES_CUDA : PIECES;
}

/* Activations, at most, in pieces of the host's heap. */
static double step_peak(const nj_networks *n, const nj_settings *s,
                        const nj_thrift *how)
{
    nj_space_how plain = how_of(n, unet_bytes(n), s->batch_size);
    double pixels = (double)s->width * s->height;
    double pictures = PICTURES * 4 * 3 * pixels * s->batch_size;
    double guides = s->clip_guidance_scale != 0 ? guides_peak(n, s, how) : 0;
    double whole = n->cuda ? PIECES_CUDA : PIECES;
    double apart = n->cuda ? PIECES_CUDA : PIECES_APART;
    double pieces;
    nj_space unet;
    nj_space through;

    plain.recompute = how->saving.recompute;
    plain.forward = n->secondary || !is_guided(n, s);
    unet = nj_unet_space(n->unet, s->width, s->height, &plain);
    pieces = pieces_of_unet(n, how, plain.forward);
    unet = (nj_space){pieces * unet.kept, pieces * unet.peak};
    through = unet;
    if (n->secondary) {
        nj_space_how alone = how_of(n, 4, s->batch_size);

        through = nj_secondary_space(s->width, s->height, &alone);
        through = (nj_space){apart * through.kept, apart * through.peak};
    }
    if (n->lpips) {
        nj_space_how alone = how_of(n, 4, s->batch_size);
        nj_space lpips = nj_lpips_space(s->width, s->height, &alone);

        guides = larger(guides, lpips.peak) +
                 /* the start picture's, for the whole run */
                 4 * pixels * s->batch_size * (64 + 32 + 16 + 8 + 2);
    }
    return whole * pictures + larger(larger(unet.peak, through.peak),
                                     through.kept + whole * guides);
}

static double weight_bytes(const nj_networks *n, const nj_settings *s,
                           const nj_thrift *how)
{
    double bytes =
        nj_unet_work(n->unet, s->width, s->height).weights * unet_bytes(n);

    for (size_t i = 0; i < n->clip_count; i++) {
        nj_network_work c = nj_clip_work(&n->clips[i]);

        bytes += (c.weights - (how->saving.drop_text ? c.text_weights : 0)) *
                 clip_bytes(n);
    }
    if (n->secondary)
        bytes += 4 * SECONDARY_WEIGHTS;
    if (n->lpips)
        bytes += 4 * LPIPS_WEIGHTS;
    return bytes;
}

nj_footprint nj_footprint_of(const nj_networks *n, const nj_settings *s,
                             const nj_thrift *how)
{
    double weights;
    double bytes;

    if (!known(n))
        return (nj_footprint){0, 0};
    weights = weight_bytes(n, s, how);
    bytes = weights + step_peak(n, s, how);
    if (n->cuda) {
        bytes += DEVICE_BYTES + smaller(WORKSPACE_BYTES, weights) +
                 (is_played(n, how) ? GRAPHS_BYTES : 0);
        return (nj_footprint){(uint64_t)HOST_BYTES_CUDA, (uint64_t)bytes};
    }
    bytes += HOST_BYTES + smaller(PACKED_BYTES, PACKED_SHARE * weights);
    return (nj_footprint){(uint64_t)bytes, 0};
}

/* ---- what fits ------------------------------------------------------------
 */

static bool fits(const nj_footprint *need, const nj_room *room, double doubt)
{
    return (room->host == 0 ||
            (double)need->host <= (double)room->host * (1 + doubt)) &&
           (room->device == 0 ||
            (double)need->device <= (double)room->device * (1 + doubt));
}

/* From the quickest to the smallest. */
static nj_thrift way(const nj_networks *n, const nj_settings *s, int step)
{
    int sliced = (cuts_of(s) + CUTS_OF_SLICE - 1) / CUTS_OF_SLICE;
    nj_thrift t = {.clip_slices = s->clip_slices > 1 ? s->clip_slices : 1};

    t.saving.drop_text = step > 0;
    t.saving.recompute = step > 1;
    if (step > 2 && sliced > t.clip_slices)
        t.clip_slices = sliced;
    t.saving.launch = n->launch || !n->cuda || step > 3;
    return t;
}

enum { FASTEST = 0, SMALL = 3, SMALLEST = 4 };

nj_thrift nj_footprint_choose(const nj_networks *n, const nj_settings *s,
                              nj_memory memory, const nj_room *room)
{
    nj_thrift t = way(n, s, memory == NJ_MEMORY_SMALL ? SMALL : FASTEST);

    if (memory != NJ_MEMORY_AUTO)
        return t;
    for (int i = FASTEST; i <= SMALLEST; i++) {
        nj_footprint need;

        t = way(n, s, i);
        need = nj_footprint_of(n, s, &t);
        if (fits(&need, room, 0))
            break;
    }
    return t;
}

nj_thrift nj_footprint_choose_for(const nj_job *job, const nj_group *g,
                                  bool cuda, const nj_room *room)
{
    nj_networks n = nj_networks_of(job, g, cuda);

    return nj_footprint_choose(&n, &g->options.settings, g->options.memory,
                               room);
}

/* Whether `s` fits when as much is saved as at that step. */
static bool fits_at(int step, const nj_networks *n, const nj_settings *s,
                    const nj_room *room)
{
    nj_thrift t = way(n, s, step);
    nj_footprint need = nj_footprint_of(n, s, &t);

    return fits(&need, room, 0);
}

/* What would fit, as options: less saved at first, then fewer pictures, then
 * fewer bits, then fewer cutouts. */
static void advise(nj_networks n, nj_settings s, const nj_room *room, char *out,
                   size_t size)
{
    if (fits_at(SMALLEST, &n, &s, room)) {
        snprintf(out, size, "--memory small%s would fit",
                 fits_at(SMALL, &n, &s, room) ? "" : " --no-graphs");
        return;
    }
    while (s.batch_size > 1) {
        s.batch_size /= 2;
        if (!fits_at(SMALL, &n, &s, room))
            continue;
        snprintf(out, size, "--batch-size %d --memory small would fit",
                 s.batch_size);
        return;
    }
    if (unet_bytes(&n) == 4) {
        n.precision = NJ_PRECISION_BF16;
        if (fits_at(SMALL, &n, &s, room)) {
            snprintf(out, size,
                     "--precision bf16 --batch-size 1 --memory small would "
                     "fit");
            return;
        }
    }
    snprintf(out, size, "no --batch-size and --memory would fit");
}

static nj_status refuse(const nj_networks *n, const nj_settings *s,
                        const nj_footprint *need, const nj_room *room,
                        nj_err *err)
{
    char advice[96];
    bool host = room->host && need->host > room->host;
    double needed = (double)(host ? need->host : need->device);
    double there = (double)(host ? room->host : room->device);

    advise(*n, *s, room, advice, sizeof(advice));
    return nj_fail(err, NJ_E_MEMORY,
                   "about %.1f GB of %smemory are needed and %.1f GB are free: "
                   "%s",
                   needed / 1e9, host ? "" : "the GPU's ", there / 1e9, advice);
}

nj_status nj_footprint_check(const nj_job *job, bool cuda, const nj_room *room,
                             nj_err *err)
{
    for (size_t i = 0; i < job->group_count; i++) {
        const nj_group *g = &job->groups[i];
        nj_networks n = nj_networks_of(job, g, cuda);
        nj_thrift how = nj_footprint_choose_for(job, g, cuda, room);
        nj_footprint need = nj_footprint_of(&n, &g->options.settings, &how);

        if (!fits(&need, room, DOUBT))
            return refuse(&n, &g->options.settings, &need, room, err);
    }
    return NJ_OK;
}

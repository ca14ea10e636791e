/* Loads a network in full size, runs it once forwards and backwards on the
 * CPU and prints seconds and memory, one figure a line.
 *
 *     bench_network unet CARD.json FILE [--plain] [--side N] [--load]
 *     bench_network clip FILE [--plain] [--load]
 *
 * --plain: libtorch's own autograd instead of the functions that keep less;
 * --load: only load. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/clip.h"
#include "model/unet.h"

struct arguments {
    const char *kind;
    const char *card;
    const char *file;
    int64_t side; /* of the UNet's picture; 0: as the card says */
    bool plain;
    bool load;
    double before; /* resident MiB before the file was opened */
};

static const th_device cpu = {TH_CPU, 0};

static bool parse(int argc, char **argv, struct arguments *a)
{
    int i = 1;

    if (argc < 3)
        return false;
    a->kind = argv[i++];
    if (strcmp(a->kind, "unet") == 0)
        a->card = argv[i++];
    else if (strcmp(a->kind, "clip") != 0)
        return false;
    if (i >= argc)
        return false;
    a->file = argv[i++];
    for (; i < argc; i++) {
        if (strcmp(argv[i], "--plain") == 0)
            a->plain = true;
        else if (strcmp(argv[i], "--load") == 0)
            a->load = true;
        else if (strcmp(argv[i], "--side") == 0 && i + 1 < argc)
            a->side = strtol(argv[++i], NULL, 10);
        else
            return false;
    }
    return true;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A line of /proc/self/status, in MiB; 0 where there is none. */
static double memory(const char *key)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    double mib = 0;

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            mib = strtod(line + strlen(key) + 1, NULL) / 1024.0;
    if (f)
        fclose(f);
    return mib;
}

static void show_loaded(const struct arguments *a, double started,
                        const nj_weights *w)
{
    double peak = memory("VmHWM") - a->before;
    double numbers = 0;
    double converted;

    for (size_t i = 0; i < nj_weights_count(w); i++)
        numbers += (double)nj_view_elements(nj_weights_at(w, i));
    converted = numbers * 4.0 / 1048576.0;
    printf("load_seconds %.2f\n", now() - started);
    printf("converted_mib %.1f\n", converted);
    printf("peak_of_loading_mib %.1f, %.3f of the converted network\n", peak,
           peak / converted);
}

/* Forwards and backwards; y is a function of x that a caller made. */
static void show_gradient(th_scope *s, double started, const th_tensor *y,
                          const th_tensor *x)
{
    double forward = now();
    th_tensor *g;

    printf("forward_seconds %.2f\n", forward - started);
    printf("saved_mib %.1f\n", (double)th_saved_bytes() / 1048576.0);
    g = th_grad(s, y, NULL, x);
    printf("backward_seconds %.2f\n", now() - forward);
    printf("finite %d\n", th_all_finite(s, y) && th_all_finite(s, g));
    printf("peak_rss_mib %.1f\n", memory("VmHWM"));
}

static th_tensor *picture(th_scope *s, int64_t side)
{
    const int64_t shape[4] = {1, 3, side, side};
    th_tensor *x = th_full(s, NJ_F32, cpu, 4, shape, 0.5);

    return th_leaf(s, x, true);
}

static nj_status run_unet(const struct arguments *a, const nj_weights *w,
                          nj_err *err)
{
    nj_unet_card card;
    nj_unet *u = NULL;
    double started = now();
    th_scope *s = th_scope_new(NULL);
    nj_status status = nj_unet_card_read(a->card, &card, err);

    if (status == NJ_OK)
        status = nj_unet_new(w, &card, NJ_F32, cpu, &u, err);
    if (u)
        show_loaded(a, started, w);
    if (u && !a->load) {
        const int64_t one[1] = {1};
        th_tensor *x = picture(s, a->side ? a->side : card.image_size);
        th_tensor *t = th_full(s, NJ_F32, cpu, 1, one, 500.0);

        started = now();
        show_gradient(s, started, nj_unet_forward(s, u, x, t, NULL, NULL), x);
        status = th_scope_check(s, err);
    }
    th_scope_free(s);
    nj_unet_free(u);
    return status;
}

static void show_clip(const nj_clip_config *c)
{
    printf("%s embed %d image %d width %d heads %d layers",
           c->resnet ? "resnet" : "vit", c->embed, c->image_size,
           c->vision_width, c->vision_heads);
    for (int i = 0; i < (c->resnet ? 4 : 1); i++)
        printf(" %d", c->vision_layers[i]);
    printf("; text width %d heads %d layers %d context %d vocabulary %d\n",
           c->text_width, c->text_heads, c->text_layers, c->context,
           c->vocabulary);
}

static nj_status run_clip(const struct arguments *a, const nj_weights *w,
                          nj_err *err)
{
    nj_clip *c = NULL;
    double started = now();
    th_scope *s = th_scope_new(NULL);
    nj_status status = nj_clip_new(w, NULL, NJ_F32, cpu, &c, err);

    if (c) {
        show_clip(nj_clip_shape(c));
        show_loaded(a, started, w);
    }
    if (c && !a->load) {
        th_tensor *x = picture(s, nj_clip_shape(c)->image_size);

        started = now();
        show_gradient(s, started, nj_clip_encode_image(s, c, x, NULL), x);
        status = th_scope_check(s, err);
    }
    th_scope_free(s);
    nj_clip_free(c);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    nj_weights *w = NULL;
    nj_err err = {0};
    nj_status status;

    if (!parse(argc, argv, &a)) {
        fprintf(stderr, "usage: bench_network unet CARD.json FILE | clip FILE "
                        "[--plain] [--side N] [--load]\n");
        return 2;
    }
    th_set_plain_autograd(a.plain);
    a.before = memory("VmRSS");
    status = nj_weights_open(a.file, &w, &err);
    if (status == NJ_OK)
        status = a.card ? run_unet(&a, w, &err) : run_clip(&a, w, &err);
    nj_weights_free(w);
    if (status != NJ_OK)
        fprintf(stderr, "%s\n", err.text);
    return status == NJ_OK ? 0 : 1;
}

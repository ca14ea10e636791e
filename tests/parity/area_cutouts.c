/* Parity of cutouts: boxes, pooling, resampling, augmentations. */
#include <stdlib.h>
#include <string.h>

#include "diffusion/bands.h"
#include "diffusion/boxes.h"
#include "engine/augment.h"
#include "engine/cutouts.h"
#include "engine/resample.h"
#include "parity/areas.h"
#include "parity/tensors.h"

/* The numbers of a JSON array, `n` of them; a failure otherwise. */
static void numbers(parity_case *c, const cJSON *array, double *out, int n)
{
    if (cJSON_GetArraySize(array) != n)
        parity_fail(c, "an array of %d numbers is missing", n);
    for (int i = 0; i < n; i++)
        out[i] = cJSON_GetNumberValue(cJSON_GetArrayItem(array, i));
}

static int whole_number(parity_case *c, const char *key)
{
    return (int)parity_number(c, key);
}

/* ---- boxes ------------------------------------------------------------- */

static bool box_is(const nj_box *b, const cJSON *want)
{
    return b->w == nj_json_number(want, "size", -1) && b->h == b->w &&
           b->x == nj_json_number(want, "x", -1) &&
           b->y == nj_json_number(want, "y", -1);
}

static void run_boxes(parity_case *c)
{
    const cJSON *e;

    cJSON_ArrayForEach(e, nj_json_get(parity_config(c), "boxes"))
    {
        const nj_canvas in = {
            .width = (int)nj_json_number(e, "width", 0),
            .height = (int)nj_json_number(e, "height", 0),
            .cut_size = (int)nj_json_number(e, "cut_size", 0),
        };
        double u[3];
        nj_box b;

        numbers(c, nj_json_get(e, "u"), u, 3);
        b = nj_box_crowson(&in, nj_json_number(e, "cut_pow", 1), u);
        parity_expect(c, box_is(&b, e), "box %d at %d,%d in %d x %d", b.w, b.x,
                      b.y, in.width, in.height);
    }
}

/* ---- pooling and resampling -------------------------------------------- */

/* Cuts x with the same boxes for each image. */
static th_tensor *cut(parity_case *c, th_scope *s, const th_tensor *x,
                      nj_cutout_plan *plan, const nj_box *boxes)
{
    const size_t images = (size_t)th_size(x, 0);
    nj_box *all = parity_alloc(c, images * plan->cutn, sizeof(*all));

    for (size_t i = 0; i < images; i++)
        memcpy(all + i * plan->cutn, boxes, plan->cutn * sizeof(*boxes));
    plan->images = images;
    plan->boxes = all;
    return nj_plain_cutouts(s, x, plan);
}

static th_tensor *pool(parity_case *c, th_scope *s, const th_tensor *x)
{
    const cJSON *list = nj_json_get(parity_config(c), "boxes_size_x_y");
    const int n = cJSON_GetArraySize(list);
    nj_box *boxes = parity_alloc(c, (size_t)n, sizeof(*boxes));
    nj_cutout_plan plan = {.filter = NJ_CUT_POOL,
                           .size = whole_number(c, "cut_size"),
                           .cutn = (size_t)n};

    for (int i = 0; i < n; i++) {
        double v[3];

        numbers(c, cJSON_GetArrayItem(list, i), v, 3);
        boxes[i] = (nj_box){(int)v[1], (int)v[2], (int)v[0], (int)v[0]};
    }
    return cut(c, s, x, &plan, boxes);
}

static th_tensor *pool_oblong(parity_case *c, th_scope *s, const th_tensor *x)
{
    double size[2];

    numbers(c, nj_json_get(parity_config(c), "size"), size, 2);
    return nj_resample_pool(s, x, (int)size[0], (int)size[1]);
}

static th_tensor *resample(parity_case *c, th_scope *s, const th_tensor *x)
{
    const int size = whole_number(c, "size");

    return nj_resample_lanczos(s, x, size, size);
}

static th_tensor *resize_right(parity_case *c, th_scope *s, const th_tensor *x)
{
    const int size = whole_number(c, "size");

    return nj_resample_cubic(s, x, size, size);
}

static void run_kernels(parity_case *c)
{
    const cJSON *pair;

    cJSON_ArrayForEach(pair, nj_json_get(parity_config(c), "pairs_from_to"))
    {
        double v[2];
        double *weights = NULL;
        int taps = 0;
        int64_t shape;
        float *got;
        nj_err err = {0};

        numbers(c, pair, v, 2);
        if (parity_bad(
                c,
                nj_lanczos_weights((int)v[0], (int)v[1], &weights, &taps, &err),
                &err))
            return;
        got = parity_alloc(c, (size_t)taps, sizeof(*got));
        for (int i = 0; i < taps; i++)
            got[i] = (float)weights[i];
        free(weights);
        shape = taps;
        parity_check_f32(
            c, parity_text(c, "kernel_%d_to_%d", (int)v[0], (int)v[1]), got, 1,
            &shape);
    }
}

static nj_box quick_box(parity_case *c, const nj_canvas *in, const cJSON *e,
                        bool whole)
{
    double u[2];
    nj_box b = {.w = in->width, .h = in->height};

    parity_expect(c, nj_json_bool(e, "whole", false) == whole,
                  "a cut is whole where it should not be");
    if (whole)
        return b;
    numbers(c, nj_json_get(e, "u"), u, 2);
    b = nj_box_russell(in, nj_json_number(e, "normal", 0), u);
    parity_expect(c, box_is(&b, e), "box %d at %d,%d", b.w, b.x, b.y);
    return b;
}

static th_tensor *quick_cuts(parity_case *c, th_scope *s, const th_tensor *x)
{
    const int cutn = whole_number(c, "cutn");
    const int border = nj_russell_border((int)th_size(x, 2));
    const nj_canvas in = {.width = (int)th_size(x, 3) + 2 * border,
                          .height = (int)th_size(x, 2) + 2 * border,
                          .cut_size = whole_number(c, "cut_size")};
    nj_cutout_plan plan = {.filter = NJ_CUT_LANCZOS,
                           .size = in.cut_size,
                           .border = border,
                           .cutn = (size_t)cutn};
    nj_box *boxes = parity_alloc(c, (size_t)cutn, sizeof(*boxes));
    const cJSON *list = nj_json_get(parity_config(c), "boxes");

    parity_expect(c, border == whole_number(c, "pad"), "border %d", border);
    for (int i = 0; i < cutn; i++)
        boxes[i] = quick_box(c, &in, cJSON_GetArrayItem(list, i),
                             nj_russell_whole(cutn, i));
    return cut(c, s, x, &plan, boxes);
}

static th_tensor *normalise(parity_case *c, th_scope *s, const th_tensor *x)
{
    double mean[3], std[3];

    numbers(c, nj_json_get(parity_config(c), "mean"), mean, 3);
    numbers(c, nj_json_get(parity_config(c), "std"), std, 3);
    return nj_normalise(s, x, mean, std);
}

/* ---- augmentations ----------------------------------------------------- */

static nj_sampling sampling(parity_case *c, double fill[3])
{
    const cJSON *config = parity_config(c);
    const cJSON *list = nj_json_get(config, "fill");
    nj_sampling how = {
        .nearest = strcmp(nj_json_string(config, "interpolation", "bilinear"),
                          "nearest") == 0};

    if (cJSON_IsArray(list)) {
        numbers(c, list, fill, 3);
        how.fill = fill;
    }
    return how;
}

static void corners(parity_case *c, const char *key, double out[4][2])
{
    const cJSON *list = nj_json_get(parity_config(c), key);

    for (int i = 0; i < 4; i++)
        numbers(c, cJSON_GetArrayItem(list, i), out[i], 2);
}

static th_tensor *affine(parity_case *c, th_scope *s, const th_tensor *x)
{
    double shift[2], fill[3], shear[2] = {0, 0};
    const nj_sampling how = sampling(c, fill);

    if (nj_json_get(parity_config(c), "shear"))
        numbers(c, nj_json_get(parity_config(c), "shear"), shear, 2);
    if (nj_json_number(parity_config(c), "scale", 1) != 1 || shear[0] != 0 ||
        shear[1] != 0)
        parity_fail(c, "scale and shear are not part of the program");
    numbers(c, nj_json_get(parity_config(c), "translate"), shift, 2);
    return nj_augment_affine(s, x, parity_number(c, "angle"), shift, how);
}

static th_tensor *perspective(parity_case *c, th_scope *s, const th_tensor *x)
{
    double from[4][2], to[4][2], fill[3];
    const nj_sampling how = sampling(c, fill);

    corners(c, "startpoints", from);
    corners(c, "endpoints", to);
    return nj_augment_perspective(s, x, (const double(*)[2])from,
                                  (const double(*)[2])to, how);
}

static th_tensor *brightness(parity_case *c, th_scope *s, const th_tensor *x)
{
    return nj_augment_brightness(s, x, parity_number(c, "factor"));
}

static th_tensor *contrast(parity_case *c, th_scope *s, const th_tensor *x)
{
    return nj_augment_contrast(s, x, parity_number(c, "factor"));
}

static th_tensor *saturation(parity_case *c, th_scope *s, const th_tensor *x)
{
    return nj_augment_saturation(s, x, parity_number(c, "factor"));
}

static th_tensor *hue(parity_case *c, th_scope *s, const th_tensor *x)
{
    return nj_augment_hue(s, x, parity_number(c, "factor"));
}

static th_tensor *gray(parity_case *c, th_scope *s, const th_tensor *x)
{
    (void)c;
    return nj_augment_gray(s, x);
}

static th_tensor *hflip(parity_case *c, th_scope *s, const th_tensor *x)
{
    (void)c;
    return nj_augment_hflip(s, x);
}

/* The colour draws of the config. */
static void jitter_draws(parity_case *c, const char *order,
                         nj_augmentation *draws)
{
    static const char letters[] = "bcsh";
    const cJSON *list = nj_json_get(parity_config(c), order);

    for (int i = 0; i < 4; i++) {
        const char *letter = cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
        const char *found = letter ? strchr(letters, letter[0]) : NULL;

        if (!found || *found == '\0')
            parity_fail(c, "step %d of '%s' is not known", i, order);
        else
            draws->order[i] = (nj_jitter)(found - letters);
    }
    draws->factor[0] = parity_number(c, "brightness");
    draws->factor[1] = parity_number(c, "contrast");
    draws->factor[2] = parity_number(c, "saturation");
    draws->hue = parity_number(c, "hue");
}

static th_tensor *jitter(parity_case *c, th_scope *s, const th_tensor *x)
{
    nj_augmentation draws = {0};

    jitter_draws(c, "order", &draws);
    return nj_augment_jitter(s, x, &draws);
}

static const struct {
    const char *op;
    parity_operation f;
} operations[] = {
    {"affine", affine},
    {"perspective", perspective},
    {"brightness", brightness},
    {"contrast", contrast},
    {"saturation", saturation},
    {"hue", hue},
    {"gray", gray},
    {"hflip", hflip},
    {"jitter", jitter},
};

static void run_augment(parity_case *c)
{
    const char *op = parity_string(c, "op");

    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(op, operations[i].op) == 0) {
            parity_run_operation(c, operations[i].f);
            return;
        }
    parity_fail(c, "operation '%s' is not known", op);
}

static th_tensor *chain(parity_case *c, th_scope *s, const th_tensor *x)
{
    const int size = whole_number(c, "size");
    const double scale = parity_number(c, "noise_scale");
    nj_augmentation draws = {.flip = true,
                             .angle = parity_number(c, "angle"),
                             .perspective = true,
                             .gray =
                                 nj_json_bool(parity_config(c), "gray", false)};
    const th_tensor *noise[4];
    th_tensor *y;

    for (int i = 0; i < 4; i++)
        noise[i] = th_mul_scalar(
            s, parity_tensor_in(c, s, parity_text(c, "noise_%d", i)), scale);
    numbers(c, nj_json_get(parity_config(c), "translate"), draws.shift, 2);
    corners(c, "endpoints", draws.corners);
    jitter_draws(c, "jitter_order", &draws);
    y = nj_augment(s, x, NJ_CHAIN_2021_11, &draws, noise);
    return nj_clip_normalise(s, nj_resample_lanczos(s, y, size, size));
}

/* ---- kinds ------------------------------------------------------------- */

#define OPERATION(name)                                                        \
    static void run_##name(parity_case *c)                                     \
    {                                                                          \
        parity_run_operation(c, name);                                         \
    }
OPERATION(pool)
OPERATION(pool_oblong)
OPERATION(resample)
OPERATION(resize_right)
OPERATION(quick_cuts)
OPERATION(normalise)
OPERATION(chain)

const parity_kind parity_cutouts[] = {
    {"cutout_boxes", run_boxes},
    {"cutout_pool", run_pool},
    {"cutout_pool_oblong", run_pool_oblong},
    {"lanczos_kernels", run_kernels},
    {"resample", run_resample},
    {"quick_cuts", run_quick_cuts},
    {"resize_right", run_resize_right},
    {"clip_normalise", run_normalise},
    {"augment", run_augment},
    {"augment_chain", run_chain},
    {0},
};

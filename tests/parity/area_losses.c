/* Parity of the guidance terms, the clamp, fuzzy prompts and perlin noise. */
#include <math.h>
#include <string.h>

#include "diffusion/perlin.h"
#include "engine/losses.h"
#include "parity/areas.h"
#include "parity/tensors.h"

/* A tensor [n] of the config's array `key`. */
static th_tensor *config_tensor(parity_case *c, th_scope *s, const char *key)
{
    const cJSON *list = nj_json_get(parity_config(c), key);
    const int64_t n = cJSON_GetArraySize(list);
    float *values = parity_alloc(c, (size_t)n, sizeof(*values));

    for (int i = 0; i < n; i++)
        values[i] = (float)cJSON_GetNumberValue(cJSON_GetArrayItem(list, i));
    return parity_place(s, th_from_data(s, NJ_F32, 1, &n, values));
}

static th_tensor *leaf(parity_case *c, th_scope *s, const char *name)
{
    return th_leaf(s, parity_tensor_in(c, s, name), true);
}

/* ---- pixel terms ------------------------------------------------------- */

typedef th_tensor *(*image_loss)(th_scope *s, const th_tensor *x);

static void weighted_loss(parity_case *c, image_loss f)
{
    th_scope *s = th_scope_new(NULL);
    const th_tensor *x = leaf(c, s, "x");
    const th_tensor *loss = f(s, x);

    parity_check_tensor(c, s, "loss", loss);
    parity_check_tensor(
        c, s, "grad_x",
        th_grad(s, loss, config_tensor(c, s, "image_factor"), x));
    th_scope_free(s);
}

static void run_tv(parity_case *c)
{
    weighted_loss(c, nj_tv_loss);
}

static void run_range(parity_case *c)
{
    weighted_loss(c, nj_range_loss);
}

static void run_saturation(parity_case *c)
{
    th_scope *s = th_scope_new(NULL);
    const th_tensor *x = leaf(c, s, "x");
    const th_tensor *loss = nj_saturation_loss(s, x);
    const th_tensor *mean = th_mean_dims(s, loss, 1, (const int[]){0}, false);

    parity_check_tensor(c, s, "loss_per_image", loss);
    parity_check_tensor(c, s, "loss_whole_batch", mean);
    parity_check_tensor(c, s, "grad_x", th_grad(s, mean, NULL, x));
    th_scope_free(s);
}

/* tv, range and saturation with the config's scales. The public code takes
 * the mean of the saturation over the batch, so the program's term per image
 * counts 1/B here. */
static th_tensor *pixel_sum(parity_case *c, th_scope *s, const th_tensor *x_in,
                            const th_tensor *x0)
{
    const double batch = (double)th_size(x0, 0);
    const th_tensor *tv = nj_tv_loss(s, x_in);
    const th_tensor *range = nj_range_loss(s, x0);
    const th_tensor *sat = nj_saturation_loss(s, x_in);

    tv = th_mul_scalar(s, tv, parity_number(c, "tv_scale"));
    range = th_mul_scalar(s, range, parity_number(c, "range_scale"));
    sat = th_mul_scalar(s, sat, parity_number(c, "sat_scale") / batch);
    return th_sum(s, th_add(s, th_add(s, tv, range), sat));
}

static void run_pixel_losses(parity_case *c)
{
    th_scope *s = th_scope_new(NULL);
    const th_tensor *x0 = leaf(c, s, "pred_xstart");
    const th_tensor *x = parity_tensor_in(c, s, "x");
    const th_tensor *x_in = nj_blend(s, x0, x, parity_number(c, "fac"));
    const th_tensor *loss = pixel_sum(c, s, x_in, x0);

    parity_check_tensor(c, s, "x_in", x_in);
    parity_check_tensor(c, s, "loss", loss);
    parity_check_tensor(c, s, "grad_x_in", th_grad_retain(s, loss, NULL, x_in));
    parity_check_tensor(c, s, "grad_pred_xstart", th_grad(s, loss, NULL, x0));
    th_scope_free(s);
}

/* ---- CLIP terms -------------------------------------------------------- */

/* Raw weights over the absolute value of their sum. */
static th_tensor *normalised_weights(parity_case *c, th_scope *s)
{
    const parity_tensor *w = parity_input(c, "weights");
    double sum = 0;

    for (size_t i = 0; w && w->f32 && i < w->n; i++)
        sum += w->f32[i];
    return th_mul_scalar(s, parity_tensor_in(c, s, "weights"), 1 / fabs(sum));
}

static void run_clip_loss(parity_case *c)
{
    const size_t images = (size_t)parity_number(c, "batch");
    const double scale = parity_number(c, "clip_guidance_scale");
    th_scope *s = th_scope_new(NULL);
    const th_tensor *e = leaf(c, s, "image_embeds");
    const th_tensor *d =
        nj_clip_distances(s, e, parity_tensor_in(c, s, "target_embeds"));
    const th_tensor *per_image =
        nj_clip_loss(s, d, normalised_weights(c, s), images);
    const th_tensor *loss = th_mul_scalar(s, th_sum(s, per_image), scale);

    parity_check_tensor(c, s, "distances", d);
    parity_check_tensor(c, s, "loss_per_image", per_image);
    parity_check_tensor(c, s, "loss", loss);
    parity_check_tensor(c, s, "grad_image_embeds", th_grad(s, loss, NULL, e));
    th_scope_free(s);
}

static void run_spherical(parity_case *c)
{
    th_scope *s = th_scope_new(NULL);
    const th_tensor *x = leaf(c, s, "x");
    const th_tensor *d =
        nj_spherical_distance(s, x, parity_tensor_in(c, s, "y"));

    parity_check_tensor(c, s, "distances", d);
    parity_expect(c, th_all_finite(s, th_grad(s, d, NULL, x)),
                  "the gradient is not finite");
    th_scope_free(s);
}

static void run_rms_clamp(parity_case *c)
{
    const double limit = parity_number(c, "clamp_max");
    th_scope *s = th_scope_new(NULL);
    const th_tensor *g = parity_tensor_in(c, s, "grad");

    parity_check_tensor(c, s, "whole_batch", nj_rms_clamp_batch(s, g, limit));
    parity_check_tensor(c, s, "per_image", nj_rms_clamp(s, g, limit));
    th_scope_free(s);
}

static void run_fuzzy(parity_case *c)
{
    th_scope *s = th_scope_new(NULL);
    const th_tensor *embed = parity_tensor_in(c, s, "embed");
    const th_tensor *noise = parity_tensor_in(c, s, "noise");

    parity_check_tensor(
        c, s, "targets",
        nj_fuzzy_targets(s, embed, noise, parity_number(c, "rand_mag")));
    th_scope_free(s);
}

/* ---- start picture ----------------------------------------------------- */

/* Checks n bytes against a float output of [channels,height,width]. */
static void check_bytes(parity_case *c, const char *name, const uint8_t *bytes,
                        const int64_t shape[3])
{
    const size_t n = (size_t)(shape[0] * shape[1] * shape[2]);
    float *got = parity_alloc(c, n, sizeof(*got));

    for (size_t i = 0; i < n; i++)
        got[i] = bytes[i];
    parity_check_f32(c, name, got, 3, shape);
}

static void stretch(uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < 3; i++)
        nj_autocontrast(rgb + i * pixels, pixels);
}

static void run_autocontrast(parity_case *c)
{
    const parity_tensor *x = parity_input(c, "x");
    uint8_t *rgb;

    if (!x || !x->f32 || x->ndim != 3)
        return;
    rgb = parity_alloc(c, x->n, 1);
    nj_perlin_rgb8(x->f32, x->n, rgb);
    check_bytes(c, "rgb8", rgb, x->shape);
    stretch(rgb, x->n / 3);
    check_bytes(c, "stretched", rgb, x->shape);
}

/* One layer's 8-bit picture, [3,height,width]. */
struct layer {
    parity_case *c;
    const cJSON *json;
    int index;
    int64_t shape[3]; /* channels that are drawn, height, width */
};

static const uint8_t *layer_rgb(struct layer *l, const float *resized)
{
    const size_t pixels = (size_t)(l->shape[1] * l->shape[2]);
    uint8_t *rgb = parity_alloc(l->c, 3 * pixels, 1);

    nj_perlin_rgb8(resized, (size_t)l->shape[0] * pixels, rgb);
    for (size_t i = 1; l->shape[0] == 1 && i < 3; i++)
        memcpy(rgb + i * pixels, rgb, pixels);
    stretch(rgb, pixels);
    check_bytes(l->c, parity_text(l->c, "layer%d_rgb8", l->index), rgb,
                (const int64_t[]){3, l->shape[1], l->shape[2]});
    return rgb;
}

/* Planes [2,points] of the fixture -> pairs [points,2] of the program. */
static const float *pairs(parity_case *c, const char *name, size_t points)
{
    const float *planes = parity_input_f32(c, name, 2 * points);
    float *out = parity_alloc(c, 2 * points, sizeof(*out));

    for (size_t i = 0; planes && i < 2 * points; i++)
        out[i] = planes[i % 2 * points + i / 2];
    return planes ? out : NULL;
}

static bool read_field(struct layer *l, int channel, nj_perlin_field *field,
                       const float **gradients, double *amplitudes)
{
    const cJSON *octaves = nj_json_get(l->json, "octaves");

    *field = (nj_perlin_field){
        .rows = (int)nj_json_number(l->json, "lattice_width", 0),
        .cols = (int)nj_json_number(l->json, "lattice_height", 0),
        .octaves = cJSON_GetArraySize(octaves),
        .amplitudes = amplitudes,
        .gradients = gradients};
    if (field->octaves > NJ_PERLIN_OCTAVES_MAX)
        return false;
    for (int o = 0; o < field->octaves; o++) {
        const size_t n =
            (((size_t)field->rows << o) + 1) * (((size_t)field->cols << o) + 1);
        const char *name = parity_text(l->c, "layer%d_channel%d_octave%d",
                                       l->index, channel, o);

        gradients[o] = pairs(l->c, name, n);
        amplitudes[o] = cJSON_GetNumberValue(cJSON_GetArrayItem(octaves, o));
        if (!gradients[o])
            return false;
    }
    return true;
}

static const uint8_t *run_layer(struct layer *l, bool antialias)
{
    const size_t pixels = (size_t)(l->shape[1] * l->shape[2]);
    float *resized =
        parity_alloc(l->c, (size_t)l->shape[0] * pixels, sizeof(*resized));

    for (int i = 0; i < l->shape[0]; i++) {
        const float *gradients[NJ_PERLIN_OCTAVES_MAX];
        double amplitudes[NJ_PERLIN_OCTAVES_MAX];
        nj_perlin_field field;
        nj_err err = {0};

        if (!read_field(l, i, &field, gradients, amplitudes))
            return NULL;
        if (parity_bad(l->c,
                       nj_perlin_resized(&field, (int)l->shape[2],
                                         (int)l->shape[1], antialias,
                                         resized + (size_t)i * pixels, &err),
                       &err))
            return NULL;
    }
    parity_check_f32(l->c, parity_text(l->c, "layer%d_resized", l->index),
                     resized, 3, l->shape);
    return layer_rgb(l, resized);
}

static void run_perlin(parity_case *c)
{
    const int64_t h = (int64_t)parity_number(c, "height");
    const int64_t w = (int64_t)parity_number(c, "width");
    const cJSON *layers = nj_json_get(parity_config(c), "layers");
    const bool antialias = nj_json_bool(parity_config(c), "antialias", false);
    const size_t n = (size_t)(3 * h * w);
    const uint8_t *rgb[2];
    float *init = parity_alloc(c, n, sizeof(*init));

    for (int i = 0; i < 2; i++) {
        struct layer l = {
            .c = c, .json = cJSON_GetArrayItem(layers, i), .index = i};

        l.shape[0] = nj_json_bool(l.json, "gray", false) ? 1 : 3;
        l.shape[1] = h;
        l.shape[2] = w;
        rgb[i] = run_layer(&l, antialias);
        if (!rgb[i])
            return;
    }
    nj_perlin_init(rgb[0], rgb[1], n, init);
    parity_check_f32(c, "init", init, 4, (const int64_t[]){1, 3, h, w});
}

const parity_kind parity_losses[] = {
    {"tv_loss", run_tv},
    {"range_loss", run_range},
    {"saturation_loss", run_saturation},
    {"pixel_losses", run_pixel_losses},
    {"clip_loss", run_clip_loss},
    {"spherical_edges", run_spherical},
    {"rms_clamp", run_rms_clamp},
    {"fuzzy_prompt", run_fuzzy},
    {"autocontrast", run_autocontrast},
    {"perlin", run_perlin},
    {0},
};

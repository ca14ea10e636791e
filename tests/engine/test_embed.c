/* CLIP and the upscaler by themselves: what they return is what the networks
 * return, at any size of picture. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/cutouts.h"
#include "engine/embed.h"
#include "engine/upscaler.h"
#include "image/resize.h"
#include "model/clip.h"
#include "model/upscale.h"
#include "torch/th.h"

#define NETWORKS NJ_SOURCE_DIR "/tests/fixtures/endtoend/networks/"
#define UPSCALER                                                               \
    NJ_SOURCE_DIR "/tests/fixtures/upscale/pictures_x2_tiles/network.pth"

static const nj_engine_machine machine = {.device = NJ_DEVICE_CPU,
                                          .threads = 1};
static const th_device cpu = {TH_CPU, 0};

static nj_embedder *open_embedder(void)
{
    nj_embedder *e = NULL;
    nj_err err = {0};

    if (nj_embedder_open(NETWORKS "clip.safetensors", NETWORKS "vocab.txt",
                         &machine, &e, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return e;
}

static uint8_t *noise(int width, int height, int channels)
{
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    uint8_t *bytes = malloc(n);
    uint32_t v = 1;

    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        v = v * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(v >> 24);
    }
    return bytes;
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* A picture of CLIP's own size, embedded by the network's functions. */
static void embed_directly(const uint8_t *rgb, int size, float *out, int width)
{
    const int64_t shape[4] = {1, 3, size, size};
    size_t n = (size_t)size * (size_t)size;
    float *values = malloc(3 * n * sizeof(*values));
    nj_weights *w = NULL;
    nj_clip *clip = NULL;
    th_scope *s = th_scope_new(NULL);
    th_tensor *x;

    assert_non_null(values);
    for (size_t i = 0; i < 3 * n; i++)
        values[i % 3 * n + i / 3] = (float)rgb[i] / 255.0F;
    assert_int_equal(nj_weights_open(NETWORKS "clip.safetensors", &w, NULL),
                     NJ_OK);
    assert_int_equal(nj_clip_new(w, NULL, NJ_F32, cpu, &clip, NULL), NJ_OK);
    x = nj_clip_normalise(s, th_from_data(s, NJ_F32, 4, shape, values));
    th_read_f32(s, nj_clip_encode_image(s, clip, x, NULL), out, (size_t)width);
    assert_int_equal(th_scope_check(s, NULL), NJ_OK);
    th_scope_free(s);
    nj_clip_free(clip);
    nj_weights_free(w);
    free(values);
}

static void embeds_as_the_network_does(void **state)
{
    nj_embedder *e = open_embedder();
    const nj_embedder_facts *f = nj_embedder_facts_of(e);
    uint8_t *rgb = noise(f->image_size, f->image_size, 3);
    const nj_engine_rgb picture = {f->image_size, f->image_size, rgb};
    float want[1024];
    float got[1024];

    (void)state;
    assert_in_range(f->width, 1, 1024);
    assert_int_equal(nj_embed_pictures(e, &picture, 1, got, NULL), NJ_OK);
    embed_directly(rgb, f->image_size, want, f->width);
    assert_true(fabs(dot(got, got, f->width) - 1) < 1e-6);
    assert_true(dot(got, want, f->width) / sqrt(dot(want, want, f->width)) >
                1 - 1e-6);
    free(rgb);
    nj_embedder_close(e);
}

/* The middle square at CLIP's size is what counts, for each of a batch. */
static void brings_pictures_to_its_own_size(void **state)
{
    nj_embedder *e = open_embedder();
    const nj_embedder_facts *f = nj_embedder_facts_of(e);
    uint8_t *rgb = noise(97, 61, 3);
    const nj_picture whole = {97, 61, 3, rgb};
    nj_picture square;
    float got[2 * 1024];

    (void)state;
    assert_int_equal(nj_picture_square(&whole, f->image_size, &square, NULL),
                     NJ_OK);
    {
        const nj_engine_rgb both[2] = {
            {97, 61, rgb}, {square.width, square.height, square.pixels}};

        assert_int_equal(nj_embed_pictures(e, both, 2, got, NULL), NJ_OK);
    }
    assert_memory_equal(got, got + f->width, (size_t)f->width * sizeof(float));
    nj_picture_release(&square);
    free(rgb);
    nj_embedder_close(e);
}

static void embeds_texts_of_any_length(void **state)
{
    static char endless[4000];
    const char *texts[3] = {"sun", "sun", endless};
    nj_embedder *e = open_embedder();
    int width = nj_embedder_facts_of(e)->width;
    float got[3 * 1024];

    (void)state;
    memset(endless, 'x', sizeof(endless) - 1);
    assert_int_equal(nj_embed_texts(e, texts, 3, got, NULL), NJ_OK);
    assert_true(dot(got, got + width, width) > 1 - 1e-6);
    assert_true(dot(got, got + 2 * width, width) < 1 - 1e-6);
    nj_embedder_close(e);
}

static void refuses_what_is_no_clip(void **state)
{
    nj_embedder *e = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(
        nj_embedder_open(UPSCALER, NETWORKS "vocab.txt", &machine, &e, &err),
        NJ_E_FORMAT);
    assert_non_null(strstr(err.text, UPSCALER));
}

/* Tiles off the network's grid are rounded up to it: 15 becomes 16. */
static void upscales_in_tiles_of_any_size(void **state)
{
    static const nj_engine_tiling odd = {.tile = 15, .pad = 9};
    static const nj_tiling even = {.size = 16, .pad = 10};
    uint8_t *bytes = noise(37, 21, 4);
    const nj_engine_pixels in = {37, 21, 4, bytes};
    const nj_bytes from = {37, 21, 4, bytes};
    nj_engine_pixels got = {0};
    nj_bytes want = {0};
    nj_upscaler *u = NULL;
    nj_rrdbnet *net = NULL;
    nj_weights *w = NULL;

    (void)state;
    assert_int_equal(nj_upscaler_open(UPSCALER, &machine, &u, NULL), NJ_OK);
    assert_int_equal(nj_upscaler_facts_of(u)->scale, 2);
    assert_int_equal(nj_upscaler_facts_of(u)->precision, NJ_PRECISION_FP32);
    assert_int_equal(nj_upscaler_run(u, &odd, &in, &got, NULL), NJ_OK);
    assert_int_equal(nj_weights_open(UPSCALER, &w, NULL), NJ_OK);
    assert_int_equal(nj_rrdbnet_new(w, NJ_F32, cpu, &net, NULL), NJ_OK);
    assert_int_equal(nj_upscale_bytes(net, &even, &from, &want, NULL), NJ_OK);
    assert_int_equal(got.width, 74);
    assert_int_equal(got.height, 42);
    assert_int_equal(got.channels, 4);
    assert_memory_equal(got.bytes, want.bytes, 74 * 42 * 4);
    free(got.bytes);
    free(want.bytes);
    free(bytes);
    nj_rrdbnet_free(net);
    nj_weights_free(w);
    nj_upscaler_close(u);
}

static int nothing_lives(void **state)
{
    (void)state;
    return th_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(embeds_as_the_network_does, nothing_lives),
        cmocka_unit_test_teardown(brings_pictures_to_its_own_size,
                                  nothing_lives),
        cmocka_unit_test_teardown(embeds_texts_of_any_length, nothing_lives),
        cmocka_unit_test_teardown(refuses_what_is_no_clip, nothing_lives),
        cmocka_unit_test_teardown(upscales_in_tiles_of_any_size, nothing_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

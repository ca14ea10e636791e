/* Real-ESRGAN: configuration, tiles and pictures that do not fit. */
#include <math.h>

#include "model/model_test.h"
#include "model/upscale.h"

#define NETWORK FIXTURES "upscale/pictures_x2_tiles/network.pth"

static nj_rrdbnet *load(void)
{
    nj_weights *w = open_weights(NETWORK);
    nj_rrdbnet *net = NULL;
    nj_err err = {0};

    if (nj_rrdbnet_new(w, NJ_F32, cpu, &net, &err) != NJ_OK)
        fail_msg("%s", err.text);
    nj_weights_free(w);
    return net;
}

static void reads_its_configuration_from_shapes(void **state)
{
    nj_rrdbnet *net = load();
    const nj_rrdbnet_config c = *nj_rrdbnet_shape(net);

    (void)state;
    assert_int_equal(c.scale, 2);
    assert_int_equal(c.factor, 2);
    assert_int_equal(c.features, 16);
    assert_int_equal(c.blocks, 1);
    assert_int_equal(c.growth, 8);
    nj_rrdbnet_free(net);
}

static void names_the_first_tensor_that_does_not_fit(void **state)
{
    nj_weights *w = open_weights(NETWORK);
    nj_weights *bad = changed(w, DROP, "body.0.rdb3.conv5.bias", NULL);
    nj_rrdbnet *net;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_rrdbnet_new(bad, NJ_F32, cpu, &net, &err), NJ_E_FORMAT);
    assert_null(net);
    assert_string_equal(err.text, "tensor 'body.0.rdb3.conv5.bias' is missing, "
                                  "expected shape [16]");
    nj_weights_free(bad);
    nj_weights_free(w);
}

static void refuses_tiles_off_the_grid(void **state)
{
    th_scope *s = *state;
    nj_rrdbnet *net = load();
    const nj_tiling odd = {.size = 15, .pad = 10};
    th_tensor *image = random_tensor(s, 1, SHAPE(1, 3, 16, 16));

    assert_null(nj_upscale_tensor(s, net, &odd, image));
    assert_int_equal(th_scope_check(s, NULL), NJ_E_USAGE);
    nj_rrdbnet_free(net);
}

/* One tile that holds the whole picture is the whole picture. */
static void one_large_tile_is_no_tile(void **state)
{
    th_scope *s = *state;
    nj_rrdbnet *net = load();
    const nj_tiling large = {.size = 64, .pad = 10};
    const nj_tiling none = {0};
    th_tensor *image = random_tensor(s, 1, SHAPE(1, 3, 12, 20));
    th_tensor *whole = nj_upscale_tensor(s, net, &none, image);
    th_tensor *tiled = nj_upscale_tensor(s, net, &large, image);

    assert_int_equal(th_size(whole, 3), 40);
    assert_true(relative_error(s, tiled, whole) == 0);
    nj_rrdbnet_free(net);
}

/* A gradient in tiles: nowhere more than a level from the whole picture, and
 * the steps across the tiles' borders differ from the whole picture's by less
 * than an eighth of a level on the mean. */
static void a_gradient_shows_no_seam(void **state)
{
    enum { SIDE = 64, TILE = 16, BIG = 2 * SIDE };
    static uint8_t pixels[SIDE * SIDE * 3];
    const nj_tiling tiles = {.size = TILE, .pad = 10};
    const nj_tiling none = {0};
    nj_rrdbnet *net = load();
    nj_bytes in = {SIDE, SIDE, 3, pixels};
    nj_bytes tiled;
    nj_bytes whole;
    int largest = 0;
    int steps = 0;
    int borders = 0;

    (void)state;
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        pixels[i] = (uint8_t)(i / 3 % SIDE * 2 + i / 3 / SIDE + i % 3 * 20);
    assert_int_equal(nj_upscale_bytes(net, &tiles, &in, &tiled, NULL), NJ_OK);
    assert_int_equal(nj_upscale_bytes(net, &none, &in, &whole, NULL), NJ_OK);
    for (int i = 0; i < BIG * BIG * 3; i++) {
        int column = i / 3 % BIG;

        if (abs(tiled.bytes[i] - whole.bytes[i]) > largest)
            largest = abs(tiled.bytes[i] - whole.bytes[i]);
        if (column == 0 || column % (2 * TILE) != 0)
            continue;
        steps += abs((tiled.bytes[i] - tiled.bytes[i - 3]) -
                     (whole.bytes[i] - whole.bytes[i - 3]));
        borders++;
    }
    assert_in_range(largest, 0, 1);
    assert_true(steps * 8 < borders);
    free(tiled.bytes);
    free(whole.bytes);
    nj_rrdbnet_free(net);
}

/* Where half precision overflows there is no colour that could be meant. */
static void refuses_values_that_are_none(void **state)
{
    uint8_t pixels[8 * 8 * 3] = {0};
    const nj_tiling none = {0};
    float bias[3] = {0, (float)NAN, 0};
    nj_weights *w = open_weights(NETWORK);
    size_t n;
    nj_view *views = copy_views(w, &n);
    nj_bytes in = {8, 8, 3, pixels};
    nj_bytes out;
    nj_weights *bad;
    nj_rrdbnet *net;
    nj_err err = {0};

    (void)state;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(views[i].name, "conv_last.bias") == 0) {
            views[i].data = bias;
            views[i].dtype = NJ_F32;
        }
    }
    bad = weights_of(views, n);
    assert_int_equal(nj_rrdbnet_new(bad, NJ_F32, cpu, &net, NULL), NJ_OK);
    assert_int_equal(nj_upscale_bytes(net, &none, &in, &out, &err),
                     NJ_E_NUMERIC);
    assert_null(out.bytes);
    nj_rrdbnet_free(net);
    nj_weights_free(bad);
    free(views);
    nj_weights_free(w);
}

static void refuses_other_numbers_of_channels(void **state)
{
    uint8_t pixels[8] = {0};
    const nj_tiling none = {0};
    nj_rrdbnet *net = load();
    nj_bytes in = {.width = 2, .height = 2, .channels = 2, .bytes = pixels};
    nj_bytes out;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_upscale_bytes(net, &none, &in, &out, &err), NJ_E_USAGE);
    assert_string_equal(err.text,
                        "a picture of 2 channels, expected 1, 3 or 4");
    assert_null(out.bytes);
    nj_rrdbnet_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(reads_its_configuration_from_shapes),
        TH_TEST(names_the_first_tensor_that_does_not_fit),
        TH_TEST(refuses_tiles_off_the_grid),
        TH_TEST(one_large_tile_is_no_tile),
        TH_TEST(a_gradient_shows_no_seam),
        TH_TEST(refuses_values_that_are_none),
        TH_TEST(refuses_other_numbers_of_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

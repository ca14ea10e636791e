/* Perlin starts: which layers a mode has, their octaves, and where the numbers
 * come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diffusion/draws.h"
#include "diffusion/perlin.h"
#include "diffusion/perlin_start.h"

enum { WIDTH = 24, HEIGHT = 16, PIXELS = WIDTH * HEIGHT };

static const uint64_t seed = 9007199254740993U;

/* Channel `channel` of a layer by the whole lattices of all channels. */
static void channel_of(int layer, int channel, uint8_t *out)
{
    const int octaves = layer ? 8 : 12;
    const int cells = layer ? 4 : 1;
    float *lattices[12];
    const float *gradients[12];
    double amplitudes[12];
    const nj_perlin_field field = {cells, cells, octaves, amplitudes,
                                   gradients};
    float values[PIXELS];

    for (int o = 0; o < octaves; o++) {
        size_t side = ((size_t)cells << o) + 1;
        size_t points = side * side;

        lattices[o] = malloc(3 * 2 * points * sizeof(float));
        assert_non_null(lattices[o]);
        nj_draw_perlin(seed, layer, o, 3 * points, lattices[o]);
        gradients[o] = lattices[o] + (size_t)channel * 2 * points;
        amplitudes[o] = .5 * pow(1.5, -o);
    }
    assert_int_equal(
        nj_perlin_resized(&field, WIDTH, HEIGHT, false, values, NULL), NJ_OK);
    nj_perlin_rgb8(values, PIXELS, out);
    nj_autocontrast(out, PIXELS);
    for (int o = 0; o < octaves; o++)
        free(lattices[o]);
}

static void check_mode(nj_perlin_mode mode, bool first_gray, bool second_gray)
{
    float got[3 * PIXELS];
    int differing = 0;

    assert_int_equal(nj_perlin_start(seed, mode, WIDTH, HEIGHT, got, NULL),
                     NJ_OK);
    for (int c = 0; c < 3; c++) {
        uint8_t a[PIXELS];
        uint8_t b[PIXELS];

        channel_of(0, first_gray ? 0 : c, a);
        channel_of(1, second_gray ? 0 : c, b);
        for (int i = 0; i < PIXELS; i++) {
            double want = ((double)a[i] + b[i]) / 255 - 1;

            differing += fabs((double)got[c * PIXELS + i] - want) > 1e-6;
        }
    }
    assert_int_equal(differing, 0);
}

static void modes_have_their_layers(void **state)
{
    (void)state;
    check_mode(NJ_PERLIN_MIXED, false, true);
    check_mode(NJ_PERLIN_COLOR, false, false);
    check_mode(NJ_PERLIN_GRAY, true, true);
}

/* A channel's pairs, also where they begin inside a block of four. */
static void channels_are_parts_of_the_field(void **state)
{
    const nj_source from = nj_perlin_source(seed, 1, 2);
    float whole[2 * 3 * 25];
    float part[2 * 25 + 2];

    (void)state;
    nj_draw_perlin(seed, 1, 2, 3 * 25, whole);
    for (int channel = 0; channel < 3; channel++) {
        const float *pairs = nj_draw_perlin_channel(&from, channel, 25, part);

        assert_memory_equal(pairs, whole + channel * 50, 50 * sizeof(float));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_have_their_layers),
        cmocka_unit_test(channels_are_parts_of_the_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

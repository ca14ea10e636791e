/* Random numbers and draws: published vectors of the generator, fixed figures
 * of every stream, and the ends of ranges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "diffusion/draws.h"

/* Vectors published with Random123 (Salmon et al. 2011). */
static void philox_matches_published_vectors(void **state)
{
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t want[4];
    } rows[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t got[4];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        nj_philox(rows[i].counter, rows[i].key, got);
        assert_memory_equal(got, rows[i].want, sizeof(got));
    }
}

static void same_floats(const float *got, const float *want, size_t n)
{
    assert_memory_equal(got, want, n * sizeof(*got));
}

static void normals_use_all_64_bits_of_the_seed(void **state)
{
    const nj_source from = {UINT64_MAX, 999, NJ_STREAM_STEP, 0};
    const nj_source odd = {9007199254740993U, 12, NJ_STREAM_STEP, 0};
    const float want[6] = {0x1.4f03c8p-1F,  0x1.f388dcp-2F, -0x1.2ad6d2p+0F,
                           -0x1.d578bcp-2F, 0x1.4698ap-2F,  -0x1.0b665p+0F};
    const float want_odd[3] = {0x1.5e1064p-2F, -0x1.d2a28ap-2F,
                               -0x1.4af36cp-5F};
    float got[6];

    (void)state;
    nj_random_field(&from, 0, 6, got);
    same_floats(got, want, 6);
    nj_random_field(&odd, 0, 3, got);
    same_floats(got, want_odd, 3);
}

static void field_goes_on_where_blocks_do(void **state)
{
    const nj_source from = {5, 1, NJ_STREAM_STEP, 2};
    float whole[12];
    float part[8];

    (void)state;
    nj_random_field(&from, 0, 12, whole);
    nj_random_field(&from, 1, 8, part);
    same_floats(part, whole + 4, 8);
}

static void uniforms_stay_inside(void **state)
{
    (void)state;
    assert_int_equal(nj_random_integer(0.5 / 4294967296.0, 1000), 0);
    assert_int_equal(nj_random_integer(4294967295.5 / 4294967296.0, 1000), 999);
    assert_true(isfinite(nj_random_normal(0.5 / 4294967296.0, 0.25)));
}

static void same_box(nj_box got, nj_box want)
{
    assert_int_equal(got.x, want.x);
    assert_int_equal(got.y, want.y);
    assert_int_equal(got.w, want.w);
    assert_int_equal(got.h, want.h);
}

static void boxes_come_from_stream_2(void **state)
{
    const nj_boxes_config crowson = {NJ_CUTOUTS_CROWSON, 96, 64, 32, 16, 1};
    const nj_boxes_config russell = {NJ_CUTOUTS_RUSSELL, 256, 256, 224, 16, 1};
    const nj_source a = {9223372036854775813U, 24, 0, 0};
    const nj_source b = {UINT64_MAX, 41, 0, 1};
    nj_box boxes[16];

    (void)state;
    nj_draw_boxes(&crowson, &a, boxes);
    same_box(boxes[0], (nj_box){6, 26, 34, 34});
    same_box(boxes[2], (nj_box){42, 12, 37, 37});
    nj_draw_boxes(&russell, &b, boxes);
    same_box(boxes[0], (nj_box){15, 24, 343, 343});
    same_box(boxes[8], (nj_box){119, 103, 224, 224});
    same_box(boxes[13], (nj_box){0, 0, 384, 384});
}

static void russell_alone_has_a_border(void **state)
{
    const nj_boxes_config crowson = {NJ_CUTOUTS_CROWSON, 96, 66, 32, 4, 1};
    const nj_boxes_config russell = {NJ_CUTOUTS_RUSSELL, 96, 66, 32, 4, 1};

    (void)state;
    assert_int_equal(nj_boxes_border(&crowson), 0);
    assert_int_equal(nj_boxes_border(&russell), 16);
}

static void near(double got, double want, double tolerance)
{
    assert_true(fabs(got - want) <= tolerance);
}

static void augmentation_of_one_cut(void **state)
{
    const nj_augment_ranges ranges = {
        .flip_p = .5,
        .degrees = 15,
        .translate = .1,
        .perspective_p = .7,
        .distortion = .4,
        .factor = {.1, .1, .1},
        .hue = .1,
        .gray_p = .15,
    };
    const nj_source from = {9007199254740993U, 41, 0, 3};
    const double corners[4][2] = {
        {36, 16}, {767 - 142, 13}, {767 - 121, 575 - 82}, {143, 575 - 77}};
    const nj_jitter order[4] = {NJ_JITTER_CONTRAST, NJ_JITTER_HUE,
                                NJ_JITTER_BRIGHTNESS, NJ_JITTER_SATURATION};
    nj_augmentation got;

    (void)state;
    nj_draw_augmentation(&ranges, &from, 4, 768, 576, &got);
    assert_false(got.flip);
    near(got.angle, -12.98597031, 1e-8);
    near(got.shift[0], -35, 0);
    near(got.shift[1], 37, 0);
    assert_true(got.perspective);
    near(got.factor[0], .91667769, 1e-8);
    near(got.factor[1], 1.09114927, 1e-8);
    near(got.factor[2], .97407455, 1e-8);
    near(got.hue, -.07653008, 1e-8);
    assert_false(got.gray);
    assert_memory_equal(got.corners, corners, sizeof(corners));
    assert_memory_equal(got.order, order, sizeof(order));
}

static void cut_noise_has_room_for_each_time(void **state)
{
    const nj_source from = {7, 3, 0, 1};
    const float want[3] = {0x1.bb9cbp-5F, -0x1.fcc4bep-1F, -0x1.43dc1p-1F};
    float got[3];

    (void)state;
    nj_draw_cut_noise(&from, 15, 3, 3, got);
    same_floats(got, want, 3);
}

/* Four noises a cut: no two of them, and none of the next cut's, are one. */
static void cut_noises_are_all_different(void **state)
{
    const nj_source from = {7, 3, 0, 1};
    float first[8];

    (void)state;
    for (int place = 0; place < 8; place++)
        nj_draw_cut_noise(&from, place / 4, place % 4, 1, &first[place]);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            assert_true(first[i] != first[k]);
}

/* Copies of a prompt's second part are none of the first's. */
static void fuzzy_parts_are_different(void **state)
{
    float copies[2];

    (void)state;
    nj_draw_fuzzy_noise(&(const nj_fuzzy_draw){1, 0, 0, 1, 25}, 1, &copies[0]);
    nj_draw_fuzzy_noise(&(const nj_fuzzy_draw){1, 0, 1, 0, 25}, 1, &copies[1]);
    assert_true(copies[0] != copies[1]);
}

static void other_streams(void **state)
{
    const int64_t classes[4] = {331, 336, 440, 674};
    const float fuzzy[3] = {0x1.c7914p-2F, -0x1.9d76dcp-2F, 0x1.359444p+0F};
    const float lattice[2] = {-0x1.3a31c2p+1F, 0x1.18b06p+1F};
    float got[90];
    nj_source from = {9007199254740993U, 0, 0, 0};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        from.iteration = i;
        assert_int_equal(nj_draw_class(&from, 1000), classes[i]);
    }
    nj_draw_fuzzy_noise(&(const nj_fuzzy_draw){1, 0, 0, 24, 25}, 3, got);
    same_floats(got, fuzzy, 3);
    nj_draw_perlin(5, 1, 3, 45, got);
    same_floats(got + 88, lattice, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_matches_published_vectors),
        cmocka_unit_test(normals_use_all_64_bits_of_the_seed),
        cmocka_unit_test(field_goes_on_where_blocks_do),
        cmocka_unit_test(uniforms_stay_inside),
        cmocka_unit_test(boxes_come_from_stream_2),
        cmocka_unit_test(russell_alone_has_a_border),
        cmocka_unit_test(augmentation_of_one_cut),
        cmocka_unit_test(cut_noise_has_room_for_each_time),
        cmocka_unit_test(cut_noises_are_all_different),
        cmocka_unit_test(fuzzy_parts_are_different),
        cmocka_unit_test(other_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The memory of a step by arithmetic: how it grows, and what saving saves.
 * docs/speed.md has it beside measured figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "weights/space.h"

#define MODELS NJ_SOURCE_DIR "/models/"

static nj_space unet(int side, double bytes, int images, bool recompute)
{
    const nj_space_how how = {
        .bytes = bytes, .images = images, .recompute = recompute};
    nj_unet_card card;
    nj_err err = {0};

    if (nj_unet_card_read(MODELS "256x256_diffusion_uncond.json", &card,
                          &err) != NJ_OK)
        fail_msg("%s", err.text);
    return nj_unet_space(&card, side, side, &how);
}

/* All that autograd keeps of the 256 network, counted by th_saved_bytes. */
static void knows_what_is_kept(void **state)
{
    nj_space one = unet(256, 4, 1, false);

    (void)state;
    assert_true(one.kept > 1590.0 * 1048576 && one.kept < 1595.0 * 1048576);
    assert_true(one.peak > one.kept);
}

static void grows_with_pixels_and_images(void **state)
{
    nj_space one = unet(256, 4, 1, false);
    nj_space wide = unet(512, 4, 1, false);
    nj_space two = unet(256, 4, 2, false);
    nj_space half = unet(256, 2, 1, false);

    (void)state;
    assert_true(wide.kept == 4 * one.kept && wide.peak == 4 * one.peak);
    assert_true(two.kept == 2 * one.kept && two.peak == 2 * one.peak);
    /* The last norm is in float32 in every precision. */
    assert_true(half.kept > one.kept / 2 && half.kept < .6 * one.kept);
}

static void computing_twice_saves(void **state)
{
    nj_space all = unet(256, 4, 1, false);
    nj_space less = unet(256, 4, 1, true);

    (void)state;
    assert_true(less.kept < .4 * all.kept);
    assert_true(less.peak < .65 * all.peak);
    assert_true(less.peak > less.kept);
}

static nj_space clip(const char *path, int images)
{
    const nj_space_how how = {.bytes = 4, .images = images};
    nj_clip_card card;
    nj_err err = {0};

    if (nj_clip_card_read(path, &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return nj_clip_space(&card, &how);
}

/* docs/engine.md: 70 and 43 MiB are kept for one picture. */
static void knows_clips(void **state)
{
    nj_space vit = clip(MODELS "ViT-B-16.json", 1);
    nj_space resnet = clip(MODELS "RN50.json", 1);

    (void)state;
    assert_true(vit.kept > 66.0 * 1048576 && vit.kept < 74.0 * 1048576);
    assert_true(resnet.kept > 39.0 * 1048576 && resnet.kept < 47.0 * 1048576);
    assert_true(clip(MODELS "RN50.json", 8).kept == 8 * resnet.kept);
}

static bool is_near(double a, double b)
{
    return a > .98 * b && a < 1.02 * b;
}

/* The passes of a step that the secondary model guides, counted by
 * th_host_count at 1280x768 pixels, pictures apart. */
static void knows_passes_apart(void **state)
{
    nj_space_how how = {.bytes = 2, .threads = 2, .images = 1, .forward = true};
    nj_space secondary = nj_secondary_space(1280, 768, &how);
    nj_unet_card card;
    nj_space one;
    nj_err err = {0};

    (void)state;
    if (nj_unet_card_read(MODELS
                          "512x512_diffusion_uncond_finetune_008100.json",
                          &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    one = nj_unet_space(&card, 1280, 768, &how);
    assert_true(one.kept == 0 && is_near(one.peak, 3142e6));
    assert_true(is_near(secondary.peak, 2366e6));
    assert_true(is_near(secondary.kept, 1399e6));
}

/* A card may ask for more than any public network has: each level with as many
 * blocks as there can be, attention behind every one. */
static void knows_the_largest_card(void **state)
{
    static const char json[] =
        "{\"image_size\":4096,\"num_channels\":32,\"num_res_blocks\":64,"
        "\"channel_mult\":\"1,1,1,1,1,1,1,1,1,1,1,1\","
        "\"attention_resolutions\":\"4096,2048,1024,512,256,128,64,32,16,8,4,"
        "2\"}";
    const nj_space_how how = {.bytes = 4, .images = 1};
    nj_unet_card card;
    nj_err err = {0};
    nj_space s;

    (void)state;
    if (nj_unet_card_parse(json, sizeof(json) - 1, &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    s = nj_unet_space(&card, 4096, 4096, &how);
    /* At the first level alone 129 blocks keep their inputs. */
    assert_true(s.kept > 129.0 * 4 * 32 * 4096 * 4096);
    assert_true(s.peak > s.kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_kept),
        cmocka_unit_test(grows_with_pixels_and_images),
        cmocka_unit_test(computing_twice_saves),
        cmocka_unit_test(knows_clips),
        cmocka_unit_test(knows_passes_apart),
        cmocka_unit_test(knows_the_largest_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Footprint: which way is taken for how much memory, and what is said when
 * nothing fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "job/footprint.h"

#define MODELS NJ_SOURCE_DIR "/models/"
#define GB     1000000000ULL

/* The 256 network with 32 cutouts of ViT-B/16, one thread. */
static nj_group group;
static nj_job job;

static void read_cards(const char *unet, const char *clip)
{
    nj_err err = {0};
    char path[512];

    snprintf(path, sizeof(path), MODELS "%s.json", unet);
    if (nj_unet_card_read(path, &job.files.flags, &err) != NJ_OK)
        fail_msg("%s", err.text);
    snprintf(path, sizeof(path), MODELS "%s.json", clip);
    if (nj_clip_card_read(path, &job.files.cards[0], &err) != NJ_OK)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    memset(&group, 0, sizeof(group));
    memset(&job, 0, sizeof(job));
    read_cards("256x256_diffusion_uncond", "ViT-B-16");
    job.files.clip_count = 1;
    job.groups = &group;
    job.group_count = 1;
    job.device = NJ_DEVICE_CPU;
    group.options.threads = 1;
    group.options.settings = (nj_settings){.width = 256,
                                           .height = 256,
                                           .cutn = 32,
                                           .cutn_batches = 1,
                                           .batch_size = 1,
                                           .clip_guidance_scale = 1000};
    return 0;
}

static uint64_t need(const nj_thrift *how)
{
    nj_networks n = nj_networks_of(&job, &group, false);

    return nj_footprint_of(&n, &group.options.settings, how).host;
}

static nj_thrift choose(nj_memory memory, uint64_t host)
{
    const nj_room room = {.host = host};

    group.options.memory = memory;
    return nj_footprint_choose_for(&job, &group, false, &room);
}

static void words_mean_ways(void **state)
{
    nj_thrift fast = choose(NJ_MEMORY_FAST, 1 * GB);
    nj_thrift small = choose(NJ_MEMORY_SMALL, 1000 * GB);

    (void)state;
    assert_false(fast.saving.recompute || fast.saving.drop_text);
    assert_int_equal(fast.clip_slices, 1);
    assert_true(small.saving.recompute && small.saving.drop_text);
    assert_int_equal(small.clip_slices, 8);
    assert_true(need(&small) < need(&fast));
}

/* Each step on the way down needs less than the one before. */
static void auto_takes_the_quickest_that_fits(void **state)
{
    uint64_t room = 1000 * GB;
    int ways = 0;

    (void)state;
    for (;;) {
        nj_thrift how = choose(NJ_MEMORY_AUTO, room);
        uint64_t bytes = need(&how);

        if (bytes > room)
            break;
        ways++;
        assert_int_equal(how.saving.recompute, ways > 2);
        assert_int_equal(how.clip_slices, ways > 3 ? 8 : 1);
        room = bytes - 1;
    }
    assert_int_equal(ways, 4);
}

/* On a GPU graphs go last, as they save most time for their memory;
 * --no-graphs has none. */
static void a_gpu_gives_up_graphs_last(void **state)
{
    const nj_networks n = nj_networks_of(&job, &group, true);
    const nj_settings *s = &group.options.settings;
    nj_networks launching = n;
    nj_room room = {.device = 1000 * GB};
    nj_thrift how;
    int ways = 0;

    (void)state;
    for (;;) {
        uint64_t bytes;

        how = nj_footprint_choose(&n, s, NJ_MEMORY_AUTO, &room);
        bytes = nj_footprint_of(&n, s, &how).device;
        if (bytes > room.device)
            break;
        ways++;
        assert_int_equal(how.saving.drop_text, ways > 1);
        assert_int_equal(how.saving.recompute, ways > 2);
        assert_int_equal(how.clip_slices > 1, ways > 3);
        assert_int_equal(how.saving.launch, ways > 4);
        room.device = bytes - 1;
    }
    assert_int_equal(ways, 5);
    launching.launch = true;
    room.device = 1000 * GB;
    how = nj_footprint_choose(&launching, s, NJ_MEMORY_AUTO, &room);
    assert_true(how.saving.launch && !how.saving.recompute);
}

/* Copies of augmented cutouts are large, and slices keep none. */
static void augmented_cutouts_count_by_their_size(void **state)
{
    nj_settings *s = &group.options.settings;
    const nj_thrift whole = {.clip_slices = 1};
    const nj_thrift parts = {.clip_slices = 8};
    uint64_t plain;

    (void)state;
    s->cutouts = NJ_CUTOUTS_RUSSELL;
    s->skip_augs = true;
    plain = need(&whole);
    s->skip_augs = false;
    assert_true(need(&whole) > plain + GB / 32);
    s->augmentations = NJ_AUGMENT_2021_09;
    assert_true(need(&whole) < plain + GB / 32);
    s->augmentations = NJ_AUGMENT_AUTO;
    s->width = s->height = 512;
    s->skip_augs = true;
    plain = need(&whole);
    s->skip_augs = false;
    assert_true(need(&whole) > plain + GB / 8);
    assert_true(need(&parts) < plain);
}

static void slices_that_are_asked_for_stay(void **state)
{
    (void)state;
    group.options.settings.clip_slices = 16;
    assert_int_equal(choose(NJ_MEMORY_FAST, 0).clip_slices, 16);
    assert_int_equal(choose(NJ_MEMORY_SMALL, 0).clip_slices, 16);
}

static void expect_refusal(uint64_t host, const char *end)
{
    const nj_room room = {.host = host};
    nj_err err = {0};
    size_t n;

    assert_int_equal(nj_footprint_check(&job, false, &room, &err), NJ_E_MEMORY);
    n = strlen(err.text);
    if (n < strlen(end) || strcmp(err.text + n - strlen(end), end) != 0)
        fail_msg("'%s' does not end in '%s'", err.text, end);
}

static void says_what_would_fit(void **state)
{
    nj_thrift small = choose(NJ_MEMORY_SMALL, 0);
    uint64_t one = need(&small);
    nj_err err = {0};

    (void)state;
    group.options.memory = NJ_MEMORY_FAST;
    expect_refusal(one, ": --memory small would fit");
    group.options.memory = NJ_MEMORY_AUTO;
    assert_int_equal(
        nj_footprint_check(&job, false, &(nj_room){.host = one}, &err), NJ_OK);
    group.options.settings.batch_size = 8;
    expect_refusal(one, ": --batch-size 1 --memory small would fit");
    expect_refusal(one - one / 4, ": --precision bf16 --batch-size 1 --memory "
                                  "small would fit");
    expect_refusal(1 * GB, ": no --batch-size and --memory would fit");
    /* What is not known is not refused. */
    expect_refusal(1, ": no --batch-size and --memory would fit");
    assert_int_equal(nj_footprint_check(&job, false, &(nj_room){0}, &err),
                     NJ_OK);
}

/* The aims for one picture on a GPU in fp16: cards of 4 and 6 GB. */
static void fits_small_cards(void **state)
{
    const nj_thrift small = choose(NJ_MEMORY_SMALL, 0);
    nj_networks n;
    nj_settings *s = &group.options.settings;

    (void)state;
    s->cutn = 16;
    n = nj_networks_of(&job, &group, true);
    assert_true((double)nj_footprint_of(&n, s, &small).device <
                3.0 * 1073741824);
    read_cards("512x512_diffusion_uncond_finetune_008100", "ViT-B-16");
    s->width = 512;
    s->height = 512;
    assert_true((double)nj_footprint_of(&n, s, &small).device <
                4.4 * 1073741824);
}

/* What a GPU was measured to hold (NVIDIA H200, fp16; docs/speed.md). */
static void predicts_what_a_gpu_held(void **state)
{
    static const struct {
        const char *unet;
        const char *clip;
        int side, cutn, batch;
        bool launch;
        double bytes;
    } rows[] = {
        {"256x256_diffusion_uncond", "ViT-B-32", 256, 16, 1, false, 3.05e9},
        {"256x256_diffusion_uncond", "ViT-B-32", 256, 16, 1, true, 2.90e9},
        {"256x256_diffusion_uncond", "ViT-B-32", 256, 16, 4, false, 6.47e9},
        {"512x512_diffusion_uncond_finetune_008100", "ViT-B-32", 512, 16, 1,
         false, 4.69e9},
        {"512x512_diffusion_uncond_finetune_008100", "ViT-B-32", 512, 16, 4,
         false, 13.02e9},
        {"demo/card", "demo/card", 64, 4, 1, false, 0.45e9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        nj_settings *s = &group.options.settings;
        const nj_thrift how = {.saving.launch = rows[i].launch,
                               .clip_slices = 1};
        nj_networks n;
        double bytes;

        read_cards(rows[i].unet, rows[i].clip);
        s->width = s->height = rows[i].side;
        s->cutn = rows[i].cutn;
        s->batch_size = rows[i].batch;
        n = nj_networks_of(&job, &group, true);
        bytes = (double)nj_footprint_of(&n, s, &how).device;
        if (bytes < .9 * rows[i].bytes || bytes > 1.1 * rows[i].bytes)
            fail_msg("row %zu: %.2f GB predicted, %.2f measured", i,
                     bytes / 1e9, rows[i].bytes / 1e9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_mean_ways, set_up),
        cmocka_unit_test_setup(auto_takes_the_quickest_that_fits, set_up),
        cmocka_unit_test_setup(a_gpu_gives_up_graphs_last, set_up),
        cmocka_unit_test_setup(augmented_cutouts_count_by_their_size, set_up),
        cmocka_unit_test_setup(slices_that_are_asked_for_stay, set_up),
        cmocka_unit_test_setup(says_what_would_fit, set_up),
        cmocka_unit_test_setup(fits_small_cards, set_up),
        cmocka_unit_test_setup(predicts_what_a_gpu_held, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What networks cost by arithmetic: numbers of weights and multiplications of
 * the public networks, as published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "weights/work.h"

#define MODELS NJ_SOURCE_DIR "/models/"

static nj_network_work unet(const char *card_path, int side)
{
    nj_unet_card card;
    nj_err err = {0};

    if (nj_unet_card_read(card_path, &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return nj_unet_work(&card, side, side);
}

static void counts_weights(void **state)
{
    (void)state;
    assert_true(unet(MODELS "256x256_diffusion_uncond.json", 256).weights ==
                552814086);
    assert_true(unet(MODELS "512x512_diffusion.json", 512).weights ==
                558997638);
    assert_true(
        unet(MODELS "512x512_diffusion_uncond_finetune_008100.json", 512)
            .weights == 557973638);
}

/* The DiT paper quotes 1120 G and 1983 G. */
static void counts_multiplications(void **state)
{
    nj_network_work small = unet(MODELS "256x256_diffusion_uncond.json", 256);
    nj_network_work large = unet(MODELS "512x512_diffusion.json", 512);

    (void)state;
    assert_true(small.forward > 1119.5e9 && small.forward < 1120.5e9);
    assert_true(large.forward > 1981.5e9 && large.forward < 1983.5e9);
    assert_true(small.backward > small.forward);
}

/* A card may ask for more than any public network has. */
static void counts_the_largest_card(void **state)
{
    static const char json[] =
        "{\"image_size\":4096,\"num_channels\":32,\"num_res_blocks\":64,"
        "\"channel_mult\":\"1,1,1,1,1,1,1,1,1,1,1,1\"}";
    nj_unet_card card;
    nj_err err = {0};
    nj_network_work w;

    (void)state;
    if (nj_unet_card_parse(json, sizeof(json) - 1, &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    w = nj_unet_work(&card, 4096, 4096);
    /* The decoder alone: 65 blocks a level of 64 channels to 32. */
    assert_true(w.weights > 12 * 65 * (9 * 64 * 32 + 9 * 32 * 32 + 64 * 32));
    assert_true(w.forward > 0 && w.backward > 0);
}

static void counts_clip(void **state)
{
    nj_clip_card card;
    nj_err err = {0};

    (void)state;
    if (nj_clip_card_read(MODELS "ViT-B-32.json", &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    assert_true(nj_clip_work(&card).weights == 151277313);
    if (nj_clip_card_read(MODELS "RN50.json", &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    /* As published, but for norms that are folded into convolutions: 55 times
     * gamma and beta, of which beta becomes the bias. */
    assert_true(nj_clip_work(&card).weights == 102007137 - 26624);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_weights),
        cmocka_unit_test(counts_multiplications),
        cmocka_unit_test(counts_the_largest_card),
        cmocka_unit_test(counts_clip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* UNet cards: the public networks' flags, defaults, and values that are
 * wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "weights/card.h"

static nj_unet_card parse(const char *json)
{
    nj_unet_card card;
    nj_err err = {0};

    if (nj_unet_card_parse(json, strlen(json), &card, &err) != NJ_OK)
        fail_msg("%s: %s", json, err.text);
    return card;
}

static void defaults_are_guided_diffusions(void **state)
{
    static const double mult[] = {1, 2, 3, 4};
    nj_unet_card c = parse("{}");

    (void)state;
    assert_int_equal(c.image_size, 64);
    assert_int_equal(c.num_channels, 128);
    assert_int_equal(c.num_res_blocks, 2);
    assert_int_equal(c.levels, 4);
    assert_memory_equal(c.channel_mult, mult, sizeof(mult));
    assert_int_equal(c.attentions, 2);
    assert_int_equal(c.attention_ds[0], 4);
    assert_int_equal(c.attention_ds[1], 8);
    assert_int_equal(c.num_heads, 4);
    assert_int_equal(c.num_head_channels, -1);
    assert_int_equal(c.num_heads_upsample, -1);
    assert_int_equal(c.num_classes, 0);
    assert_int_equal(c.diffusion_steps, 1000);
    assert_false(c.learn_sigma);
    assert_true(c.use_scale_shift_norm);
    assert_false(c.resblock_updown);
    assert_true(c.conv_resample);
    assert_false(c.use_new_attention_order);
    assert_false(c.cosine);
    assert_false(c.rescale_timesteps);
}

static void an_empty_mult_depends_on_the_size(void **state)
{
    static const struct {
        const char *json;
        int levels;
        double first;
        int factor;
    } cases[] = {
        {"{\"image_size\":512,\"channel_mult\":\"\"}", 7, 0.5, 64},
        {"{\"image_size\":256,\"channel_mult\":\"\"}", 6, 1, 32},
        {"{\"image_size\":128,\"channel_mult\":null}", 5, 1, 16},
        {"{\"image_size\":64}", 4, 1, 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_unet_card c = parse(cases[i].json);

        assert_int_equal(c.levels, cases[i].levels);
        assert_true(c.channel_mult[0] == cases[i].first);
        assert_int_equal(nj_unet_card_factor(&c), cases[i].factor);
    }
}

static void lists_come_in_both_forms(void **state)
{
    static const char *const same[] = {
        "{\"unet\":{\"image_size\":512,\"num_channels\":256,"
        "\"channel_mult\":\"0.5,1,1,2,2,4,4\","
        "\"attention_resolutions\":\"32,16,8\"}}",
        "{\"image_size\":512,\"num_channels\":256,"
        "\"channel_mult\":\"0.5, 1, 1, 2, 2, 4, 4\","
        "\"attention_resolutions\":\"32, 16, 8\",\"file\":\"x\"}",
        "{\"image_size\":512,\"num_channels\":256,"
        "\"channel_mult\":[0.5,1,1,2,2,4,4],"
        "\"attention_resolutions\":[32,16,8]}",
    };
    nj_unet_card first = parse(same[0]);

    (void)state;
    assert_int_equal(first.levels, 7);
    assert_true(first.channel_mult[0] == 0.5 && first.channel_mult[6] == 4);
    assert_int_equal(first.attention_ds[0], 16);
    assert_int_equal(first.attention_ds[1], 32);
    assert_int_equal(first.attention_ds[2], 64);
    for (size_t i = 1; i < 3; i++) {
        nj_unet_card c = parse(same[i]);

        assert_memory_equal(&c, &first, sizeof(c));
    }
}

static void classes_and_switches(void **state)
{
    nj_unet_card c = parse(
        "{\"class_cond\":true,\"learn_sigma\":true,\"resblock_updown\":true,"
        "\"use_scale_shift_norm\":false,\"conv_resample\":false,"
        "\"use_new_attention_order\":true,\"noise_schedule\":\"cosine\","
        "\"rescale_timesteps\":true,\"num_head_channels\":64}");

    (void)state;
    assert_int_equal(c.num_classes, 1000);
    assert_true(c.learn_sigma && c.resblock_updown && c.cosine);
    assert_true(c.use_new_attention_order && c.rescale_timesteps);
    assert_false(c.use_scale_shift_norm || c.conv_resample);
    assert_int_equal(c.num_head_channels, 64);
    c = parse("{\"num_classes\":10,\"class_cond\":true}");
    assert_int_equal(c.num_classes, 10);
    c = parse("{\"num_classes\":null}");
    assert_int_equal(c.num_classes, 0);
}

static void wrong_values_name_their_key(void **state)
{
    static const char *const cases[][2] = {
        {"{\"image_size\":0}", "'image_size'"},
        {"{\"image_size\":64.5}", "'image_size'"},
        {"{\"image_size\":\"64\"}", "'image_size'"},
        {"{\"image_size\":96}", "no default"},
        {"{\"num_channels\":-1}", "'num_channels'"},
        {"{\"num_channels\":1e300}", "'num_channels'"},
        {"{\"num_channels\":100}", "no multiple of 32"},
        {"{\"num_head_channels\":0}", "'num_head_channels'"},
        {"{\"num_heads_upsample\":0}", "'num_heads_upsample'"},
        {"{\"num_heads\":0}", "'num_heads'"},
        {"{\"learn_sigma\":1}", "'learn_sigma'"},
        {"{\"noise_schedule\":\"squared\"}", "'noise_schedule'"},
        {"{\"noise_schedule\":3}", "'noise_schedule'"},
        {"{\"channel_mult\":\"1,,2\"}", "'channel_mult'"},
        {"{\"channel_mult\":\"1,2,\"}", "'channel_mult'"},
        {"{\"channel_mult\":\"1;2\"}", "'channel_mult'"},
        {"{\"channel_mult\":\"1,nan\"}", "'channel_mult'"},
        {"{\"channel_mult\":\"1,-2\"}", "'channel_mult'"},
        {"{\"channel_mult\":[1,\"2\"]}", "'channel_mult'"},
        {"{\"channel_mult\":[1,0]}", "'channel_mult'"},
        {"{\"channel_mult\":{}}", "'channel_mult'"},
        {"{\"channel_mult\":\"1,1,1,1,1,1,1,1,1,1,1,1,1\"}", "'channel_mult'"},
        {"{\"attention_resolutions\":\"16,x\"}", "'attention_resolutions'"},
        {"{\"attention_resolutions\":[16.5]}", "'attention_resolutions'"},
        {"{\"attention_resolutions\":[128]}", "'attention_resolutions'"},
        {"{\"predict_xstart\":true}", "'predict_xstart'"},
        {"{\"diffusion_steps\":1}", "'diffusion_steps'"},
        {"[]", "expected an object"},
        {"{\"unet\":3}", "expected an object"},
        {"{\"num_heads\":1,\"num_heads\":2}", "twice"},
        {"{", "JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_unet_card c;
        nj_err err = {0};

        assert_int_equal(
            nj_unet_card_parse(cases[i][0], strlen(cases[i][0]), &c, &err),
            NJ_E_FORMAT);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("%s: '%s' says nothing of %s", cases[i][0], err.text,
                     cases[i][1]);
    }
}

static void a_card_of_the_tree_is_read(void **state)
{
    nj_unet_card c;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_unet_card_read(NJ_SOURCE_DIR
                                       "/models/64x64_diffusion.json",
                                       &c, &err),
                     NJ_OK);
    assert_int_equal(c.num_channels, 192);
    assert_int_equal(c.num_res_blocks, 3);
    assert_int_equal(c.num_classes, 1000);
    assert_true(c.cosine && c.use_new_attention_order);
    assert_int_equal(nj_unet_card_read("none.json", &c, &err), NJ_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_guided_diffusions),
        cmocka_unit_test(an_empty_mult_depends_on_the_size),
        cmocka_unit_test(lists_come_in_both_forms),
        cmocka_unit_test(classes_and_switches),
        cmocka_unit_test(wrong_values_name_their_key),
        cmocka_unit_test(a_card_of_the_tree_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The UNet: files and cards that do not fit are refused before anything is
 * loaded; the forward pass in other precisions and batches. Its numbers are
 * compared with the public code's by the parity program. */
#include "model/model_test.h"
#include "model/unet.h"

/* A network with classes, resampling blocks and attention. */
#define MODEL FIXTURES "unet/class_cond/model.pt"
#define CARD                                                                   \
    "{\"image_size\":32,\"num_channels\":32,\"num_res_blocks\":2,"             \
    "\"channel_mult\":[1,1],\"attention_resolutions\":\"32\","                 \
    "\"num_heads\":4,\"num_head_channels\":16,\"num_classes\":1000,"           \
    "\"learn_sigma\":true,\"use_scale_shift_norm\":true,"                      \
    "\"resblock_updown\":true}"

static nj_unet_card card_of(void)
{
    nj_unet_card card;
    nj_err err = {0};

    if (nj_unet_card_parse(CARD, strlen(CARD), &card, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return card;
}

static nj_unet *load(nj_dtype dtype)
{
    nj_unet_card card = card_of();
    nj_weights *w = open_weights(MODEL);
    nj_unet *u = NULL;
    nj_err err = {0};

    if (nj_unet_new(w, &card, dtype, cpu, &u, &err) != NJ_OK)
        fail_msg("%s", err.text);
    nj_weights_free(w);
    return u;
}

struct input {
    th_tensor *x;
    th_tensor *t;
    th_tensor *y;
};

static struct input two_images(th_scope *s)
{
    const int64_t classes[2] = {7, 999};

    return (struct input){
        .x = random_tensor(s, 1, SHAPE(2, 3, 16, 8)),
        .t = TENSOR(s, SHAPE(2), 12.5F, 980.0F),
        .y = th_from_data(s, NJ_I64, SHAPE(2), classes),
    };
}

static void expect_file_error(const nj_weights *w, nj_unet_card card,
                              const char *text)
{
    nj_unet *u = (nj_unet *)&card;
    nj_err err = {0};

    assert_int_equal(nj_unet_new(w, &card, NJ_F32, cpu, &u, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, text);
    assert_null(u);
    assert_int_equal(th_live(), 0);
}

static void names_the_first_tensor_that_does_not_fit(void **state)
{
    nj_weights *w = open_weights(MODEL);
    nj_unet_card card = card_of();

    (void)state;
    card.num_classes = 0;
    expect_file_error(
        w, card, "tensor 'label_emb.weight' does not belong to this network");
    card = card_of();
    card.channel_mult[1] = 2;
    expect_file_error(w, card,
                      "tensor 'input_blocks.4.0.in_layers.2.weight' has shape "
                      "[32,32,3,3], expected [64,32,3,3]");
    card = card_of();
    card.learn_sigma = false;
    expect_file_error(w, card,
                      "tensor 'out.2.weight' has shape [6,32,3,3], expected "
                      "[3,32,3,3]");
    card = card_of();
    card.resblock_updown = false;
    card.conv_resample = true;
    expect_file_error(w, card,
                      "tensor 'input_blocks.3.0.op.weight' is missing, "
                      "expected shape [32,32,3,3]");
    card = card_of();
    card.attentions = 0;
    expect_file_error(w, card,
                      "tensor 'input_blocks.1.1.norm.weight' does not belong "
                      "to this network");
    nj_weights_free(w);
}

static void names_damage_of_the_file(void **state)
{
    nj_weights *w = open_weights(MODEL);
    nj_weights *bad = changed(w, DROP, "middle_block.1.qkv.bias", NULL);

    (void)state;
    expect_file_error(bad, card_of(),
                      "tensor 'middle_block.1.qkv.bias' is missing, expected "
                      "shape [96]");
    nj_weights_free(bad);
    bad = changed(w, ADD_ROW, "time_embed.2.bias", NULL);
    expect_file_error(
        bad, card_of(),
        "tensor 'time_embed.2.bias' has shape [129], expected [128]");
    nj_weights_free(bad);
    bad = changed(w, ADD, "out.0.bias", "output_blocks.6.0.skip.bias");
    expect_file_error(bad, card_of(),
                      "tensor 'output_blocks.6.0.skip.bias' does not belong to "
                      "this network");
    nj_weights_free(bad);
    nj_weights_free(w);
}

static void expect_card_error(const nj_weights *w, nj_unet_card card,
                              const char *text)
{
    nj_unet *u = NULL;
    nj_err err = {0};

    assert_int_equal(nj_unet_new(w, &card, NJ_F32, cpu, &u, &err), NJ_E_USAGE);
    nj_unet_free(u);
    assert_string_equal(err.text, text);
}

static void refuses_senseless_cards(void **state)
{
    nj_weights *w = open_weights(MODEL);
    nj_unet_card card = card_of();

    (void)state;
    card.num_head_channels = 5;
    expect_card_error(w, card,
                      "num_head_channels 5 does not divide 32 channels");
    card.num_head_channels = -1;
    card.num_heads = 3;
    expect_card_error(w, card, "num_heads 3 does not divide 32 channels");
    card.num_heads = 4;
    card.num_heads_upsample = 0;
    expect_card_error(w, card,
                      "num_heads_upsample 0 does not divide 32 channels");
    card = card_of();
    card.channel_mult[1] = 1.25;
    expect_card_error(w, card,
                      "channel_mult entry 1 makes 40 channels, expected a "
                      "multiple of 32 up to 65536");
    card = card_of();
    card.levels = 0;
    expect_card_error(w, card, "channel_mult has 0 entries, expected 1 to 12");
    card = card_of();
    card.num_res_blocks = 1000000;
    expect_card_error(w, card, "num_res_blocks is 1000000, expected 1 to 64");
    nj_weights_free(w);
}

/* A picture's result is its own, whatever is beside it in the batch. */
static void images_of_a_batch_are_independent(void **state)
{
    th_scope *s = *state;
    nj_unet *u = load(NJ_F32);
    struct input in = two_images(s);
    th_tensor *both = nj_unet_forward(s, u, in.x, in.t, in.y, NULL);
    th_tensor *one = nj_unet_forward(s, u, th_narrow(s, in.x, 0, 1, 1),
                                     th_narrow(s, in.t, 0, 1, 1),
                                     th_narrow(s, in.y, 0, 1, 1), NULL);

    assert_int_equal(th_size(both, 1), 6);
    assert_true(relative_error(s, th_narrow(s, both, 0, 1, 1), one) < 1e-5);
    nj_unet_free(u);
}

static void runs_in_bfloat16(void **state)
{
    th_scope *s = *state;
    nj_unet *u = load(NJ_F32);
    nj_unet *narrow = load(NJ_BF16);
    struct input in = two_images(s);
    th_tensor *want = nj_unet_forward(s, u, in.x, in.t, in.y, NULL);
    th_tensor *got = nj_unet_forward(s, narrow, in.x, in.t, in.y, NULL);
    double error = relative_error(s, got, want);

    OK(s);
    assert_int_equal(th_dtype(got), NJ_F32);

    assert_true(error > 1e-5); /* it did compute in another precision */
    assert_true(error < 0.2);
    nj_unet_free(narrow);
    nj_unet_free(u);
}

static th_tensor *gradient_of(th_scope *s, const nj_unet *u)
{
    const struct input in = two_images(s);
    th_tensor *x = th_leaf(s, in.x, true);
    th_tensor *y = nj_unet_forward(s, u, x, in.t, in.y, NULL);

    return th_grad(s, y, random_tensor(s, 2, SHAPE(2, 6, 16, 8)), x);
}

/* To the last bit, and the blocks' insides are not kept. */
static void blocks_can_be_computed_twice(void **state)
{
    enum { N = 2 * 3 * 16 * 8 };
    th_scope *s = *state;
    nj_unet *u = load(NJ_F32);
    const struct input in = two_images(s);
    th_tensor *x = th_leaf(s, in.x, true);
    int64_t saved[2];
    float got[2][N];

    for (int i = 0; i < 2; i++) {
        th_scope *t = th_scope_new(s);
        int64_t before = th_saved_bytes();

        nj_unet_recompute(u, i == 1);
        nj_unet_forward(t, u, x, in.t, in.y, NULL);
        saved[i] = th_saved_bytes() - before;
        th_scope_free(t);
        th_read_f32(s, gradient_of(s, u), got[i], N);
    }
    OK(s);
    assert_memory_equal(got[0], got[1], sizeof(got[0]));
    assert_true(saved[1] < saved[0] / 2);
    nj_unet_free(u);
}

static void see(void *user, const char *name, const th_tensor *t)
{
    nj_str *seen = user;

    assert_true(th_elements(t) > 0);
    nj_str_addf(seen, "%s ", name);
}

static void shows_its_modules_in_order(void **state)
{
    th_scope *s = *state;
    nj_unet *u = load(NJ_F32);
    struct input in = two_images(s);
    nj_str seen = {0};
    const nj_observer observer = {&seen, see};
    const char *want = "timestep_embedding emb input_blocks.0.0 input_blocks.0 "
                       "input_blocks.1.0 input_blocks.1.1 input_blocks.1 ";

    nj_unet_forward(s, u, in.x, in.t, in.y, &observer);
    OK(s);
    assert_int_equal(strncmp(seen.text, want, strlen(want)), 0);
    assert_non_null(strstr(seen.text, " output_blocks.2.1 output_blocks.2 "));
    assert_non_null(strstr(seen.text, " output_blocks.5.1 output_blocks.5 "));
    nj_str_release(&seen);
    nj_unet_free(u);
}

/* Nothing but the caller's tensors outlives a forward pass, even a failed
 * one. */
static void frees_its_intermediates(void **state)
{
    th_scope *s = *state;
    nj_unet *u = load(NJ_F32);
    struct input in = two_images(s);
    int64_t before = th_live();
    nj_err err = {0};

    nj_unet_forward(s, u, in.x, in.t, in.y, NULL);
    assert_int_equal(th_live(), before + 1);
    nj_unet_forward(s, u, in.x, in.t, NULL, NULL);
    assert_int_equal(th_live(), before + 1);
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    nj_unet_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(names_the_first_tensor_that_does_not_fit),
        TH_TEST(names_damage_of_the_file),
        TH_TEST(refuses_senseless_cards),
        TH_TEST(images_of_a_batch_are_independent),
        TH_TEST(runs_in_bfloat16),
        TH_TEST(blocks_can_be_computed_twice),
        TH_TEST(shows_its_modules_in_order),
        TH_TEST(frees_its_intermediates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

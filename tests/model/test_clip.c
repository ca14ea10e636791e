/* CLIP: configuration from shapes, the three ways of naming, files that do not
 * fit. Its numbers are compared with the public code's by the parity program.
 */
#include "model/clip.h"
#include "model/model_test.h"

#define VIT    FIXTURES "clip/vit/model_hf.safetensors"
#define RESNET FIXTURES "clip/resnet/model_torchscript.pt"

static nj_clip *load(const nj_weights *w, const nj_clip_hints *hints)
{
    nj_clip *c = NULL;
    nj_err err = {0};

    if (nj_clip_new(w, hints, NJ_F32, cpu, &c, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return c;
}

static nj_clip *load_file(const char *path, const nj_clip_hints *hints)
{
    nj_weights *w = open_weights(path);
    nj_clip *c = load(w, hints);

    nj_weights_free(w);
    return c;
}

static void reads_a_transformer_from_shapes(void **state)
{
    nj_clip *clip = load_file(VIT, NULL);
    const nj_clip_config c = *nj_clip_shape(clip);

    (void)state;
    assert_false(c.resnet);
    assert_false(c.gelu);
    assert_int_equal(c.embed, 48);
    assert_int_equal(c.image_size, 32);
    assert_int_equal(c.patch, 8);
    assert_int_equal(c.vision_width, 128);
    assert_int_equal(c.vision_heads, 2);
    assert_int_equal(c.vision_layers[0], 1);
    assert_int_equal(c.vision_mlp, 512);
    assert_int_equal(c.context, 77);
    assert_int_equal(c.vocabulary, 512);
    assert_int_equal(c.text_width, 64);
    assert_int_equal(c.text_heads, 1);
    assert_int_equal(c.text_layers, 2);
    assert_int_equal(c.text_mlp, 256);
    nj_clip_free(clip);
}

static void reads_a_resnet_from_shapes(void **state)
{
    nj_clip *clip = load_file(RESNET, NULL);
    const nj_clip_config c = *nj_clip_shape(clip);

    (void)state;
    assert_true(c.resnet);
    assert_int_equal(c.embed, 40);
    assert_int_equal(c.image_size, 64);
    assert_int_equal(c.vision_width, 4);
    assert_int_equal(c.vision_heads, 2);
    assert_int_equal(c.vision_layers[1], 2);
    assert_int_equal(c.vision_layers[3], 1);
    assert_int_equal(c.text_heads, 2);
    nj_clip_free(clip);
}

static void expect_error(const nj_weights *w, const nj_clip_hints *hints,
                         const char *text)
{
    nj_clip *c = (nj_clip *)&c;
    nj_err err = {0};

    assert_int_equal(nj_clip_new(w, hints, NJ_F32, cpu, &c, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, text);
    assert_null(c);
    assert_int_equal(th_live(), 0);
}

static void expect_change(const char *path, change how, const char *name,
                          const char *other, const char *text)
{
    nj_weights *w = open_weights(path);
    nj_weights *bad = changed(w, how, name, other);

    expect_error(bad, NULL, text);
    nj_weights_free(bad);
    nj_weights_free(w);
}

static void names_the_first_tensor_that_does_not_fit(void **state)
{
    (void)state;
    expect_change(VIT, DROP, "visual_projection.weight", NULL,
                  "tensor 'visual_projection.weight' is missing, expected "
                  "shape [48,128]");
    expect_change(VIT, ADD_ROW,
                  "text_model.encoder.layers.1.self_attn.k_proj.bias", NULL,
                  "tensor 'text_model.encoder.layers.1.self_attn.k_proj.bias' "
                  "has shape [65], expected [64]");
    expect_change(VIT, ADD_ROW,
                  "vision_model.embeddings.position_embedding.weight", NULL,
                  "tensor 'vision_model.embeddings.position_embedding.weight' "
                  "has 18 rows, expected one more than a square number");
    expect_change(VIT, ADD, "logit_scale", "logit_bias",
                  "tensor 'logit_bias' does not belong to this network");
    expect_change(RESNET, DROP, "visual.layer3.0.bn2.running_var", NULL,
                  "tensor 'visual.layer3.0.bn2.running_var' is missing, "
                  "expected shape [16]");
    expect_change(RESNET, RENAME, "visual.layer4.0.conv1.weight", "x",
                  "tensor 'visual.layer4.0.conv1.weight' is missing");
    expect_change(RESNET, RENAME, "visual.conv1.weight", "x",
                  "not a CLIP network: neither 'visual.conv1.weight' with "
                  "'token_embedding.weight' nor "
                  "'vision_model.embeddings.patch_embedding.weight' is there");
}

static void refuses_heads_that_do_not_divide(void **state)
{
    nj_weights *w = open_weights(VIT);
    const nj_clip_hints image = {.vision_heads = 3};
    const nj_clip_hints text = {.text_heads = -1};

    (void)state;
    expect_error(w, &image,
                 "width 128 of the image tower cannot be split into 3 heads");
    expect_error(w, &text,
                 "width 64 of the text tower cannot be split into -1 heads");
    nj_weights_free(w);
}

/* Every name of the text tower gets `prefix` in front: open_clip's other way
 * of naming. */
static void text_tower_may_have_a_prefix(void **state)
{
    th_scope *s = *state;
    const char *const text[] = {"transformer.", "token_embedding.",
                                "positional_embedding", "ln_final.",
                                "text_projection"};
    nj_weights *w = open_weights(RESNET);
    size_t n;
    nj_view *views = copy_views(w, &n);
    char(*names)[128] = calloc(n, sizeof(*names));
    th_tensor *image = random_tensor(s, 3, SHAPE(1, 3, 64, 64));
    int64_t ids[77] = {1, 5, 9, 255};
    nj_weights *other;
    nj_clip *clips[2];

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 5; k++) {
            if (strncmp(views[i].name, text[k], strlen(text[k])) != 0)
                continue;
            snprintf(names[i], sizeof(names[i]), "text.%s", views[i].name);
            views[i].name = names[i];
        }
    }
    other = weights_of(views, n);
    clips[0] = load(w, NULL);
    clips[1] = load(other, NULL);
    assert_true(
        relative_error(s, nj_clip_encode_image(s, clips[1], image, NULL),
                       nj_clip_encode_image(s, clips[0], image, NULL)) == 0);
    assert_true(
        relative_error(s, nj_clip_encode_text(s, clips[1], ids, 1, NULL),
                       nj_clip_encode_text(s, clips[0], ids, 1, NULL)) == 0);
    for (int i = 0; i < 2; i++)
        nj_clip_free(clips[i]);
    nj_weights_free(other);
    nj_weights_free(w);
    free(names);
    free(views);
}

/* What stands behind the end token does not count. */
static void text_ends_at_the_first_largest_id(void **state)
{
    th_scope *s = *state;
    nj_clip *c = load_file(VIT, NULL);
    int64_t ids[3 * 77] = {0};
    th_tensor *e;

    for (int i = 0; i < 3; i++) {
        ids[i * 77] = 510;
        ids[i * 77 + 1] = 44;
        ids[i * 77 + 2] = 511;
    }
    ids[77 + 3] = 12;
    ids[77 + 4] = 511;
    ids[2 * 77 + 1] = 45;
    e = nj_clip_encode_text(s, c, ids, 3, NULL);
    assert_true(relative_error(s, th_narrow(s, e, 0, 1, 1),
                               th_narrow(s, e, 0, 0, 1)) < 1e-6);
    assert_true(relative_error(s, th_narrow(s, e, 0, 2, 1),
                               th_narrow(s, e, 0, 0, 1)) > 1e-3);
    nj_clip_free(c);
}

static void refuses_ids_outside_of_the_vocabulary(void **state)
{
    th_scope *s = *state;
    nj_clip *c = load_file(VIT, NULL);
    int64_t ids[77] = {0};
    nj_err err = {0};

    ids[76] = 512;
    assert_null(nj_clip_encode_text(s, c, ids, 1, NULL));
    assert_int_equal(th_scope_check(s, &err), NJ_E_INTERNAL);
    assert_string_equal(err.text, "token id 512, expected 0 to 511");
    th_scope_clear_error(s);
    ids[76] = -1;
    assert_null(nj_clip_encode_text(s, c, ids, 1, NULL));
    nj_clip_free(c);
}

static void activation_is_a_hint(void **state)
{
    th_scope *s = *state;
    const nj_clip_hints gelu = {.gelu = true};
    th_tensor *image = random_tensor(s, 3, SHAPE(2, 3, 32, 32));
    nj_clip *quick = load_file(VIT, NULL);
    nj_clip *exact = load_file(VIT, &gelu);
    double error =
        relative_error(s, nj_clip_encode_image(s, exact, image, NULL),
                       nj_clip_encode_image(s, quick, image, NULL));

    assert_true(nj_clip_shape(exact)->gelu);
    assert_true(error > 1e-4 && error < 0.2);
    nj_clip_free(exact);
    nj_clip_free(quick);
}

static void frees_its_intermediates(void **state)
{
    th_scope *s = *state;
    const char *const paths[2] = {VIT, RESNET};
    const int64_t ids[77] = {1, 2, 3};
    const int side[2] = {32, 64};

    for (int i = 0; i < 2; i++) {
        nj_clip *c = load_file(paths[i], NULL);
        th_tensor *image = th_leaf(
            s, random_tensor(s, 3, SHAPE(1, 3, side[i], side[i])), true);
        int64_t before = th_live();

        assert_non_null(nj_clip_encode_image(s, c, image, NULL));
        assert_int_equal(th_live(), before + 1);
        assert_non_null(nj_clip_encode_text(s, c, ids, 1, NULL));
        assert_int_equal(th_live(), before + 2);
        nj_clip_free(c);
    }
}

/* Embeddings [n,D] of the first n images, and the gradient by them. */
static th_tensor *encode(th_scope *s, const nj_clip *c, const th_tensor *images,
                         int64_t n, th_tensor **gradient)
{
    th_tensor *leaf = th_leaf(s, th_narrow(s, images, 0, 0, n), true);
    th_tensor *e = nj_clip_encode_image(s, c, leaf, NULL);

    *gradient = th_grad(s, th_sum(s, th_square(s, e)), NULL, leaf);
    return e;
}

/* Cutouts may be looked at in parts: `clip_slices` changes no number. */
static void images_do_not_feel_how_many_there_are(void **state)
{
    th_scope *s = *state;
    nj_clip *c = load_file(NJ_SOURCE_DIR "/models/demo/clip.safetensors", NULL);
    const int64_t side = nj_clip_shape(c)->image_size;
    th_tensor *images = RANDOM(s, 5, SHAPE(4, 3, side, side));
    th_tensor *all, *all_gradient;

    all = encode(s, c, images, 4, &all_gradient);
    for (int64_t n = 1; n < 4; n++) {
        th_tensor *gradient, *e = encode(s, c, images, n, &gradient);

        assert_true(max_difference(s, e, th_narrow(s, all, 0, 0, n)) == 0);
        assert_true(max_difference(s, gradient,
                                   th_narrow(s, all_gradient, 0, 0, n)) == 0);
    }
    OK(s);
    nj_clip_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(reads_a_transformer_from_shapes),
        TH_TEST(reads_a_resnet_from_shapes),
        TH_TEST(names_the_first_tensor_that_does_not_fit),
        TH_TEST(refuses_heads_that_do_not_divide),
        TH_TEST(text_tower_may_have_a_prefix),
        TH_TEST(text_ends_at_the_first_largest_id),
        TH_TEST(refuses_ids_outside_of_the_vocabulary),
        TH_TEST(activation_is_a_hint),
        TH_TEST(frees_its_intermediates),
        TH_TEST(images_do_not_feel_how_many_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

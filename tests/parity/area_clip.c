/* Parity of CLIP: embeddings, activations and the image's gradient, for every
 * file that holds the network of a case. */
#include <string.h>

#include "model/clip.h"
#include "parity/areas.h"
#include "parity/tensors.h"
#include "parity/vocabulary.h"
#include "text/tokenizer.h"
#include "weights/weights.h"

#define TEXTS_SEEN 2 /* text activations are stored for the first two texts */

struct seen {
    parity_case *c;
    th_scope *scope;
};

static void see(void *user, const char *name, const th_tensor *t)
{
    struct seen *seen = user;

    if (!parity_has(seen->c, name))
        return;
    if (strncmp(name, "text_", 5) == 0)
        t = th_narrow(seen->scope, t, 0, 0, TEXTS_SEEN);
    parity_check_tensor(seen->c, seen->scope, name, t);
}

static nj_clip_hints hints_of(parity_case *c)
{
    const cJSON *config = parity_config(c);
    const cJSON *hf = nj_json_get(config, "hf");

    return (nj_clip_hints){
        .vision_heads = (int)nj_json_number(config, "vision_heads", 0),
        .text_heads = (int)nj_json_number(config, "transformer_heads", 0),
        .gelu =
            strcmp(nj_json_string(hf, "hidden_act", "quick_gelu"), "gelu") == 0,
    };
}

static void expect_size(parity_case *c, const char *key, int got)
{
    parity_expect(c, (int)parity_number(c, key) == got, "%s is %d", key, got);
}

static void check_config(parity_case *c, const nj_clip_config *f)
{
    const cJSON *layers = nj_json_get(parity_config(c), "vision_layers");
    int found = f->vision_layers[0];

    expect_size(c, "embed_dim", f->embed);
    expect_size(c, "image_resolution", f->image_size);
    expect_size(c, "vision_width", f->vision_width);
    expect_size(c, "context_length", f->context);
    expect_size(c, "vocab_size", f->vocabulary);
    expect_size(c, "transformer_width", f->text_width);
    expect_size(c, "transformer_layers", f->text_layers);
    if (!cJSON_IsArray(layers)) {
        expect_size(c, "vision_patch_size", f->patch);
        expect_size(c, "vision_layers", found);
        return;
    }
    for (int i = 0; i < 4; i++)
        parity_expect(
            c, cJSON_GetArrayItem(layers, i)->valueint == f->vision_layers[i],
            "layer %d has %d blocks", i + 1, f->vision_layers[i]);
}

/* x / |x| over the last dimension. */
static th_tensor *normalised(th_scope *s, const th_tensor *x)
{
    return th_div(s, x, th_norm(s, x, 1, true));
}

static void run_towers(parity_case *c, const nj_clip *clip)
{
    th_scope *s = th_scope_new(NULL);
    struct seen seen = {c, s};
    const nj_observer observer = {&seen, see};
    const parity_tensor *tokens = parity_input(c, "tokens");
    th_tensor *image = th_leaf(s, parity_tensor_in(c, s, "image"), true);
    th_tensor *e = nj_clip_encode_image(s, clip, image, &observer);
    th_tensor *texts =
        tokens ? nj_clip_encode_text(s, clip, tokens->i64,
                                     (size_t)tokens->shape[0], &observer)
               : NULL;
    th_tensor *logits =
        th_linear(s, normalised(s, e), normalised(s, texts), NULL);

    parity_check_tensor(c, s, "image_embedding", e);
    parity_check_tensor(c, s, "text_embedding", texts);
    parity_check_tensor(c, s, "logits_per_image",
                        th_mul_scalar(s, logits, nj_clip_logit_scale(clip)));
    parity_check_tensor(
        c, s, "grad_image",
        th_grad(s, e, parity_tensor_in(c, s, "grad_weight"), image));
    th_scope_free(s);
}

static void run_file(parity_case *c, const char *name)
{
    const th_device device = parity_device();
    nj_clip_hints hints = hints_of(c);
    nj_weights *weights = NULL;
    nj_clip *clip = NULL;
    nj_err err = {0};

    if (!parity_bad(c, nj_weights_open(parity_path(c, name), &weights, &err),
                    &err) &&
        !parity_bad(c,
                    nj_clip_new(weights, &hints, NJ_F32, device, &clip, &err),
                    &err)) {
        check_config(c, nj_clip_shape(clip));
        run_towers(c, clip);
    }
    nj_clip_free(clip);
    nj_weights_free(weights);
}

static void check_row(parity_case *c, const nj_tokenizer *t, const char *text,
                      const int64_t *want)
{
    size_t context = (size_t)parity_number(c, "context_length");
    int64_t *row = parity_alloc(c, context, sizeof(*row));
    nj_err err = {0};

    if (!parity_bad(
            c,
            nj_tokenizer_row(t, text, strlen(text), true, context, row, &err),
            &err))
        parity_expect(c, memcmp(row, want, context * sizeof(*row)) == 0,
                      "other tokens of '%.40s'", text);
}

/* Texts with the real vocabulary, where a case has some. */
static void check_texts(parity_case *c)
{
    const cJSON *texts = nj_json_get(parity_config(c), "texts");
    const parity_tensor *tokens = texts ? parity_input(c, "tokens") : NULL;
    const char *path = tokens ? parity_vocabulary(c) : NULL;
    nj_tokenizer *t = NULL;
    nj_err err = {0};
    const int64_t *row;
    const cJSON *text;

    if (!tokens)
        return;
    if (!path) {
        parity_skip(c, "no %s: set NJ_VOCABULARY", PARITY_VOCABULARY_NAME);
        return;
    }
    if (parity_bad(c,
                   nj_tokenizer_open(
                       path, (size_t)parity_number(c, "vocab_size"), &t, &err),
                   &err))
        return;
    row = tokens->i64;
    cJSON_ArrayForEach(text, texts)
    {
        check_row(c, t, cJSON_GetStringValue(text), row);
        row += tokens->shape[1];
    }
    nj_tokenizer_free(t);
}

static void run_clip(parity_case *c)
{
    const cJSON *file;

    check_texts(c);
    cJSON_ArrayForEach(file, nj_json_get(parity_json(c), "files"))
        run_file(c, cJSON_GetStringValue(file));
}

const parity_kind parity_clip[] = {{"clip", run_clip}, {0}};

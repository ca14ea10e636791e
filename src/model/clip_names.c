/* CLIP's tensors under the names that OpenAI, open_clip and Hugging Face give
 * them, and the configuration that their shapes tell. What is common to the
 * three is said once in clip_layout.h; here are only the words. */
#include "model/clip_layout.h"

#include <stdio.h>

#define HEAD_WIDTH 64

#define OPENAI_VISION                                                          \
    .patch = "visual.conv1.weight",                                            \
    .class_embedding = "visual.class_embedding",                               \
    .vision_positions = "visual.positional_embedding",                         \
    .ln_pre = "visual.ln_pre",                                                 \
    .vision_blocks = "visual.transformer.resblocks",                           \
    .ln_post = "visual.ln_post", .vision_projection = "visual.proj"

#define OPENAI_BLOCK                                                           \
    .ln_1 = "ln_1", .in_weight = {"attn.in_proj_weight"},                      \
    .in_bias = {"attn.in_proj_bias"}, .out_proj = "attn.out_proj",             \
    .ln_2 = "ln_2", .fc = "mlp.c_fc", .proj = "mlp.c_proj"

/* OpenAI's, and open_clip's where the text tower has no prefix. */
static const nj_clip_names openai = {
    OPENAI_VISION,
    .token_embedding = "token_embedding.weight",
    .text_positions = "positional_embedding",
    .text_blocks = "transformer.resblocks",
    .ln_final = "ln_final",
    .text_projection = "text_projection",
    OPENAI_BLOCK,
};

static const nj_clip_names openclip_text = {
    OPENAI_VISION,
    .token_embedding = "text.token_embedding.weight",
    .text_positions = "text.positional_embedding",
    .text_blocks = "text.transformer.resblocks",
    .ln_final = "text.ln_final",
    .text_projection = "text.text_projection",
    OPENAI_BLOCK,
};

static const nj_clip_names hugging_face = {
    .patch = "vision_model.embeddings.patch_embedding.weight",
    .class_embedding = "vision_model.embeddings.class_embedding",
    .vision_positions = "vision_model.embeddings.position_embedding.weight",
    .ln_pre = "vision_model.pre_layrnorm",
    .vision_blocks = "vision_model.encoder.layers",
    .ln_post = "vision_model.post_layernorm",
    .vision_projection = "visual_projection.weight",
    .token_embedding = "text_model.embeddings.token_embedding.weight",
    .text_positions = "text_model.embeddings.position_embedding.weight",
    .text_blocks = "text_model.encoder.layers",
    .ln_final = "text_model.final_layer_norm",
    .text_projection = "text_projection.weight",
    .ln_1 = "layer_norm1",
    .in_weight = {"self_attn.q_proj.weight", "self_attn.k_proj.weight",
                  "self_attn.v_proj.weight"},
    .in_bias = {"self_attn.q_proj.bias", "self_attn.k_proj.bias",
                "self_attn.v_proj.bias"},
    .out_proj = "self_attn.out_proj",
    .ln_2 = "layer_norm2",
    .fc = "mlp.fc1",
    .proj = "mlp.fc2",
    .split = true,
    .transposed = true,
};

const nj_clip_names *nj_clip_default_names(void)
{
    return &openai;
}

nj_status nj_clip_names_of(const nj_weights *weights, const nj_clip_names **out,
                           nj_err *err)
{
    static const nj_clip_names *const all[] = {&openai, &openclip_text,
                                               &hugging_face};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *out = all[i];
        if (nj_weights_find(weights, all[i]->patch) &&
            nj_weights_find(weights, all[i]->token_embedding))
            return NJ_OK;
    }
    *out = NULL;
    return nj_fail(err, NJ_E_FORMAT,
                   "not a CLIP network: neither '%s' with '%s' nor '%s' is "
                   "there",
                   openai.patch, openai.token_embedding, hugging_face.patch);
}

/* The side g of a positional embedding of 1 + g*g rows. */
static nj_status grid_side(const nj_view *positions, int *out, nj_err *err)
{
    int64_t n = positions->shape[0] - 1;
    int g = 1;

    while ((int64_t)(g + 1) * (g + 1) <= n)
        g++;
    *out = g;
    if (n >= 1 && (int64_t)g * g == n)
        return NJ_OK;
    return nj_fail(err, NJ_E_FORMAT,
                   "tensor '%s' has %lld rows, expected one more than a "
                   "square number",
                   positions->name, (long long)positions->shape[0]);
}

static nj_status set_heads(int hint, int width, const char *tower, int *out,
                           nj_err *err)
{
    int heads = width / HEAD_WIDTH;

    if (heads < 1)
        heads = 1;
    if (hint)
        heads = hint;
    *out = heads;
    if (heads > 0 && width % heads == 0)
        return NJ_OK;
    return nj_fail(err, NJ_E_FORMAT,
                   "width %d of the %s tower cannot be split into %d heads",
                   width, tower, heads);
}

/* Blocks and mlp width of a transformer. */
static nj_status read_blocks(const nj_weights *weights,
                             const nj_clip_names *names, const char *prefix,
                             int *layers, int *mlp, nj_err *err)
{
    char name[NJ_PARAMS_NAME_MAX];
    const nj_view *fc;
    nj_status status;

    snprintf(name, sizeof(name), "%s.0.%s.weight", prefix, names->fc);
    status = nj_params_peek(weights, name, 2, &fc, err);
    if (status != NJ_OK)
        return status;
    snprintf(name, sizeof(name), "%s.weight", names->fc);
    *layers = nj_params_count(weights, prefix, name);
    *mlp = (int)fc->shape[0];
    return NJ_OK;
}

static nj_status read_vit(const nj_weights *weights, const nj_clip_names *names,
                          int heads, nj_clip_config *c, nj_err *err)
{
    const nj_view *patch;
    const nj_view *positions;
    int side;
    nj_status status = nj_params_peek(weights, names->patch, 4, &patch, err);

    if (status == NJ_OK)
        status = nj_params_peek(weights, names->vision_positions, 2, &positions,
                                err);
    if (status == NJ_OK)
        status = grid_side(positions, &side, err);
    if (status == NJ_OK)
        status = read_blocks(weights, names, names->vision_blocks,
                             &c->vision_layers[0], &c->vision_mlp, err);
    if (status != NJ_OK)
        return status;
    c->patch = (int)patch->shape[3];
    c->vision_width = (int)patch->shape[0];
    if ((int64_t)side * c->patch > INT32_MAX)
        return nj_fail(err, NJ_E_FORMAT, "%d patches of %d pixels a side", side,
                       c->patch);
    c->image_size = side * c->patch;
    return set_heads(heads, c->vision_width, "image", &c->vision_heads, err);
}

static nj_status read_resnet(const nj_weights *weights, int heads,
                             nj_clip_config *c, nj_err *err)
{
    const nj_view *first;
    const nj_view *positions;
    int side;
    nj_status status =
        nj_params_peek(weights, "visual.layer1.0.conv1.weight", 4, &first, err);

    if (status == NJ_OK)
        status = nj_params_peek(weights, "visual.attnpool.positional_embedding",
                                2, &positions, err);
    if (status == NJ_OK)
        status = grid_side(positions, &side, err);
    if (status != NJ_OK)
        return status;
    for (int i = 0; i < 4; i++) {
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "visual.layer%d", i + 1);
        c->vision_layers[i] = nj_params_count(weights, prefix, "conv1.weight");
        if (c->vision_layers[i] == 0)
            return nj_fail(err, NJ_E_FORMAT,
                           "tensor '%s.0.conv1.weight' is missing", prefix);
    }
    c->resnet = true;
    c->vision_width = (int)first->shape[0];
    c->image_size = 32 * side; /* stem and layers halve five times */
    return set_heads(heads, 32 * c->vision_width, "image", &c->vision_heads,
                     err);
}

static nj_status read_text(const nj_weights *weights,
                           const nj_clip_names *names, int heads,
                           nj_clip_config *c, nj_err *err)
{
    const nj_view *tokens;
    const nj_view *positions;
    const nj_view *projection;
    nj_status status =
        nj_params_peek(weights, names->token_embedding, 2, &tokens, err);

    if (status == NJ_OK)
        status =
            nj_params_peek(weights, names->text_positions, 2, &positions, err);
    if (status == NJ_OK)
        status = nj_params_peek(weights, names->text_projection, 2, &projection,
                                err);
    if (status == NJ_OK)
        status = read_blocks(weights, names, names->text_blocks,
                             &c->text_layers, &c->text_mlp, err);
    if (status != NJ_OK)
        return status;
    c->vocabulary = (int)tokens->shape[0];
    c->text_width = (int)tokens->shape[1];
    c->context = (int)positions->shape[0];
    c->embed = (int)projection->shape[names->transposed ? 0 : 1];
    return set_heads(heads, c->text_width, "text", &c->text_heads, err);
}

nj_status nj_clip_read_config(const nj_weights *weights,
                              const nj_clip_names *names,
                              const nj_clip_hints *hints, nj_clip_config *out,
                              nj_err *err)
{
    nj_clip_config c = {.gelu = hints && hints->gelu};
    int vision_heads = hints ? hints->vision_heads : 0;
    int text_heads = hints ? hints->text_heads : 0;
    nj_status status;

    if (nj_weights_find(weights, "visual.layer1.0.conv1.weight"))
        status = read_resnet(weights, vision_heads, &c, err);
    else
        status = read_vit(weights, names, vision_heads, &c, err);
    if (status == NJ_OK)
        status = read_text(weights, names, text_heads, &c, err);
    if (status == NJ_OK)
        *out = c;
    return status;
}

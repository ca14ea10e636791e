/* Tensors of OpenAI's CLIP, by its names and dtypes: weights of layers in
 * float16, norms and embeddings in float32 (openai/CLIP, clip/model.py). */
#include "spec.h"

#include <math.h>
#include <stdio.h>

#define STAGES 4

static int whole(const cJSON *flags, const char *key)
{
    return (int)nj_json_number(flags, key, 0);
}

static spec_layer half(spec_layer l)
{
    l.dtype = NJ_F16;
    return l;
}

static void transformer(spec *s, const char *prefix, int64_t width, int layers)
{
    for (int i = 0; i < layers; i++) {
        char name[SPEC_NAME_MAX];
        double small = 1 / sqrt(2.0 * layers);

        snprintf(name, sizeof(name), "%s.resblocks.%d", prefix, i);
        spec_add(s, (spec_shape){2, {3 * width, width}}, NJ_F16, SPEC_NORMAL,
                 1 / sqrt((double)width), "%s.attn.in_proj_weight", name);
        spec_add(s, (spec_shape){1, {3 * width}}, NJ_F16, SPEC_CONSTANT, 0,
                 "%s.attn.in_proj_bias", name);
        spec_add_layer(
            s, half((spec_layer){.out = width, .in = width, .gain = small}),
            "%s.attn.out_proj", name);
        spec_add_norm(s, width, "%s.ln_1", name);
        spec_add_layer(s, half((spec_layer){.out = 4 * width, .in = width}),
                       "%s.mlp.c_fc", name);
        spec_add_layer(
            s, half((spec_layer){.out = width, .in = 4 * width, .gain = small}),
            "%s.mlp.c_proj", name);
        spec_add_norm(s, width, "%s.ln_2", name);
    }
}

static void vision_transformer(spec *s, const cJSON *flags)
{
    int64_t width = whole(flags, "vision_width");
    int64_t embed = whole(flags, "embed_dim");
    int patch = whole(flags, "patch_size");
    int64_t grid = patch ? whole(flags, "image_size") / patch : 0;
    double scale = 1 / sqrt((double)width);

    spec_add(s, (spec_shape){1, {width}}, NJ_F32, SPEC_NORMAL, scale,
             "visual.class_embedding");
    spec_add(s, (spec_shape){2, {grid * grid + 1, width}}, NJ_F32, SPEC_NORMAL,
             scale, "visual.positional_embedding");
    spec_add(s, (spec_shape){2, {width, embed}}, NJ_F16, SPEC_NORMAL, scale,
             "visual.proj");
    spec_add_layer(
        s,
        half((spec_layer){
            .out = width, .in = 3, .kernel = patch, .no_bias = true}),
        "visual.conv1");
    spec_add_norm(s, width, "visual.ln_pre");
    transformer(s, "visual.transformer", width, whole(flags, "vision_layers"));
    spec_add_norm(s, width, "visual.ln_post");
}

/* A convolution without bias and the batch norm after it. */
struct conv_norm {
    const char *conv;
    const char *norm;
    int64_t out;
    int64_t in;
    int kernel;
};

static void conv_norm(spec *s, const char *prefix, struct conv_norm c)
{
    spec_shape shape = {1, {c.out}};

    spec_add_layer(
        s,
        half((spec_layer){
            .out = c.out, .in = c.in, .kernel = c.kernel, .no_bias = true}),
        "%s.%s", prefix, c.conv);
    spec_add_norm(s, c.out, "%s.%s", prefix, c.norm);
    spec_add(s, shape, NJ_F32, SPEC_CONSTANT, 0, "%s.%s.running_mean", prefix,
             c.norm);
    spec_add(s, shape, NJ_F32, SPEC_CONSTANT, 1, "%s.%s.running_var", prefix,
             c.norm);
    spec_add(s, (spec_shape){0}, NJ_I64, SPEC_CONSTANT, 0,
             "%s.%s.num_batches_tracked", prefix, c.norm);
}

static void bottlenecks(spec *s, int stage, int64_t *in, int64_t planes,
                        int blocks)
{
    for (int i = 0; i < blocks; i++) {
        char name[SPEC_NAME_MAX];

        snprintf(name, sizeof(name), "visual.layer%d.%d", stage, i);
        conv_norm(s, name, (struct conv_norm){"conv1", "bn1", planes, *in, 1});
        conv_norm(s, name,
                  (struct conv_norm){"conv2", "bn2", planes, planes, 3});
        conv_norm(s, name,
                  (struct conv_norm){"conv3", "bn3", 4 * planes, planes, 1});
        if (i == 0)
            conv_norm(s, name,
                      (struct conv_norm){"downsample.0", "downsample.1",
                                         4 * planes, *in, 1});
        *in = 4 * planes;
    }
}

static void vision_resnet(spec *s, const cJSON *flags)
{
    const cJSON *layers = nj_json_get(flags, "vision_layers");
    int64_t width = whole(flags, "vision_width");
    int64_t grid = whole(flags, "image_size") / 32;
    int64_t embed = whole(flags, "embed_dim");
    int64_t in = width;

    conv_norm(s, "visual", (struct conv_norm){"conv1", "bn1", width / 2, 3, 3});
    conv_norm(s, "visual",
              (struct conv_norm){"conv2", "bn2", width / 2, width / 2, 3});
    conv_norm(s, "visual",
              (struct conv_norm){"conv3", "bn3", width, width / 2, 3});
    for (int i = 0; i < STAGES; i++) {
        const cJSON *blocks = cJSON_GetArrayItem(layers, i);

        bottlenecks(s, i + 1, &in, width << i,
                    blocks ? (int)blocks->valuedouble : 0);
    }
    spec_add(s, (spec_shape){2, {grid * grid + 1, in}}, NJ_F32, SPEC_NORMAL,
             1 / sqrt((double)in), "visual.attnpool.positional_embedding");
    spec_add_layer(s, half((spec_layer){.out = in, .in = in}),
                   "visual.attnpool.k_proj");
    spec_add_layer(s, half((spec_layer){.out = in, .in = in}),
                   "visual.attnpool.q_proj");
    spec_add_layer(s, half((spec_layer){.out = in, .in = in}),
                   "visual.attnpool.v_proj");
    spec_add_layer(s, half((spec_layer){.out = embed, .in = in}),
                   "visual.attnpool.c_proj");
}

nj_status spec_clip(spec *s, const cJSON *flags, nj_err *err)
{
    int64_t width = whole(flags, "text_width");
    int64_t embed = whole(flags, "embed_dim");

    if (width < 1 || embed < 1 || whole(flags, "vision_width") < 1)
        return nj_fail(err, NJ_E_FORMAT,
                       "the card has no widths of a CLIP network");
    spec_add(s, (spec_shape){2, {whole(flags, "context_length"), width}},
             NJ_F32, SPEC_NORMAL, 0.01, "positional_embedding");
    spec_add(s, (spec_shape){2, {width, embed}}, NJ_F16, SPEC_NORMAL,
             1 / sqrt((double)width), "text_projection");
    spec_add(s, (spec_shape){0}, NJ_F32, SPEC_CONSTANT, log(100.0),
             "logit_scale");
    spec_add(s, (spec_shape){0}, NJ_I64, SPEC_CONSTANT,
             whole(flags, "image_size"), "input_resolution");
    spec_add(s, (spec_shape){0}, NJ_I64, SPEC_CONSTANT,
             whole(flags, "context_length"), "context_length");
    spec_add(s, (spec_shape){0}, NJ_I64, SPEC_CONSTANT,
             whole(flags, "vocab_size"), "vocab_size");
    if (cJSON_IsArray(nj_json_get(flags, "vision_layers")))
        vision_resnet(s, flags);
    else
        vision_transformer(s, flags);
    transformer(s, "transformer", width, whole(flags, "text_layers"));
    spec_add(s, (spec_shape){2, {whole(flags, "vocab_size"), width}}, NJ_F32,
             SPEC_NORMAL, 0.02, "token_embedding.weight");
    spec_add_norm(s, width, "ln_final");
    return NJ_OK;
}

/* Tensors of the small networks: Real-ESRGAN's RRDBNet, the secondary model,
 * VGG16's features and the heads of LPIPS. */
#include "spec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- RRDBNet (xinntao/Real-ESRGAN) ------------------------------------- */

static spec_layer conv3(int64_t out, int64_t in, double gain)
{
    return (spec_layer){.out = out, .in = in, .kernel = 3, .gain = gain};
}

static void dense_block(spec *s, int body, int block, int64_t features,
                        int64_t growth)
{
    for (int i = 0; i < 5; i++) {
        int64_t out = i == 4 ? features : growth;

        spec_add_layer(s, conv3(out, features + i * growth, 1),
                       "body.%d.rdb%d.conv%d", body, block, i + 1);
    }
}

nj_status spec_upscaler(spec *s, const cJSON *flags, nj_err *err)
{
    static const char *const last[] = {"conv_body", "conv_up1", "conv_up2",
                                       "conv_hr"};
    int64_t features = (int64_t)nj_json_number(flags, "num_feat", 64);
    int64_t growth = (int64_t)nj_json_number(flags, "num_grow_ch", 32);
    int blocks = (int)nj_json_number(flags, "num_block", 23);
    int scale = (int)nj_json_number(flags, "scale", 4);
    int64_t folded = scale == 4 ? 1 : scale == 2 ? 4 : 16;

    if (features < 1 || growth < 1 || blocks < 1)
        return nj_fail(err, NJ_E_FORMAT, "the card has no sizes of an RRDBNet");
    s->container = "params_ema";
    spec_add_layer(s, conv3(features, 3 * folded, 1), "conv_first");
    for (int i = 0; i < blocks; i++) {
        for (int block = 1; block <= 3; block++)
            dense_block(s, i, block, features, growth);
    }
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
        spec_add_layer(s, conv3(features, features, 1), "%s", last[i]);
    spec_add_layer(s, conv3(3, features, 0.1), "conv_last");
    return NJ_OK;
}

/* ---- secondary model (Crowson, SecondaryDiffusionImageNet2) ------------- */

static void conv_relu(spec *s, const char *prefix, int index, int64_t out,
                      int64_t in)
{
    spec_add_layer(s, conv3(out, in, sqrt(2)), "%s.%d.0", prefix, index);
}

/* A skip block: main halves, works at width cs[depth], doubles. Its input has
 * cs[depth-1] channels and so has its main's output. */
static void skip_block(spec *s, const char *prefix, const int64_t *cs,
                       int depth, int deepest)
{
    char name[SPEC_NAME_MAX];

    snprintf(name, sizeof(name), "%.100s.main", prefix);
    conv_relu(s, name, 1, cs[depth], cs[depth - 1]);
    conv_relu(s, name, 2, cs[depth], cs[depth]);
    if (depth == deepest) {
        conv_relu(s, name, 3, cs[depth], cs[depth]);
        conv_relu(s, name, 4, cs[depth - 1], cs[depth]);
    } else {
        char inner[SPEC_NAME_MAX];

        snprintf(inner, sizeof(inner), "%.100s.3", name);
        skip_block(s, inner, cs, depth + 1, deepest);
        conv_relu(s, name, 4, cs[depth], 2 * cs[depth]);
        conv_relu(s, name, 5, cs[depth - 1], cs[depth]);
    }
}

nj_status spec_secondary(spec *s, const cJSON *flags, nj_err *err)
{
    static const int64_t cs[] = {64, 128, 128, 256, 256, 512};

    (void)flags;
    (void)err;
    spec_add(s, (spec_shape){2, {8, 1}}, NJ_F32, SPEC_NORMAL, 1,
             "timestep_embed.weight");
    conv_relu(s, "net", 0, cs[0], 3 + 16);
    conv_relu(s, "net", 1, cs[0], cs[0]);
    skip_block(s, "net.2", cs, 1, 5);
    conv_relu(s, "net", 3, cs[0], 2 * cs[0]);
    spec_add_layer(s, conv3(3, cs[0], 1), "net.4");
    return NJ_OK;
}

/* ---- LPIPS ------------------------------------------------------------- */

nj_status spec_lpips(spec *s, const cJSON *flags, nj_err *err)
{
    static const struct {
        int index;
        int64_t out;
        int64_t in;
    } convs[] = {
        {0, 64, 3},     {2, 64, 64},    {5, 128, 64},   {7, 128, 128},
        {10, 256, 128}, {12, 256, 256}, {14, 256, 256}, {17, 512, 256},
        {19, 512, 512}, {21, 512, 512}, {24, 512, 512}, {26, 512, 512},
        {28, 512, 512},
    };
    static const int64_t heads[] = {64, 128, 256, 512, 512};

    (void)err;
    if (strcmp(nj_json_string(flags, "part", ""), "heads") == 0) {
        for (int i = 0; i < 5; i++)
            spec_add(s, (spec_shape){4, {1, heads[i], 1, 1}}, NJ_F32,
                     SPEC_CONSTANT, 1.0 / (double)heads[i],
                     "lin%d.model.1.weight", i);
        return NJ_OK;
    }
    for (size_t i = 0; i < sizeof(convs) / sizeof(convs[0]); i++) {
        spec_add_layer(s, conv3(convs[i].out, convs[i].in, sqrt(2)),
                       "features.%d", convs[i].index);
    }
    return NJ_OK;
}

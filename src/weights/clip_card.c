/* CLIP cards: see card.h. */
#include "weights/card.h"

#include <math.h>
#include <string.h>

#define LIMIT 1000000 /* of every figure of a card */

static nj_status read_figure(const cJSON *clip, const char *key, int *out,
                             nj_err *err)
{
    double value = nj_json_number(clip, key, 0);

    if (value < 1 || value > LIMIT || value != floor(value))
        return nj_fail(err, NJ_E_FORMAT,
                       "'%s' of a CLIP card is wrong: expected a whole number "
                       "from 1 to %d",
                       key, LIMIT);
    *out = (int)value;
    return NJ_OK;
}

static nj_status read_vit(const cJSON *clip, nj_clip_card *out, nj_err *err)
{
    nj_status status = read_figure(clip, "patch_size", &out->patch_size, err);

    if (status == NJ_OK)
        status = read_figure(clip, "vision_layers", &out->vision_layers, err);
    if (status == NJ_OK && out->image_size % out->patch_size != 0)
        status = nj_fail(err, NJ_E_FORMAT,
                         "'image_size' of a CLIP card is wrong: %d is no "
                         "multiple of patch_size %d",
                         out->image_size, out->patch_size);
    return status;
}

static nj_status read_resnet(const cJSON *clip, nj_clip_card *out, nj_err *err)
{
    const cJSON *layers = nj_json_get(clip, "vision_layers");
    bool good = cJSON_GetArraySize(layers) == 4;

    for (int i = 0; i < 4 && good; i++) {
        const cJSON *item = cJSON_GetArrayItem(layers, i);

        good = cJSON_IsNumber(item) && item->valueint >= 1 &&
               item->valueint <= LIMIT && item->valuedouble == item->valueint;
        out->resnet_layers[i] = good ? item->valueint : 0;
    }
    return good ? NJ_OK
                : nj_fail(err, NJ_E_FORMAT,
                          "'vision_layers' of a CLIP card is wrong: expected "
                          "four whole numbers of a ResNet");
}

static nj_status read_kind(const cJSON *clip, nj_clip_card *out, nj_err *err)
{
    const char *kind = nj_json_string(clip, "kind", "");

    if (strcmp(kind, "vit") == 0)
        return read_vit(clip, out, err);
    if (strcmp(kind, "resnet") == 0)
        return read_resnet(clip, out, err);
    return nj_fail(err, NJ_E_FORMAT,
                   "'kind' of a CLIP card is wrong: expected \"vit\" or "
                   "\"resnet\"");
}

nj_status nj_clip_card_from(const cJSON *card, nj_clip_card *out, nj_err *err)
{
    const struct {
        const char *key;
        int *at;
    } figures[] = {
        {"embed_dim", &out->embed_dim},
        {"image_size", &out->image_size},
        {"vision_width", &out->vision_width},
        {"text_layers", &out->text_layers},
        {"text_width", &out->text_width},
        {"context_length", &out->context_length},
        {"vocab_size", &out->vocab_size},
    };
    const cJSON *clip = nj_json_get(card, "clip");
    nj_status status = NJ_OK;

    *out = (nj_clip_card){0};
    clip = clip ? clip : card;
    for (size_t i = 0;
         i < sizeof(figures) / sizeof(figures[0]) && status == NJ_OK; i++)
        status = read_figure(clip, figures[i].key, figures[i].at, err);
    return status == NJ_OK ? read_kind(clip, out, err) : status;
}

nj_status nj_clip_card_read(const char *path, nj_clip_card *out, nj_err *err)
{
    cJSON *card = NULL;
    nj_status status = nj_json_read(path, &card, err);

    if (status != NJ_OK)
        return status;
    status = nj_clip_card_from(card, out, err);
    cJSON_Delete(card);
    if (status != NJ_OK)
        nj_err_add(err, "cannot use the card '%s'", path);
    return status;
}

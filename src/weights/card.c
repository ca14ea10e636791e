/* Model cards of UNets: see card.h. Defaults, and the channel_mult that an
 * empty one stands for, are those of guided-diffusion's script_util.py. */
#include "weights/card.h"

#include <math.h>
#include <string.h>

#include "base/number.h"

#define GROUPS     32   /* of every group norm */
#define CLASSES    1000 /* of a network with class_cond */
#define SIDE_MAX   16384
#define NUMBER_MAX 65536

struct whole {
    const char *key;
    int missing;
    int lowest;
    int highest;
    int *out;
};

/* A list of numbers: an array, or a text such as "0.5,1,1,2". */
struct numbers {
    double at[NJ_CARD_LEVELS_MAX];
    int count;
};

static nj_status bad(nj_err *err, const char *key, const char *expected)
{
    return nj_fail(err, NJ_E_FORMAT, "'%s' is wrong: expected %s", key,
                   expected);
}

static nj_status read_whole(const cJSON *card, const struct whole *w,
                            nj_err *err)
{
    const cJSON *item = nj_json_get(card, w->key);

    *w->out = w->missing;
    if (!item || cJSON_IsNull(item))
        return NJ_OK;
    if (!cJSON_IsNumber(item) || item->valuedouble < w->lowest ||
        item->valuedouble > w->highest ||
        item->valuedouble != floor(item->valuedouble))
        return nj_fail(err, NJ_E_FORMAT,
                       "'%s' is wrong: expected an integer from %d to %d",
                       w->key, w->lowest, w->highest);
    *w->out = (int)item->valuedouble;
    return NJ_OK;
}

static nj_status read_wholes(const cJSON *card, nj_unet_card *c, nj_err *err)
{
    const struct whole fields[] = {
        {"image_size", 64, 1, SIDE_MAX, &c->image_size},
        {"num_channels", 128, 1, NUMBER_MAX, &c->num_channels},
        {"num_res_blocks", 2, 1, NJ_CARD_BLOCKS_MAX, &c->num_res_blocks},
        {"num_heads", 4, 1, NUMBER_MAX, &c->num_heads},
        {"num_head_channels", -1, -1, NUMBER_MAX, &c->num_head_channels},
        {"num_heads_upsample", -1, -1, NUMBER_MAX, &c->num_heads_upsample},
        {"num_classes", 0, 0, 1 << 20, &c->num_classes},
        {"diffusion_steps", 1000, 2, 1 << 20, &c->diffusion_steps},
    };
    nj_status status = NJ_OK;

    for (size_t i = 0; status == NJ_OK && i < sizeof(fields) / sizeof(*fields);
         i++)
        status = read_whole(card, &fields[i], err);
    if (status == NJ_OK && c->num_head_channels == 0)
        return bad(err, "num_head_channels", "-1 or a positive integer");
    if (status == NJ_OK && c->num_heads_upsample == 0)
        return bad(err, "num_heads_upsample", "-1 or a positive integer");
    return status;
}

static nj_status read_flags(const cJSON *card, nj_unet_card *c, nj_err *err)
{
    bool class_cond;
    bool predict_xstart;
    const struct {
        const char *key;
        bool missing;
        bool *out;
    } fields[] = {
        {"learn_sigma", false, &c->learn_sigma},
        {"use_scale_shift_norm", true, &c->use_scale_shift_norm},
        {"resblock_updown", false, &c->resblock_updown},
        {"conv_resample", true, &c->conv_resample},
        {"use_new_attention_order", false, &c->use_new_attention_order},
        {"rescale_timesteps", false, &c->rescale_timesteps},
        {"class_cond", false, &class_cond},
        {"predict_xstart", false, &predict_xstart},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const cJSON *item = nj_json_get(card, fields[i].key);

        if (item && !cJSON_IsNull(item) && !cJSON_IsBool(item))
            return bad(err, fields[i].key, "true or false");
        *fields[i].out = nj_json_bool(card, fields[i].key, fields[i].missing);
    }
    if (predict_xstart)
        return bad(err, "predict_xstart",
                   "false (networks that predict noise)");
    if (class_cond && c->num_classes == 0)
        c->num_classes = CLASSES;
    return NJ_OK;
}

static nj_status read_schedule(const cJSON *card, nj_unet_card *c, nj_err *err)
{
    const cJSON *item = nj_json_get(card, "noise_schedule");
    const char *name = cJSON_IsString(item) ? item->valuestring : "";

    c->cosine = strcmp(name, "cosine") == 0;
    if (item && !cJSON_IsNull(item) && !c->cosine &&
        strcmp(name, "linear") != 0)
        return bad(err, "noise_schedule", "\"linear\" or \"cosine\"");
    return NJ_OK;
}

/* ---- lists ------------------------------------------------------------- */

static bool add_number(struct numbers *n, double value)
{
    if (n->count == NJ_CARD_LEVELS_MAX || !(value > 0) || value > NUMBER_MAX)
        return false;
    n->at[n->count++] = value;
    return true;
}

static bool number_of(const char *text, size_t length, double *out)
{
    char copy[32];

    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return nj_parse_double(copy, out);
}

static bool numbers_of_text(const char *text, struct numbers *n)
{
    while (*text) {
        double value;
        size_t length;

        text += strspn(text, " ");
        length = strcspn(text, ", ");
        if (!number_of(text, length, &value) || !add_number(n, value))
            return false;
        text += length;
        text += strspn(text, " ");
        if (*text == ',' && text[1])
            text++;
        else if (*text)
            return false;
    }
    return true;
}

/* False when the value is neither form or holds what is no positive number;
 * nothing at all is an empty list. */
static bool read_numbers(const cJSON *item, struct numbers *n)
{
    const cJSON *entry;

    n->count = 0;
    if (!item || cJSON_IsNull(item))
        return true;
    if (cJSON_IsString(item))
        return numbers_of_text(item->valuestring, n);
    if (cJSON_IsNumber(item))
        return add_number(n, item->valuedouble);
    if (!cJSON_IsArray(item))
        return false;
    cJSON_ArrayForEach(entry, item)
    {
        if (!cJSON_IsNumber(entry) || !add_number(n, entry->valuedouble))
            return false;
    }
    return true;
}

static bool default_mult(int image_size, struct numbers *n)
{
    static const struct {
        int image_size;
        const char *mult;
    } known[] = {
        {512, "0.5,1,1,2,2,4,4"},
        {256, "1,1,2,2,4,4"},
        {128, "1,1,2,3,4"},
        {64, "1,2,3,4"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (known[i].image_size == image_size)
            return numbers_of_text(known[i].mult, n);
    }
    return false;
}

static nj_status read_mult(const cJSON *card, nj_unet_card *c, nj_err *err)
{
    struct numbers n;

    if (!read_numbers(nj_json_get(card, "channel_mult"), &n))
        return bad(err, "channel_mult",
                   "at most 12 positive numbers such as \"1,1,2,2,4,4\"");
    if (n.count == 0 && !default_mult(c->image_size, &n))
        return nj_fail(err, NJ_E_FORMAT,
                       "'channel_mult' is missing: image_size %d has no "
                       "default (64, 128, 256 and 512 have one)",
                       c->image_size);
    c->levels = n.count;
    for (int i = 0; i < n.count; i++) {
        double channels = floor(n.at[i] * c->num_channels);

        if (channels < GROUPS || fmod(channels, GROUPS) != 0)
            return nj_fail(err, NJ_E_FORMAT,
                           "'channel_mult' is wrong: %g times %d channels is "
                           "no multiple of %d",
                           n.at[i], c->num_channels, GROUPS);
        c->channel_mult[i] = n.at[i];
    }
    return NJ_OK;
}

static nj_status read_attention(const cJSON *card, nj_unet_card *c, nj_err *err)
{
    const cJSON *item = nj_json_get(card, "attention_resolutions");
    struct numbers n = {{16, 8}, 2};

    if (item && !cJSON_IsNull(item) && !read_numbers(item, &n))
        return bad(err, "attention_resolutions",
                   "at most 12 positive integers such as \"32,16,8\"");
    c->attentions = n.count;
    for (int i = 0; i < n.count; i++) {
        if (n.at[i] != floor(n.at[i]) || n.at[i] > c->image_size)
            return bad(err, "attention_resolutions",
                       "integers up to image_size");
        c->attention_ds[i] = c->image_size / (int)n.at[i];
    }
    return NJ_OK;
}

/* ---- cards ------------------------------------------------------------- */

nj_status nj_unet_card_from(const cJSON *card, nj_unet_card *out, nj_err *err)
{
    const cJSON *unet = nj_json_get(card, "unet");
    nj_status status;

    *out = (nj_unet_card){0};
    if (unet)
        card = unet;
    if (!cJSON_IsObject(card))
        return nj_fail(err, NJ_E_FORMAT,
                       "a UNet's card is wrong: expected an object");
    status = read_wholes(card, out, err);
    if (status == NJ_OK)
        status = read_flags(card, out, err);
    if (status == NJ_OK)
        status = read_schedule(card, out, err);
    if (status == NJ_OK)
        status = read_mult(card, out, err);
    if (status == NJ_OK)
        status = read_attention(card, out, err);
    return status;
}

nj_status nj_unet_card_parse(const char *json, size_t n, nj_unet_card *out,
                             nj_err *err)
{
    cJSON *card = NULL;
    nj_status status = nj_json_parse(json, n, &card, err);

    if (status == NJ_OK)
        status = nj_unet_card_from(card, out, err);
    cJSON_Delete(card);
    return status;
}

nj_status nj_unet_card_read(const char *path, nj_unet_card *out, nj_err *err)
{
    cJSON *card = NULL;
    nj_status status = nj_json_read(path, &card, err);

    if (status != NJ_OK)
        return status;
    status = nj_unet_card_from(card, out, err);
    cJSON_Delete(card);
    if (status != NJ_OK)
        nj_err_add(err, "cannot use the card '%s'", path);
    return status;
}

bool nj_unet_card_attends(const nj_unet_card *card, int downsampling)
{
    for (int i = 0; i < card->attentions; i++)
        if (card->attention_ds[i] == downsampling)
            return true;
    return false;
}

bool nj_unet_card_attends_at(const nj_unet_card *card, int level)
{
    return level < NJ_CARD_LEVELS_MAX && nj_unet_card_attends(card, 1 << level);
}

int nj_unet_card_factor(const nj_unet_card *card)
{
    return 1 << (card->levels - 1);
}

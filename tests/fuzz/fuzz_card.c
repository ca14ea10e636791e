/* Any text as a model card. What is accepted keeps its promises, and a plan can
 * be made from it: the arithmetic over its network ends, and gives figures. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "weights/card.h"
#include "weights/space.h"
#include "weights/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_work(nj_network_work w)
{
    require(isfinite(w.weights) && w.weights > 0);
    require(isfinite(w.text_weights) && w.text_weights >= 0);
    require(isfinite(w.forward) && w.forward >= 0);
    require(isfinite(w.backward) && w.backward >= 0);
}

static void check_space(nj_space s)
{
    require(isfinite(s.kept) && s.kept >= 0);
    require(isfinite(s.peak) && s.peak >= s.kept && s.peak > 0);
}

/* A way to run a network: one of 32 for each input, for all would take most of
 * the time. */
static nj_space_how way(size_t bits)
{
    return (nj_space_how){.bytes = bits & 1 ? 2 : 4,
                          .threads = bits & 2 ? 2 : 0,
                          .images = bits & 4 ? 3 : 1,
                          .forward = bits & 8,
                          .recompute = bits & 16};
}

static void check_unet(const nj_unet_card *card, const nj_space_how *how)
{
    int side = nj_unet_card_factor(card);

    require(card->levels >= 1 && card->levels <= NJ_CARD_LEVELS_MAX);
    require(card->num_res_blocks >= 1 &&
            card->num_res_blocks <= NJ_CARD_BLOCKS_MAX);
    require(card->attentions >= 0 && card->attentions <= NJ_CARD_LEVELS_MAX);
    require(side >= 1);
    check_work(nj_unet_work(card, side, 2 * side));
    check_space(nj_unet_space(card, side, 2 * side, how));
}

static void check_clip(const nj_clip_card *card, const nj_space_how *how)
{
    require(!card->patch_size || card->image_size % card->patch_size == 0);
    check_work(nj_clip_work(card));
    check_space(nj_clip_space(card, how));
}

static void check_refusal(const nj_err *err)
{
    require(err->code == NJ_E_FORMAT && err->text[0] &&
            !strchr(err->text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    const nj_space_how how = way(n);
    cJSON *json = NULL;
    nj_unet_card unet;
    nj_clip_card clip;
    nj_err err = {0};

    if (nj_unet_card_parse(text, n, &unet, &err) == NJ_OK)
        check_unet(&unet, &how);
    else
        check_refusal(&err);
    if (nj_json_parse(text, n, &json, NULL) == NJ_OK) {
        if (nj_clip_card_from(json, &clip, &err) == NJ_OK)
            check_clip(&clip, &how);
        else
            check_refusal(&err);
    }
    cJSON_Delete(json);
    return 0;
}

/* JSON and UNet cards: what the parser accepts is one valid value. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "weights/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    cJSON *value = NULL;
    nj_unet_card card;
    nj_err err = {0};
    char *again;

    if (nj_json_parse(text, size, &value, &err) == NJ_OK) {
        again = cJSON_PrintUnformatted(value);
        if (!again)
            __builtin_trap();
        cJSON_free(again);
        cJSON_Delete(value);
    }
    if (nj_unet_card_parse(text, size, &card, &err) == NJ_OK) {
        if (card.levels < 1 || card.levels > NJ_CARD_LEVELS_MAX ||
            nj_unet_card_factor(&card) < 1)
            __builtin_trap();
    }
    return 0;
}

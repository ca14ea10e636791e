/* Any text as the record inside a picture: it is read or not, and if so, as a
 * job too; and any file as a picture with a record. */
#include <stdint.h>

#include "fuzz_request.h"
#include "image/png.h"
#include "job/record.h"
#include "run/record_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A picture of one pixel with a record. Made once: compressing it would be most
 * of an execution. */
static const uint8_t *small_picture(size_t *size)
{
    static uint8_t pixel[3];
    static uint8_t *png;
    static size_t n;
    const nj_picture picture = {1, 1, 3, pixel};
    const nj_png_text chunk = {NJ_RECORD_KEYWORD, "{}", 1};

    if (!png)
        require(nj_png_encode(&picture, &chunk, 1, &png, &n, NULL) == NJ_OK);
    *size = n;
    return png;
}

/* Into a picture, in the place of its record, and out of it again. */
static void check_inside(const char *text)
{
    const nj_png_text chunk = {NJ_RECORD_KEYWORD, text, 1};
    size_t n;
    const uint8_t *picture = small_picture(&n);
    uint8_t *png;
    size_t size;
    char *back = NULL;

    require(nj_png_replace_texts(picture, n, &chunk, 1, &png, &size, NULL) ==
            NJ_OK);
    require(nj_png_find_text(png, size, NJ_RECORD_KEYWORD, &back, NULL) ==
            NJ_OK);
    require(back && strcmp(back, text) == 0);
    free(back);
    free(png);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = nj_strndup((const char *)data, n);
    cJSON *json;
    nj_record record;

    require(text != NULL);
    if (nj_record_parse(text, n, &json, NULL) == NJ_OK) {
        require(cJSON_IsObject(nj_json_get(json, "record")));
        cJSON_Delete(json);
        check_inside(text);
        try_request(nj_request_add_json, data, n);
    }
    /* Other bytes are no picture: fuzz_png tries those. */
    if (n && data[0] == 0x89) {
        if (nj_record_decode(data, n, &record, NULL) == NJ_OK)
            require(!record.json == (record.state == NJ_RECORD_NONE ||
                                     record.state == NJ_RECORD_BROKEN));
        nj_record_release(&record);
    }
    free(text);
    return 0;
}

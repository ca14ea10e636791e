/* Reading records: see record_read.h. */
#include "run/record_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/png.h"
#include "job/record.h"

#define FILE_MAX ((size_t)1 << 30)

void nj_record_release(nj_record *r)
{
    cJSON_Delete(r->json);
    free(r->text);
    free(r->parameters);
    free(r->bytes);
    nj_picture_release(&r->picture);
    *r = (nj_record){0};
}

nj_status nj_record_parse(const char *text, size_t n, cJSON **out, nj_err *err)
{
    nj_status status = nj_json_parse(text, n, out, err);

    if (status != NJ_OK)
        return status;
    if (cJSON_IsObject(*out) && cJSON_IsObject(nj_json_get(*out, "record")))
        return NJ_OK;
    cJSON_Delete(*out);
    *out = NULL;
    return nj_fail(err, NJ_E_FORMAT, "an object with 'record' is expected");
}

static bool is_png(const nj_record *r)
{
    return r->size >= 8 && memcmp(r->bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

/* Chunks that are broken in a file whose pixels can be read count as absent:
 * the pixels are what people see. */
static nj_status read_chunks(nj_record *r, nj_err *err)
{
    const uint8_t *bytes = (const uint8_t *)r->bytes;
    nj_status status;

    if (!is_png(r))
        return NJ_OK;
    status = nj_png_find_text(bytes, r->size, NJ_RECORD_KEYWORD, &r->text, err);
    if (status == NJ_OK)
        status = nj_png_find_text(bytes, r->size, NJ_RECORD_PARAMETERS,
                                  &r->parameters, err);
    return status;
}

static nj_status read_pixels(nj_record *r, nj_err *err)
{
    nj_picture raw = {0};
    nj_status status = nj_picture_decode((const uint8_t *)r->bytes, r->size,
                                         NJ_PICTURE_PIXELS_MAX, &raw, err);

    if (status == NJ_OK)
        status = nj_picture_to_rgb(&raw, &r->picture, err);
    nj_picture_release(&raw);
    if (status == NJ_OK)
        nj_record_pixels_sha256(r->picture.pixels, r->picture.width,
                                r->picture.height, r->pixels_sha256);
    return status;
}

static nj_record_state state_of(const nj_record *r)
{
    const char *sum;

    if (!r->text)
        return NJ_RECORD_NONE;
    if (!r->json)
        return NJ_RECORD_BROKEN;
    sum = nj_json_string(nj_json_get(r->json, "record"), "pixels_sha256", "");
    if (!sum[0])
        return NJ_RECORD_NO_SUM;
    return strcmp(sum, r->pixels_sha256) == 0 ? NJ_RECORD_INTACT
                                              : NJ_RECORD_EDITED;
}

/* What follows from the file's bytes. */
static nj_status decode(nj_record *r, nj_err *err)
{
    nj_status status = read_pixels(r, err);

    if (status == NJ_OK)
        status = read_chunks(r, err);
    if (status != NJ_OK)
        return status;
    if (r->text &&
        nj_record_parse(r->text, strlen(r->text), &r->json, NULL) != NJ_OK)
        r->json = NULL;
    r->state = state_of(r);
    return NJ_OK;
}

nj_status nj_record_decode(const uint8_t *bytes, size_t n, nj_record *out,
                           nj_err *err)
{
    *out = (nj_record){.bytes = nj_strndup((const char *)bytes, n), .size = n};
    return out->bytes ? decode(out, err)
                      : nj_fail(err, NJ_E_MEMORY, "no memory for a picture");
}

nj_status nj_record_read(const char *path, nj_record *out, nj_err *err)
{
    nj_status status;

    *out = (nj_record){0};
    status = nj_file_read(path, FILE_MAX, &out->bytes, &out->size, err);
    if (status != NJ_OK)
        return status;
    status = decode(out, err);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "cannot read '%s'", path);
}

const char *nj_record_state_text(nj_record_state state)
{
    static const char *const texts[] = {
        [NJ_RECORD_INTACT] = "its pixels are those that were made",
        [NJ_RECORD_EDITED] = "its pixels were edited after it was made",
        [NJ_RECORD_NO_SUM] = "its record cannot tell whether it was edited",
        [NJ_RECORD_BROKEN] = "its record is broken",
        [NJ_RECORD_NONE] = "it has no record: another program made it or "
                           "stripped its text chunks",
    };

    return texts[state];
}

const char *nj_record_state_word(nj_record_state state)
{
    static const char *const words[] = {
        [NJ_RECORD_INTACT] = "intact", [NJ_RECORD_EDITED] = "edited",
        [NJ_RECORD_NO_SUM] = "no-sum", [NJ_RECORD_BROKEN] = "broken",
        [NJ_RECORD_NONE] = "none",
    };

    return words[state];
}

/* Records, read again: what a picture file says about itself, and whether its
 * pixels are still those that the record was made for.
 *
 *     nj_record record;
 *     if (nj_record_read(path, &record, &err) == NJ_OK &&
 *         record.state == NJ_RECORD_INTACT)
 *         ... nj_json_string(record.json, "prompt", "") ...
 *     nj_record_release(&record);
 */
#ifndef NJ_RUN_RECORD_READ_H
#define NJ_RUN_RECORD_READ_H

#include "base/err.h"
#include "base/json.h"
#include "image/picture.h"

typedef enum nj_record_state {
    NJ_RECORD_INTACT, /* the pixels are those of the record */
    NJ_RECORD_EDITED, /* they are not */
    NJ_RECORD_NO_SUM, /* the record says nothing about its pixels */
    NJ_RECORD_BROKEN, /* a chunk is there, but no record in it */
    NJ_RECORD_NONE    /* no chunk: another program's, or stripped of it */
} nj_record_state;

typedef struct nj_record {
    nj_record_state state;
    cJSON *json;        /* the whole object; NULL when BROKEN or NONE */
    char *text;         /* the same as it stands in the file */
    char *parameters;   /* text of the `parameters` chunk, or NULL */
    nj_picture picture; /* RGB */
    char *bytes;        /* the file */
    size_t size;
    char pixels_sha256[65];
} nj_record;

/* Reads a PNG (or another picture, which then has no record). NJ_E_IO or
 * NJ_E_FORMAT when it is no picture. Release *out in every case. */
nj_status nj_record_read(const char *path, nj_record *out,
                         nj_err *err) NJ_MUST_USE;

/* The same of n bytes in memory, which are copied. */
nj_status nj_record_decode(const uint8_t *bytes, size_t n, nj_record *out,
                           nj_err *err) NJ_MUST_USE;

void nj_record_release(nj_record *r);

/* "unchanged since", "edited since", ... as the end of a sentence about the
 * file, and one word for programs; static storage. */
const char *nj_record_state_text(nj_record_state state);
const char *nj_record_state_word(nj_record_state state);

/* Reads a record's text: a JSON object with an object `record` inside. The
 * caller deletes *out. */
nj_status nj_record_parse(const char *text, size_t n, cJSON **out,
                          nj_err *err) NJ_MUST_USE;

#endif

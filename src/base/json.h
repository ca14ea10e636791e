/* JSON with cJSON's traps closed: one value a text, nothing after it but
 * white space, no duplicate keys, bounded depth, valid UTF-8, no NUL inside,
 * not even as an escape; keys are looked up with case. Numbers are doubles,
 * therefore 64-bit seeds travel as strings; none loses a bit when it is
 * written.
 */
#ifndef NJ_BASE_JSON_H
#define NJ_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/str.h"

/* Parses n bytes. The caller frees *out with cJSON_Delete. The error names
 * the line. */
nj_status nj_json_parse(const char *text, size_t n, cJSON **out,
                        nj_err *err) NJ_MUST_USE;

/* Reads and parses a file of at most 64 MiB; the error names the file. */
nj_status nj_json_read(const char *path, cJSON **out, nj_err *err) NJ_MUST_USE;

/* The value on one line; the caller frees it with cJSON_free, NULL when memory
 * is short. Every number reads back as the same double: cJSON's own printing
 * takes 15 digits where they come near. */
char *nj_json_print(const cJSON *value);

/* Appends the value on one line and a line break, safe to show on a terminal;
 * frees it. False when memory is short. */
bool nj_json_add_line(cJSON *value, nj_str *out);

/* Adds a number, or null for one that is not known. */
void nj_json_add_known(cJSON *object, const char *key, double value,
                       bool known);

/* The member `key` (exact case) or NULL. */
const cJSON *nj_json_get(const cJSON *object, const char *key);

/* Member `key` as the wanted type; `missing` where it is absent or null or of
 * another type. */
const char *nj_json_string(const cJSON *object, const char *key,
                           const char *missing);
double nj_json_number(const cJSON *object, const char *key, double missing);
bool nj_json_bool(const cJSON *object, const char *key, bool missing);

/* Member `key` as a whole number of 0..most, read like nj_json_u64; `missing`
 * where it is absent or anything else. Use it wherever a number of a file
 * becomes an integer: a cast of one that does not fit is undefined. */
int64_t nj_json_whole(const cJSON *object, const char *key, int64_t most,
                      int64_t missing);

/* A whole number of 0 <= value <= 2^64-1, from a decimal string or a number
 * without a fraction below 2^53. False when it is none. */
bool nj_json_u64(const cJSON *value, uint64_t *out);

#endif

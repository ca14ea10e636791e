/* Names of picture files:
 *
 *     prompt--<prompt>_iteration--<5 digits>_seed--<seed>.png
 *
 * with `_<name>--<value>` before `_iteration` for every extra, and `_out`
 * before `.png` for upscaled pictures.
 *
 * A name is a function of what it is made from alone, and different pictures
 * have different names: whatever in a text had to be changed or cut is made up
 * for by `-` and 8 hex digits of the sha256 of the whole text. So names can be
 * told without looking into a folder, and made again after a resume.
 *
 * Replaced by `_`: / \ < > : " | ? * and control characters, invisible and
 * bidirectional controls, line separators, dots and blanks at either end, the
 * second of two `-`; `_` goes before a name that Windows keeps for a device.
 * The text is in normalisation form C. A whole name has at most 255 bytes.
 * Not looked after: file systems that take upper and lower case for the same.
 */
#ifndef NJ_JOB_NAMES_H
#define NJ_JOB_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NJ_NAME_MAX 255
/* Names are made one byte shorter: the picture's video, of the same name but
 * for .webm or .webp, fits as well. */
#define NJ_NAME_MADE_MAX (NJ_NAME_MAX - 1)

/* What tells pictures apart besides prompt and seed. */
typedef struct nj_name_extra {
    const char *name;  /* of an option: letters, digits, '-' or '_' */
    const char *value; /* any text */
} nj_name_extra;

typedef struct nj_name {
    const char *prompt; /* valid UTF-8 */
    int iteration;      /* >= 0 */
    uint64_t seed;
    const nj_name_extra *extras;
    size_t extra_count;
    bool upscaled;
} nj_name;

/* The file name, without a folder; the caller frees *out. NJ_E_USAGE: text
 * that is not UTF-8, a negative iteration, an extra without a proper name. */
nj_status nj_name_make(const nj_name *name, char **out,
                       nj_err *err) NJ_MUST_USE;

/* What a name says; the text is a part of the name that was given. */
typedef struct nj_name_parts {
    const char *text; /* cleaned prompt and extras */
    size_t text_length;
    int iteration;
    uint64_t seed;
    bool upscaled;
} nj_name_parts;

/* Reads a file name (no folder) that nj_name_make made; false for others. */
bool nj_name_parse(const char *file_name, nj_name_parts *out);

#endif

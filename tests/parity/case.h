/* What a case remembers while its runner works; only harness.c and compare.c
 * look inside. */
#ifndef PARITY_CASE_H
#define PARITY_CASE_H

#include <stdarg.h>

#include "base/str.h"
#include "parity/harness.h"
#include "weights/weights.h"

struct parity_block;
struct parity_loaded;

struct parity_seen {
    struct parity_seen *next;
    const char *name;
};

struct parity_case {
    const char *folder;
    cJSON *json;
    nj_weights *tensors; /* NULL where the case has none */
    struct parity_block *blocks;
    struct parity_loaded *loaded;
    struct parity_seen *seen; /* outputs that were checked or are absent */
    nj_str failures;          /* one line each */
    nj_str notes;
    const char *skipped;
    size_t checks;
    double worst; /* largest error over tolerance so far; -1: none */
    const char *worst_name;
    double worst_error;
};

/* A formatted text until the end of the case. */
const char *parity_vtext(parity_case *c, const char *format, va_list args);

bool parity_was_seen(const parity_case *c, const char *name);

#endif

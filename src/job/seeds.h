/* Seed lists: "1,5..9" as ranges, never expanded, so that a list of any length
 * costs a few bytes. Order is as written; no seed occurs twice.
 */
#ifndef NJ_JOB_SEEDS_H
#define NJ_JOB_SEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct nj_seed_range {
    uint64_t first;
    uint64_t last; /* inclusive, >= first */
} nj_seed_range;

typedef struct nj_seeds {
    nj_seed_range *ranges; /* owned */
    size_t count;
} nj_seeds;

/* Reads seeds and ranges parted by commas (blanks around them are fine).
 * NJ_E_USAGE names the entry that is wrong; *out is then empty. */
nj_status nj_seeds_parse(const char *text, nj_seeds *out,
                         nj_err *err) NJ_MUST_USE;

/* n seeds from `first` on; NJ_E_USAGE when they would pass 2^64-1. */
nj_status nj_seeds_row(uint64_t first, uint64_t n, nj_seeds *out,
                       nj_err *err) NJ_MUST_USE;

nj_status nj_seeds_copy(const nj_seeds *from, nj_seeds *to,
                        nj_err *err) NJ_MUST_USE;
void nj_seeds_release(nj_seeds *s);

/* Number of seeds; UINT64_MAX also stands for 2^64. */
uint64_t nj_seeds_total(const nj_seeds *s);

/* Seed number i < nj_seeds_total(s). */
uint64_t nj_seeds_at(const nj_seeds *s, uint64_t i);

/* "1,5..9"; the caller frees it; NULL when memory is short. */
char *nj_seeds_text(const nj_seeds *s);

#endif

/* Sums: sha256 of the weight files, computed beside the work.
 *
 * Hashing 2.2 GB takes seconds, and a record needs the sum only when the first
 * picture is finished, so a thread computes it while the weights load and the
 * first steps run; the first caller that needs a sum waits for it.
 */
#ifndef NJ_JOB_SUMS_H
#define NJ_JOB_SUMS_H

#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

typedef struct nj_sums nj_sums;

/* Starts hashing files; *out is freed with nj_sums_free. */
nj_status nj_sums_start(const nj_list *paths, nj_sums **out,
                        nj_err *err) NJ_MUST_USE;

/* Waits for the thread. */
void nj_sums_free(nj_sums *s);

/* The sum of file i of the list, as 64 hex digits, and its size; waits until
 * it is known. The text lives as long as s. */
nj_status nj_sums_get(nj_sums *s, size_t i, const char **hex, uint64_t *bytes,
                      nj_err *err) NJ_MUST_USE;

/* NJ_E_IO when a file is no longer the one whose hashing was started. */
nj_status nj_sums_check_unchanged(const nj_sums *s, nj_err *err) NJ_MUST_USE;

#endif

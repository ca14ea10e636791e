/* Claims: who makes which picture, when several processes of one machine share
 * a folder.
 *
 * A claim is a lock on one byte of the file `.nightjar.lock`, at a place that
 * the picture's file name decides. The kernel frees it when its owner ends,
 * however it ends: there are no heartbeats, no stale claims, nothing to clean
 * up. On a file system without locks every claim succeeds.
 */
#ifndef NJ_RUN_CLAIMS_H
#define NJ_RUN_CLAIMS_H

#include <stdbool.h>

#include "base/err.h"

typedef struct nj_claims {
    int fd; /* -1: closed */
} nj_claims;

nj_status nj_claims_open(const char *folder, nj_claims *out,
                         nj_err *err) NJ_MUST_USE;

/* Gives all claims back. */
void nj_claims_close(nj_claims *c);

/* True when the name is ours now; false when another process has it. */
bool nj_claims_take(nj_claims *c, const char *name);
void nj_claims_give(nj_claims *c, const char *name);

/* The same, but waits up to `seconds` for another process to give it back. */
bool nj_claims_wait(nj_claims *c, const char *name, double seconds);

#endif

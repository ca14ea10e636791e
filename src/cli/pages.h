/* What sheet and gallery have in common when they tell what they did. */
#ifndef NJ_CLI_PAGES_H
#define NJ_CLI_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"
#include "job/options.h"

/* An nj_skip_note: "skipped: reason" on standard error, or a JSON line on
 * standard output. `user` is the command's const nj_options. */
void nj_pages_skipped(void *user, const nj_err *why);

/* Prints what was made and returns the exit status. */
typedef struct nj_pages_told {
    const char *const *files; /* pages that were written */
    size_t file_count;
    size_t pictures;
    size_t skipped;
    size_t intermediate;
    size_t removed;    /* pages of an earlier series */
    const char *where; /* that was looked at first */
} nj_pages_told;

int nj_pages_tell(const nj_options *o, const nj_pages_told *t);

#endif

/* What the commands of the morning after have in common: telling what they
 * skip and how far they are. */
#ifndef NJ_CLI_AFTER_H
#define NJ_CLI_AFTER_H

#include <stdbool.h>
#include <stddef.h>

#include "album/embed_folder.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/show.h"

typedef struct nj_after {
    nj_show show;
    const nj_options *options;
    bool told; /* progress was shown on the last line of a terminal */
} nj_after;

void nj_after_init(nj_after *a, const nj_invocation *in);

/* Callbacks of nj_embed_job and nj_rank_gather; `user` is the nj_after. */
void nj_after_skipped(void *user, const nj_err *why);
void nj_after_progress(void *user, size_t done, size_t all);

/* The one folder that the arguments begin with, or NULL after the error was
 * written to *err; `most` arguments are allowed. */
const char *nj_after_folder(const nj_invocation *in, size_t most, nj_err *err);

/* Prints the error that ended the work and returns the exit status: 2 for
 * what the user asked, 130, else 1 or, when `some` is true, 3. */
int nj_after_end(const nj_after *a, const nj_err *err, bool some);

/* Prints n bytes to standard output. */
void nj_after_print(const nj_str *s);

#endif

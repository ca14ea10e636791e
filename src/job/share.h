/* Shares: "5%" or "20", how many of some pictures are meant. */
#ifndef NJ_JOB_SHARE_H
#define NJ_JOB_SHARE_H

#include <stdbool.h>
#include <stddef.h>

/* "N", a whole number from 1, or "N%", above 0 and up to 100. */
bool nj_share_is(const char *text);

/* How many of `all` the text means, rounded up, never more than all. The text
 * is a share. */
size_t nj_share_of(const char *text, size_t all);

#endif

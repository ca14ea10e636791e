/* Alternatives inside prompts: "a {red|blue} boat" is two prompts, "{1..3}
 * trees" three. Groups may be nested; several give every combination, the
 * leftmost varying slowest. Braces without '|' or a range stay as they are, and
 * "\{" and "\}" are plain braces. A brace that misses its partner where a '|'
 * is between members, and a range that falls, are refused.
 */
#ifndef NJ_JOB_ALTERNATIVES_H
#define NJ_JOB_ALTERNATIVES_H

#include <stddef.h>

#include "base/err.h"
#include "base/list.h"

/* Appends every prompt that `text` stands for to `out`. NJ_E_USAGE when the
 * list would grow beyond `limit` entries, and for wrong braces. */
nj_status nj_alternatives_expand(const char *text, size_t limit, nj_list *out,
                                 nj_err *err) NJ_MUST_USE;

#endif

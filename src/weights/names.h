/* Names of tensors: the JSON form of a path of keys. */
#ifndef NJ_WEIGHTS_NAMES_H
#define NJ_WEIGHTS_NAMES_H

#include "base/str.h"

/* Appends a key to a JSON array that is still open: "[" or "," and then the
 * quoted string or the integer. The caller closes it with ']'. */
void nj_path_add_key(nj_str *path, const char *key, size_t n);
void nj_path_add_integer(nj_str *path, int64_t key);

#endif

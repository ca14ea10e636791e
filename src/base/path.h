/* What a path leads to, links followed. */
#ifndef NJ_BASE_PATH_H
#define NJ_BASE_PATH_H

#include <stdbool.h>

bool nj_is_folder(const char *path);

/* Anything that is there and no folder: whoever reads it says what is wrong
 * with a pipe or a device. */
bool nj_is_file(const char *path);

#endif

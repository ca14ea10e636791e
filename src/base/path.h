/* Paths: their parts, and what they lead to. */
#ifndef NJ_BASE_PATH_H
#define NJ_BASE_PATH_H

#include <stdbool.h>

/* Links are followed. */
bool nj_is_folder(const char *path);

/* Anything that is there and no folder: whoever reads it says what is wrong
 * with a pipe or a device. */
bool nj_is_file(const char *path);

/* The last part of a path, in the path itself. */
const char *nj_path_name(const char *path);

/* The folder of a path: "a/b" -> "a", "b" -> ".", "/b" -> "/"; the caller frees
 * it; NULL when memory is short. */
char *nj_path_folder(const char *path);

/* "folder/name" (name alone when it is absolute or folder is empty); the
 * caller frees it; NULL when memory is short. */
char *nj_path_join(const char *folder, const char *name);

#endif

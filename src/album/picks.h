/* Picks: lists of pictures that someone chose, and copies of them.
 *
 * A list is a text file with one path a line, relative to the pictures' folder:
 * what a gallery exports as picks.txt. Empty lines, blanks around a path, a
 * byte order mark and line ends of Windows do no harm.
 */
#ifndef NJ_ALBUM_PICKS_H
#define NJ_ALBUM_PICKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"

/* The list that is looked for in a folder. */
#define NJ_PICKS_FILE "picks.txt"

/* Whether n bytes are a path that stays inside of a folder and can stand in a
 * line: not absolute, no empty part, no "..", no control characters, UTF-8. */
bool nj_picks_inside(const char *path, size_t n);

/* Appends the paths of n bytes of text, each once. NJ_E_FORMAT names the line
 * that is no path inside of a folder; with `anywhere` all paths but those with
 * control characters will do. */
nj_status nj_picks_parse(const char *text, size_t n, bool anywhere,
                         nj_list *paths, nj_err *err) NJ_MUST_USE;

/* The same from a file, or standard input when the path is "-". */
nj_status nj_picks_read(const char *path, bool anywhere, nj_list *paths,
                        nj_err *err) NJ_MUST_USE;

typedef enum nj_placed {
    NJ_PLACED,       /* a new file */
    NJ_PLACED_BEFORE /* the same bytes were there already */
} nj_placed;

/* Copies, or hard-links, a file into a folder under its own name; when another
 * file has that name, 8 digits of the sha256 of its content are added. Nothing
 * is ever overwritten. A link becomes a copy where links are not possible.
 * `*made` (may be NULL) is the new path; the caller frees it. */
nj_status nj_picks_place(const char *path, const char *folder, bool link,
                         nj_placed *placed, char **made,
                         nj_err *err) NJ_MUST_USE;

#endif

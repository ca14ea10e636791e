/* Gallery: a folder's pictures as one self-contained page.
 *
 * The page needs no server and no network: styles, script and data are in it,
 * and a strict content security policy (only its own script and style by hash,
 * pictures from beside it) makes sure. Everything that came from a prompt or a
 * file is data to the page, never markup. Source of the page: src/job/page/.
 */
#ifndef NJ_JOB_GALLERY_H
#define NJ_JOB_GALLERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* One picture. Strings are borrowed. */
typedef struct nj_gallery_item {
    const char *file;   /* path relative to the page, '/' between folders */
    const char *prompt; /* UTF-8 */
    const char *seed;   /* decimal */
    const char *record; /* JSON object of its settings, or NULL */
    bool scored;
    double score; /* finite; counts when scored */
} nj_gallery_item;

/* Appends the page to `html`. The title is also the key under which the
 * browser keeps marks. A record that is no JSON object is left out. */
nj_status nj_gallery_render(const char *title, const nj_gallery_item *items,
                            size_t count, nj_str *html,
                            nj_err *err) NJ_MUST_USE;

#endif

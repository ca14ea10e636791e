/* Gallery: a folder's pictures as one self-contained page.
 *
 * The page needs no server and no network: styles, script and data are in it,
 * and a strict content security policy (only its own script and style by hash,
 * pictures from beside it) makes sure. Everything that came from a prompt or a
 * file is data to the page, never markup. Source of the page: src/album/page/.
 */
#ifndef NJ_ALBUM_GALLERY_H
#define NJ_ALBUM_GALLERY_H

#include <stdbool.h>
#include <stddef.h>

#include "album/gather.h"
#include "base/err.h"
#include "base/str.h"

/* Stands in the head of every page, so that a page is known as one. */
#define NJ_GALLERY_MARK "<meta name=\"generator\" content=\"nightjar\">"

/* One picture. Strings are borrowed. */
typedef struct nj_gallery_item {
    const char *file;   /* path relative to the page, '/' between folders */
    const char *prompt; /* UTF-8 */
    const char *seed;   /* decimal */
    const char *record; /* JSON object of its settings, or NULL */
    bool scored;
    double score; /* finite; counts when scored */
} nj_gallery_item;

typedef struct nj_gallery_page {
    const char *title;
    const char *id; /* under which the browser keeps marks */
    const nj_gallery_item *items;
    size_t count;
} nj_gallery_page;

/* Appends the page to `html`. A record that is no JSON object is left out. */
nj_status nj_gallery_render(const nj_gallery_page *page, nj_str *html,
                            nj_err *err) NJ_MUST_USE;

typedef struct nj_gallery_config {
    const char *folder;
    bool all;          /* intermediate pictures too */
    nj_skip_note note; /* pictures that cannot be shown; may be NULL */
    void *user;
} nj_gallery_config;

typedef struct nj_gallery_done {
    char *path;      /* of the page; NULL when there was nothing to show */
    size_t pictures; /* on it */
    size_t skipped;
    size_t intermediate; /* left out */
} nj_gallery_done;

/* Writes folder/index.html, whole or not at all. An index.html that is no
 * gallery is left alone: NJ_E_USAGE. Release *done in every case. */
nj_status nj_gallery_write(const nj_gallery_config *config,
                           nj_gallery_done *done, nj_err *err) NJ_MUST_USE;
void nj_gallery_done_release(nj_gallery_done *done);

#endif

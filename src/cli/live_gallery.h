/* The gallery of a folder while pictures are still being made. The page is
 * written again now and then, so seldom that it takes a fiftieth of the time at
 * most, and once more at the end. */
#ifndef NJ_CLI_LIVE_GALLERY_H
#define NJ_CLI_LIVE_GALLERY_H

#include <stdbool.h>

#include "base/err.h"

typedef struct nj_live_gallery {
    const char *folder; /* NULL: no gallery is wanted */
    double next;        /* when it may be written again, steady clock */
} nj_live_gallery;

/* Writes the page for what is there; folder NULL does nothing, here and below.
 * NJ_E_USAGE: something else is in the page's place. */
nj_status nj_live_gallery_begin(nj_live_gallery *g, const char *folder,
                                nj_err *err) NJ_MUST_USE;

/* A picture more is there. A page that cannot be written is no reason to stop:
 * the next one may. */
void nj_live_gallery_picture(nj_live_gallery *g);

nj_status nj_live_gallery_end(nj_live_gallery *g, nj_err *err) NJ_MUST_USE;

#endif

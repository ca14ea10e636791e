/* A gallery that grows: see live_gallery.h. */
#include "cli/live_gallery.h"

#include <unistd.h>

#include "album/gallery.h"
#include "base/clock.h"

#define SHARE         50 /* of the time goes into the page, at most */
#define SECONDS_LEAST 5

/* A folder that is not there has no pictures yet, or never gets any. */
static nj_status write_page(nj_live_gallery *g, nj_err *err)
{
    const nj_gallery_config config = {.folder = g->folder};
    double began = nj_seconds();
    nj_gallery_done done;
    nj_status status;
    double now;

    if (access(g->folder, F_OK) != 0)
        return NJ_OK;
    status = nj_gallery_write(&config, &done, err);
    now = nj_seconds();
    nj_gallery_done_release(&done);
    g->next = now + SHARE * (now - began);
    if (g->next < now + SECONDS_LEAST)
        g->next = now + SECONDS_LEAST;
    return status;
}

nj_status nj_live_gallery_begin(nj_live_gallery *g, const char *folder,
                                nj_err *err)
{
    *g = (nj_live_gallery){.folder = folder};
    return folder ? write_page(g, err) : NJ_OK;
}

void nj_live_gallery_picture(nj_live_gallery *g)
{
    if (g->folder && nj_seconds() >= g->next && write_page(g, NULL) != NJ_OK)
        g->next += SECONDS_LEAST;
}

nj_status nj_live_gallery_end(nj_live_gallery *g, nj_err *err)
{
    return g->folder ? write_page(g, err) : NJ_OK;
}

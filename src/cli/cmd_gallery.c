/* nightjar gallery: a page to look through a folder's pictures. */
#include "cli/cli.h"

#include "album/gallery.h"
#include "cli/pages.h"

static int make(const nj_options *o, const char *folder)
{
    const nj_gallery_config config = {folder, o->all, nj_pages_skipped,
                                      (void *)o};
    nj_gallery_done done;
    nj_err err = {0};
    int exit;

    if (nj_gallery_write(&config, &done, &err) != NJ_OK) {
        exit = nj_cli_refuse(&err);
        if (err.code != NJ_E_USAGE)
            exit = NJ_EXIT_NOTHING;
    } else {
        const char *files[] = {done.path};

        exit = nj_pages_tell(o, &(nj_pages_told){files, done.path != NULL,
                                                 done.pictures, done.skipped,
                                                 done.intermediate, 0, folder});
    }
    nj_gallery_done_release(&done);
    return exit;
}

int nj_cmd_gallery(const nj_invocation *in)
{
    nj_err err = {0};

    if (in->rest->count > 1) {
        nj_fail(&err, NJ_E_USAGE, "one folder is expected, '%s' is a second",
                in->rest->items[1]);
        return nj_cli_refuse(&err);
    }
    return make(in->options,
                in->rest->count ? in->rest->items[0] : in->options->out);
}

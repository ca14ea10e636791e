/* nightjar sheet: contact sheets of folders and files. */
#include "cli/cli.h"

#include <stdlib.h>

#include "album/sheets.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/pages.h"

/* sheet.png inside the only folder, else here; the caller frees it. */
static char *default_out(const nj_list *from)
{
    if (from->count == 1 && nj_is_folder(from->items[0]))
        return nj_path_join(from->items[0], "sheet.png");
    return nj_strdup("sheet.png");
}

static int refuse(const nj_err *err)
{
    int exit = nj_cli_refuse(err);

    return err->code == NJ_E_USAGE ? exit : NJ_EXIT_NOTHING;
}

static int write_sheets(const nj_options *o, const nj_list *from,
                        const nj_gathered *found, const char *out)
{
    const nj_sheets_config config = {
        .paths = &found->paths,
        .page = {o->sheet.columns, o->sheet.cell, o->sheet.lines,
                 o->sheet.font},
        .per_page = o->sheet.per_page,
        .out = out,
        .note = nj_pages_skipped,
        .user = (void *)o,
    };
    nj_sheets done;
    nj_err err = {0};
    int exit;

    if (nj_sheets_write(&config, &done, &err) != NJ_OK)
        exit = refuse(&err);
    else
        exit = nj_pages_tell(
            o, &(nj_pages_told){
                   (const char *const *)done.pages.items, done.pages.count,
                   done.pictures, done.skipped + found->skipped,
                   found->intermediate, done.removed, from->items[0]});
    nj_sheets_release(&done);
    return exit;
}

static int make(const nj_options *o, const nj_list *from, const char *out)
{
    const nj_gather_config config = {from, o->all, nj_pages_skipped, (void *)o};
    nj_gathered found;
    nj_err err = {0};
    int exit;

    if (!out)
        nj_fail(&err, NJ_E_MEMORY, "no memory for a file name");
    if (!out || nj_gather(&config, &found, &err) != NJ_OK)
        exit = refuse(&err);
    else
        exit = write_sheets(o, from, &found, out);
    nj_gathered_release(&found);
    return exit;
}

int nj_cmd_sheet(const nj_invocation *in)
{
    const nj_options *o = in->options;
    char *folder = nj_strdup(o->out);
    const nj_list usual = {&folder, 1, 1};
    const nj_list *from = in->rest->count ? in->rest : &usual;
    char *out = o->sheet.out ? nj_strdup(o->sheet.out)
                             : (folder ? default_out(from) : NULL);
    int exit = make(o, from, out);

    free(out);
    free(folder);
    return exit;
}

/* Gathering: see gather.h. A picture's header is read here, its pixels are
 * not, so a broken picture may still turn up later. */
#include "album/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "album/folder.h"
#include "base/path.h"
#include "image/picture.h"

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for the names of pictures");
}

/* Whether the file belongs to the gathered ones; a reason in *why when it
 * cannot. */
static nj_status belongs(const char *path, bool all, nj_gathered *out,
                         bool *yes, nj_err *why)
{
    nj_picture header;
    nj_about about;
    nj_status status = nj_about_read(path, &about, why);

    *yes = false;
    if (status == NJ_OK)
        status = nj_picture_probe(path, &header, why);
    if (status == NJ_OK && !about.sheet) {
        *yes = all || nj_about_finished(&about);
        out->intermediate += !*yes;
    }
    nj_about_release(&about);
    return status;
}

static nj_status take_file(const nj_gather_config *c, const char *path,
                           nj_gathered *out, nj_err *err)
{
    nj_err why = {0};
    bool yes;
    nj_status status = belongs(path, c->all, out, &yes, &why);

    if (status == NJ_E_MEMORY)
        return no_memory(err);
    if (status != NJ_OK) {
        out->skipped++;
        if (c->note)
            c->note(c->user, &why);
        return NJ_OK;
    }
    if (yes && !nj_list_add(&out->paths, path))
        return no_memory(err);
    return NJ_OK;
}

static nj_status take_folder(const nj_gather_config *c, const char *folder,
                             nj_gathered *out, nj_err *err)
{
    nj_list names = {0};
    nj_status status = nj_folder_list(folder, &names, err);

    for (size_t i = 0; i < names.count && status == NJ_OK; i++) {
        char *path = nj_path_join(folder, names.items[i]);

        status = path ? take_file(c, path, out, err) : no_memory(err);
        free(path);
    }
    nj_list_release(&names);
    return status;
}

nj_status nj_gather(const nj_gather_config *config, nj_gathered *out,
                    nj_err *err)
{
    nj_status status = NJ_OK;

    *out = (nj_gathered){0};
    for (size_t i = 0; i < config->from->count; i++) {
        struct stat st;

        if (stat(config->from->items[i], &st) != 0)
            return nj_fail(err, NJ_E_USAGE, "cannot open '%s': %s",
                           config->from->items[i], strerror(errno));
    }
    for (size_t i = 0; i < config->from->count && status == NJ_OK; i++) {
        const char *entry = config->from->items[i];

        if (nj_is_folder(entry))
            status = take_folder(config, entry, out, err);
        else
            status = take_file(config, entry, out, err);
    }
    return status;
}

void nj_gathered_release(nj_gathered *g)
{
    nj_list_release(&g->paths);
    *g = (nj_gathered){0};
}

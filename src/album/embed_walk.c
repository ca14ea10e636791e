/* The pictures below a folder: see embed_folder.h. */
#include "album/embed_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "album/folder.h"
#include "base/mem.h"
#include "base/path.h"

#define DEPTH_MAX 64

static int by_name(const void *a, const void *b)
{
    return nj_folder_compare(*(char *const *)a, *(char *const *)b);
}

/* A link to a folder could lead in a circle. */
static bool is_plain_folder(DIR *dir, const char *name)
{
    struct stat st;

    return name[0] != '.' &&
           fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode);
}

static nj_status list_folders(const char *path, nj_list *out, nj_err *err)
{
    const struct dirent *entry;
    bool good = true;
    DIR *dir = opendir(path);

    if (!dir)
        return nj_fail(err, NJ_E_IO, "cannot open folder '%s': %s", path,
                       strerror(errno));
    while (good && (entry = readdir(dir)) != NULL)
        if (is_plain_folder(dir, entry->d_name))
            good = nj_list_add(out, entry->d_name);
    closedir(dir);
    if (!good)
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    if (out->count)
        qsort(out->items, out->count, sizeof(*out->items), by_name);
    return NJ_OK;
}

/* Appends prefix/name for every picture of folder/prefix. */
static nj_status add_pictures(const char *path, const char *prefix,
                              nj_list *names, nj_err *err)
{
    nj_list here = {0};
    nj_status status = nj_folder_list(path, &here, err);

    for (size_t i = 0; i < here.count && status == NJ_OK; i++) {
        char *name = nj_path_join(prefix, here.items[i]);

        if (!name || !nj_list_add(names, name))
            status = nj_fail(err, NJ_E_MEMORY, "no memory for names");
        free(name);
    }
    nj_list_release(&here);
    return status;
}

static nj_status walk(const char *folder, const char *prefix, int depth,
                      nj_list *names, nj_err *err)
{
    char *path = prefix[0] ? nj_path_join(folder, prefix) : nj_strdup(folder);
    nj_list folders = {0};
    nj_status status =
        path ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "no memory for a path");

    if (status == NJ_OK)
        status = add_pictures(path, prefix, names, err);
    if (status == NJ_OK)
        status = list_folders(path, &folders, err);
    for (size_t i = 0; i < folders.count && status == NJ_OK; i++) {
        char *inner = nj_path_join(prefix, folders.items[i]);

        if (!inner)
            status = nj_fail(err, NJ_E_MEMORY, "no memory for a path");
        else if (depth < DEPTH_MAX)
            status = walk(folder, inner, depth + 1, names, err);
        free(inner);
    }
    nj_list_release(&folders);
    free(path);
    return status;
}

nj_status nj_embed_walk(const char *folder, nj_list *names, nj_err *err)
{
    return walk(folder, "", 0, names, err);
}

/* Paths: see path.h. */
#include "base/path.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"

bool nj_is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool nj_is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

const char *nj_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *nj_path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return nj_strdup(".");
    return nj_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *nj_path_join(const char *folder, const char *name)
{
    nj_str s = {0};

    if (folder[0] && name[0] != '/') {
        nj_str_add(&s, folder);
        if (folder[strlen(folder) - 1] != '/')
            nj_str_addc(&s, '/');
    }
    nj_str_add(&s, name);
    return nj_str_take(&s);
}

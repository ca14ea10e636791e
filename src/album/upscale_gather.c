/* Which network and which pictures to upscale: see upscale.h. */
#include "album/upscale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "album/folder.h"
#include "album/picks.h"
#include "base/path.h"
#include "job/models.h"
#include "job/models_locate.h"
#include "job/names.h"
#include "weights/weights.h"

#define DEFAULT_NETWORK "RealESRGAN_x4plus"

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for names");
}

/* ---- network ----------------------------------------------------------- */

/* The first and the last layer of an RRDBNet. */
static nj_status check_network(const char *path, nj_err *err)
{
    nj_weights *w;
    nj_status status = nj_weights_open(path, &w, err);

    if (status != NJ_OK)
        return status;
    if (!nj_weights_find(w, "conv_first.weight") ||
        !nj_weights_find(w, "conv_last.weight"))
        status = nj_fail(err, NJ_E_FORMAT,
                         "'%s' holds no RRDBNet of Real-ESRGAN", path);
    nj_weights_free(w);
    return status;
}

nj_status nj_upscale_find(const nj_options *o, const char *program_folder,
                          char **path, nj_err *err)
{
    const char *name = o->after.upscaler ? o->after.upscaler : DEFAULT_NETWORK;
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_status status =
        nj_models_open(o->models_dir, program_folder, &folders, &c, err);

    *path = NULL;
    if (status == NJ_OK)
        status =
            nj_model_locate(c, &folders, NJ_MODEL_UPSCALER, name, path, err);
    if (status == NJ_OK)
        status = check_network(*path, err);
    if (status != NJ_OK && o->after.upscaler)
        nj_err_add(err, "option '--upscaler'");
    nj_catalogue_free(c);
    nj_list_release(&folders);
    return status;
}

/* ---- pictures ---------------------------------------------------------- */

static nj_status add_joined(const char *folder, const char *name,
                            nj_list *paths, nj_err *err)
{
    char *path = nj_path_join(folder, name);
    bool good = path && nj_list_add(paths, path);

    free(path);
    return good ? NJ_OK : no_memory(err);
}

static bool is_result(const char *name)
{
    size_t n = strlen(name);

    return n >= 8 && strcmp(name + n - 8, "_out.png") == 0;
}

/* An intermediate picture or a contact sheet; what cannot be read is left to
 * the upscaler, which says why. */
static bool is_left_out(const char *path)
{
    nj_about about;
    bool out = nj_about_read(path, &about, NULL) == NJ_OK &&
               (about.sheet || !nj_about_finished(&about));

    nj_about_release(&about);
    return out;
}

static nj_status add_folder(const char *folder, nj_list *paths, nj_err *err)
{
    nj_list names = {0};
    nj_status status = nj_folder_list(folder, &names, err);

    for (size_t i = 0; i < names.count && status == NJ_OK; i++) {
        char *path;

        if (is_result(names.items[i]))
            continue;
        path = nj_path_join(folder, names.items[i]);
        if (!path || (!is_left_out(path) && !nj_list_add(paths, path)))
            status = no_memory(err);
        free(path);
    }
    nj_list_release(&names);
    return status;
}

static nj_status add_picks(const char *folder, const char *list, nj_list *paths,
                           nj_err *err)
{
    nj_list names = {0};
    nj_status status = nj_picks_read(list, false, &names, err);

    for (size_t i = 0; i < names.count && status == NJ_OK; i++)
        status = add_joined(folder, names.items[i], paths, err);
    nj_list_release(&names);
    return status;
}

static nj_status add_folder_or_picks(const char *folder, const char *picks,
                                     bool all, nj_list *paths, nj_err *err)
{
    char *list = picks ? NULL : nj_path_join(folder, NJ_PICKS_FILE);
    nj_status status;

    if (picks)
        return add_picks(folder, picks, paths, err);
    if (!list)
        return no_memory(err);
    if (!all && access(list, F_OK) == 0)
        status = add_picks(folder, list, paths, err);
    else
        status = add_folder(folder, paths, err);
    free(list);
    return status;
}

nj_status nj_upscale_gather(const nj_list *arguments, const char *picks,
                            bool all, nj_list *paths, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < arguments->count && status == NJ_OK; i++) {
        const char *path = arguments->items[i];
        struct stat st;

        if (strcmp(path, "-") == 0)
            status = nj_picks_read("-", true, paths, err);
        else if (stat(path, &st) != 0)
            status = nj_fail(err, NJ_E_USAGE, "cannot open '%s': %s", path,
                             strerror(errno));
        else if (S_ISDIR(st.st_mode))
            status = add_folder_or_picks(path, picks, all, paths, err);
        else if (!nj_list_add(paths, path))
            status = no_memory(err);
    }
    return status;
}

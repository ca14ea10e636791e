/* Model files of guidance beside CLIP: the secondary model, and LPIPS with its
 * VGG16. A file of another kind is refused by its tensors' names. */
#include "job/guides.h"

#include <stdlib.h>
#include <string.h>

#include "job/models_locate.h"
#include "weights/weights.h"

struct guide {
    const char *option;
    nj_model_kind kind;
    const char *fallback; /* known model, when the option is not given */
    const char *what;
    const char *mark; /* a tensor that every such file has */
};

static const struct guide secondary = {"secondary-model", NJ_MODEL_SECONDARY,
                                       NULL, "secondary model",
                                       "timestep_embed.weight"};
static const struct guide lpips = {"lpips", NJ_MODEL_LPIPS, "lpips_vgg",
                                   "LPIPS heads", "lin0.model.1.weight"};
static const struct guide vgg = {"vgg", NJ_MODEL_LPIPS, "vgg16",
                                 "VGG16 features", "features.0.weight"};

static nj_status check(const struct guide *g, const char *path, nj_err *err)
{
    nj_weights *w;
    nj_status status = nj_weights_open(path, &w, err);

    if (status != NJ_OK)
        return status;
    if (!nj_weights_find(w, g->mark))
        status = nj_fail(err, NJ_E_FORMAT, "'%s' holds no %s", path, g->what);
    nj_weights_free(w);
    return status;
}

static nj_status find(const struct guide *g, const char *given,
                      const nj_catalogue *c, const nj_list *folders, char **out,
                      nj_err *err)
{
    nj_status status = nj_model_locate(c, folders, g->kind,
                                       given ? given : g->fallback, out, err);

    if (status == NJ_OK)
        status = check(g, *out, err);
    if (status == NJ_OK)
        return NJ_OK;
    return given ? nj_err_add(err, "option '--%s'", g->option)
                 : nj_err_add(err, "option '--init-scale' needs %s", g->what);
}

bool nj_models_want_secondary(const nj_options *o)
{
    return o->secondary_model && strcmp(o->secondary_model, "none") != 0;
}

nj_status nj_models_find_secondary(const nj_options *o, const nj_catalogue *c,
                                   const nj_list *folders, nj_model_files *m,
                                   nj_err *err)
{
    if (!nj_models_want_secondary(o))
        return NJ_OK;
    return find(&secondary, o->secondary_model, c, folders, &m->secondary, err);
}

nj_status nj_model_files_find_lpips(const nj_options *o,
                                    const char *program_folder,
                                    nj_model_files *m, nj_err *err)
{
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_status status =
        nj_models_open(o->models_dir, program_folder, &folders, &c, err);

    if (status == NJ_OK)
        status = find(&lpips, o->lpips, c, &folders, &m->lpips, err);
    if (status == NJ_OK)
        status = find(&vgg, o->vgg, c, &folders, &m->vgg, err);
    nj_catalogue_free(c);
    nj_list_release(&folders);
    return status;
}

size_t nj_model_files_list(const nj_model_files *m,
                           nj_model_file out[NJ_MODEL_FILES_MAX])
{
    size_t n = 0;

    out[n++] = (nj_model_file){"unet", m->unet, 1};
    for (size_t i = 0; i < m->clip_count; i++)
        out[n++] = (nj_model_file){"clip", m->clips[i], m->clip_weights[i]};
    if (m->secondary)
        out[n++] = (nj_model_file){"secondary", m->secondary, 1};
    if (m->lpips)
        out[n++] = (nj_model_file){"lpips", m->lpips, 1};
    if (m->vgg)
        out[n++] = (nj_model_file){"vgg", m->vgg, 1};
    return n;
}

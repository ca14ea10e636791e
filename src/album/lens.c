/* The CLIP of ranking and search: see lens.h. */
#include "album/lens.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "album/embeddings.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "job/device.h"
#include "job/models.h"
#include "job/models_locate.h"

/* Taken when none is named: good and not too slow first. */
static const char *const preferred[] = {"ViT-B-16", "ViT-B-32", "ViT-L-14",
                                        "RN50x4",   "RN50",     "demo"};
#define PREFERRED (sizeof(preferred) / sizeof(preferred[0]))

nj_status nj_lens_machine(const nj_options *o, nj_engine_machine *out,
                          nj_err *err)
{
    *out =
        (nj_engine_machine){.precision = o->precision, .threads = o->threads};
    if (nj_device_parse(o->device, &out->device, &out->device_index, err) !=
        NJ_OK)
        return nj_options_blame(o, "device", err);
    if (out->device_index == NJ_DEVICE_ALL)
        out->device_index = 0;
    return NJ_OK;
}

static bool is_in(const nj_list *list, const char *text)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

/* Takes the path's sum and what the catalogue calls it. */
static nj_status use(nj_lens *l, const nj_catalogue *c, const nj_list *folders,
                     nj_err *err)
{
    const nj_model *known = nj_model_of_file(c, NJ_MODEL_CLIP, l->path);
    size_t vocabulary;
    size_t context;
    nj_status status = nj_model_check_clip(l->path, &vocabulary, &context, err);

    l->name = nj_strdup(known ? known->name : nj_path_name(l->path));
    if (status == NJ_OK && !l->name)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for model names");
    if (status == NJ_OK)
        status = nj_model_vocabulary(c, folders, l->path, &l->vocabulary, err);
    if (status == NJ_OK)
        status = nj_file_sha256(l->path, l->sha256, err);
    return status;
}

/* The first of the preferred ones that is there and not to be avoided. A card
 * without a published sum is not known to be another network. */
static const nj_model *choose(const nj_catalogue *c, const nj_list *avoid)
{
    for (size_t i = 0; i < PREFERRED; i++) {
        const nj_model *m = nj_model_present(c, NJ_MODEL_CLIP, preferred[i]);

        if (m && !is_in(avoid, m->sha256))
            return m;
    }
    return NULL;
}

static nj_status find_any(const nj_catalogue *c, const nj_list *avoid,
                          char **path, nj_err *err)
{
    const nj_model *m = choose(c, avoid);

    m = m ? m : choose(c, NULL);
    if (!m)
        return nj_fail(err, NJ_E_USAGE,
                       "no CLIP weights are there: fetch them with "
                       "scripts/fetch-models.sh %s, or name a file with "
                       "--clip",
                       preferred[0]);
    *path = nj_strdup(m->path);
    return *path ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "no memory for a path");
}

nj_status nj_lens_find(const nj_lens_config *config, const char *name,
                       const nj_list *avoid, nj_lens *out, nj_err *err)
{
    const nj_options *o = config->options;
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_status status;

    *out = (nj_lens){.engine = config->engine};
    status = nj_lens_machine(o, &out->machine, err);
    if (status == NJ_OK)
        status = nj_models_open(o->models_dir, config->program_folder, &folders,
                                &c, err);
    if (status == NJ_OK && name)
        status =
            nj_model_locate(c, &folders, NJ_MODEL_CLIP, name, &out->path, err);
    else if (status == NJ_OK)
        status = find_any(c, avoid, &out->path, err);
    if (status == NJ_OK)
        status = use(out, c, &folders, err);
    if (status != NJ_OK && name)
        nj_err_add(err, "option '--clip'");
    nj_catalogue_free(c);
    nj_list_release(&folders);
    return status;
}

void nj_lens_release(nj_lens *l)
{
    if (l->embedder)
        l->api->embedder_close(l->embedder);
    free(l->path);
    free(l->name);
    free(l->vocabulary);
    *l = (nj_lens){0};
}

nj_status nj_lens_open(nj_lens *l, nj_err *err)
{
    nj_status status = NJ_OK;

    if (l->embedder)
        return NJ_OK;
    if (!l->api)
        status = l->engine(&l->api, err);
    if (status == NJ_OK)
        status = l->api->embedder_open(l->path, l->vocabulary, &l->machine,
                                       &l->embedder, err);
    return status;
}

nj_status nj_lens_open_for(nj_lens *l, size_t width, nj_err *err)
{
    nj_status status = nj_lens_open(l, err);
    int own;

    if (status != NJ_OK)
        return status;
    own = l->api->embedder_facts(l->embedder)->width;
    if (width == 0 || width == (size_t)own)
        return NJ_OK;
    return nj_fail(err, NJ_E_FORMAT,
                   "damaged embeddings: vectors of %zu numbers, '%s' gives %d; "
                   "delete '" NJ_EMBEDDINGS_FILE "', it is made again",
                   width, l->name, own);
}

/* Model files of a job: see models.h. */
#include "job/models.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/path.h"
#include "job/guides.h"
#include "job/models_locate.h"
#include "text/prompt.h"
#include "weights/weights.h"

/* Networks to take when none is named, best known first. */
static const char *const preferred_unets[] = {
    "256x256_diffusion_uncond", "512x512_diffusion_uncond_finetune_008100"};
static const char preferred_clip[] = "ViT-B-16";
static const char demo_name[] = "demo";

void nj_model_files_release(nj_model_files *m)
{
    free(m->unet);
    free(m->card);
    free(m->card_name);
    for (size_t i = 0; i < m->clip_count; i++)
        free(m->clips[i]);
    free(m->secondary);
    free(m->lpips);
    free(m->vgg);
    free(m->vocabulary);
    cJSON_Delete(m->defaults);
    *m = (nj_model_files){0};
}

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for model names");
}

/* Appends folder/name when that is a folder. */
static bool add_folder(nj_list *folders, const char *folder, const char *name)
{
    char *path = nj_path_join(folder, name);
    bool good = path != NULL;

    if (path && nj_is_folder(path))
        good = nj_list_add(folders, path);
    free(path);
    return good;
}

/* The folder that the user names; `where` says how. */
static nj_status add_named(nj_list *folders, const char *where,
                           const char *folder, nj_err *err)
{
    if (!nj_is_folder(folder))
        return nj_fail(err, NJ_E_USAGE, "%s: '%s' is not a folder", where,
                       folder);
    return nj_list_add(folders, folder) ? NJ_OK : no_memory(err);
}

/* Where a user's models are without being named, if they are there. */
static bool add_users_folder(nj_list *folders)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (data && data[0] == '/')
        return add_folder(folders, data, "nightjar/models");
    if (home && home[0] == '/')
        return add_folder(folders, home, ".local/share/nightjar/models");
    return true;
}

nj_status nj_models_folders(const char *models_dir, const char *program_folder,
                            nj_list *folders, nj_err *err)
{
    const char *set = getenv("NIGHTJAR_MODELS");
    nj_status status = NJ_OK;
    bool good = true;

    if (models_dir)
        status = add_named(folders, "option '--models-dir'", models_dir, err);
    else if (set && set[0])
        status = add_named(folders, "$NIGHTJAR_MODELS", set, err);
    else
        good = add_users_folder(folders);
    if (status != NJ_OK)
        return status;
    if (good && program_folder)
        good =
            add_folder(folders, program_folder, "../share/nightjar/models") &&
            add_folder(folders, program_folder, "../../models");
    return good ? NJ_OK : no_memory(err);
}

nj_status nj_models_catalogue(const nj_list *folders, nj_catalogue **out,
                              nj_err *err)
{
    return nj_catalogue_open((const char *const *)folders->items,
                             folders->count, out, err);
}

nj_status nj_models_open(const char *models_dir, const char *program_folder,
                         nj_list *folders, nj_catalogue **out, nj_err *err)
{
    nj_status status =
        nj_models_folders(models_dir, program_folder, folders, err);

    return status == NJ_OK ? nj_models_catalogue(folders, out, err) : status;
}

/* ---- files of the right kind ----------------------------------------------
 */

/* Tensors by which a network is known, under the names of its publishers. */
static const char *const unet_marks[] = {"input_blocks.0.0.weight", NULL};
static const char *const clip_marks[] = {
    "token_embedding.weight", "text_model.embeddings.token_embedding.weight",
    NULL};
static const char *const context_marks[] = {
    "positional_embedding", "text_model.embeddings.position_embedding.weight",
    NULL};

static const nj_view *find_mark(const nj_weights *w, const char *const *marks)
{
    const nj_view *v = NULL;

    for (; *marks && !v; marks++)
        v = nj_weights_find(w, *marks);
    return v;
}

static nj_status check_unet(const char *path, nj_err *err)
{
    nj_weights *w;
    nj_status status = nj_weights_open(path, &w, err);

    if (status != NJ_OK)
        return status;
    if (!find_mark(w, unet_marks))
        status =
            nj_fail(err, NJ_E_FORMAT, "'%s' holds no guided-diffusion UNet%s",
                    path, find_mark(w, clip_marks) ? " but a CLIP model" : "");
    nj_weights_free(w);
    return status;
}

nj_status nj_model_check_clip(const char *path, size_t *vocabulary_size,
                              size_t *context_size, nj_err *err)
{
    const nj_view *tokens;
    const nj_view *context;
    nj_weights *w;
    nj_status status = nj_weights_open(path, &w, err);

    if (status != NJ_OK)
        return status;
    tokens = find_mark(w, clip_marks);
    context = find_mark(w, context_marks);
    if (!tokens || !context || tokens->ndim != 2 || context->ndim != 2)
        status = nj_fail(err, NJ_E_FORMAT, "'%s' holds no CLIP model%s", path,
                         find_mark(w, unet_marks) ? " but a UNet" : "");
    else {
        *vocabulary_size = (size_t)tokens->shape[0];
        *context_size = (size_t)context->shape[0];
    }
    nj_weights_free(w);
    return status;
}

/* The first CLIP's vocabulary and context are those of the job. */
static nj_status check_clip(nj_model_files *m, const char *path, nj_err *err)
{
    size_t vocabulary;
    size_t context;
    nj_status status = nj_model_check_clip(path, &vocabulary, &context, err);

    if (status == NJ_OK && m->clip_count == 1) {
        m->vocabulary_size = vocabulary;
        m->context = context;
    }
    return status;
}

/* ---- UNet and its card ------------------------------------------------------
 */

/* How records name a card: by what finds it again on another machine. */
static char *name_of_card(const nj_catalogue *c, const char *path)
{
    for (size_t i = 0; i < nj_catalogue_count(c); i++) {
        const nj_model *m = nj_catalogue_at(c, i);

        if (m->kind == NJ_MODEL_UNET && nj_model_same_file(m->card_path, path))
            return nj_strdup(m->name);
    }
    return nj_strdup(nj_path_name(path));
}

static nj_status use_card(const nj_catalogue *c, nj_model_files *m,
                          const char *path, nj_err *err)
{
    cJSON *json;
    nj_status status = nj_unet_card_read(path, &m->flags, err);

    if (status != NJ_OK)
        return status;
    m->card = nj_strdup(path);
    m->card_name = name_of_card(c, path);
    if (!m->card || !m->card_name)
        return no_memory(err);
    status = nj_json_read(path, &json, err);
    if (status != NJ_OK)
        return status;
    m->defaults = cJSON_DetachItemFromObjectCaseSensitive(json, "defaults");
    cJSON_Delete(json);
    return NJ_OK;
}

static nj_status use_model(const nj_catalogue *c, nj_model_files *m,
                           const nj_model *model, nj_err *err)
{
    m->unet = nj_strdup(model->path);
    return m->unet ? use_card(c, m, model->card_path, err) : no_memory(err);
}

/* --unet FILE [--unet-config CARD] */
static nj_status named_unet(const nj_options *o, const nj_catalogue *c,
                            const nj_list *folders, nj_model_files *m,
                            nj_err *err)
{
    const nj_model *known;
    nj_status status =
        nj_model_locate(c, folders, NJ_MODEL_UNET, o->unet, &m->unet, err);

    if (status != NJ_OK)
        return nj_err_add(err, "option '--unet'");
    status = check_unet(m->unet, err);
    if (status != NJ_OK)
        return nj_err_add(err, "option '--unet'");
    if (o->unet_config)
        return NJ_OK;
    known = nj_model_of_file(c, NJ_MODEL_UNET, m->unet);
    if (known)
        return use_card(c, m, known->card_path, err);
    return nj_fail(err, NJ_E_USAGE,
                   "option '--unet': no model card is known for '%s', "
                   "--unet-config CARD.json is expected",
                   o->unet);
}

/* The best of what is there, else the demo model. */
static nj_status any_unet(const nj_catalogue *c, nj_model_files *m, nj_err *err)
{
    const nj_model *model = NULL;
    size_t count = sizeof(preferred_unets) / sizeof(preferred_unets[0]);

    if (nj_model_present(c, NJ_MODEL_CLIP, preferred_clip)) {
        for (size_t i = 0; i < count && !model; i++)
            model = nj_model_present(c, NJ_MODEL_UNET, preferred_unets[i]);
    }
    if (!model) {
        model = nj_model_present(c, NJ_MODEL_UNET, demo_name);
        m->demo = true;
    }
    if (!model)
        return nj_fail(err, NJ_E_USAGE,
                       "no model weights are there, not even the demo's: get "
                       "some with scripts/fetch-models.sh, or name a file "
                       "with --unet");
    return use_model(c, m, model, err);
}

/* A file, or the name of a known model. */
static nj_status locate_card(const nj_catalogue *c, const nj_list *folders,
                             const char *name, char **out, nj_err *err)
{
    const nj_model *known = nj_catalogue_find(c, NJ_MODEL_UNET, name);

    if (!known || nj_is_file(name))
        return nj_model_locate(c, folders, NJ_MODEL_UNET, name, out, err);
    *out = nj_strdup(known->card_path);
    return *out ? NJ_OK : no_memory(err);
}

static nj_status find_unet(const nj_options *o, const nj_catalogue *c,
                           const nj_list *folders, nj_model_files *m,
                           nj_err *err)
{
    char *card = NULL;
    nj_status status;

    if (o->unet_config && !o->unet)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--unet-config': '%s' is given without --unet",
                       o->unet_config);
    status = o->unet ? named_unet(o, c, folders, m, err) : any_unet(c, m, err);
    if (status != NJ_OK || !o->unet_config)
        return status;
    status = locate_card(c, folders, o->unet_config, &card, err);
    if (status == NJ_OK)
        status = use_card(c, m, card, err);
    free(card);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "option '--unet-config'");
}

/* ---- CLIP */

static nj_status add_clip(const nj_catalogue *c, nj_model_files *m, char *path,
                          double weight, nj_err *err)
{
    const nj_model *known;
    nj_clip_card *card = &m->cards[m->clip_count];

    if (!path)
        return no_memory(err);
    m->clip_weights[m->clip_count] = weight;
    m->clips[m->clip_count++] = path;
    known = nj_model_of_file(c, NJ_MODEL_CLIP, path);
    /* For an estimate the name will do: another file of it has its shapes. */
    if (!known)
        known = nj_catalogue_find(c, NJ_MODEL_CLIP, nj_path_name(path));
    /* A file without a card costs the estimate. */
    if (!known || nj_clip_card_from(known->flags, card, NULL) != NJ_OK)
        card->embed_dim = 0;
    return check_clip(m, path, err);
}

/* NAME[:WEIGHT]; a file whose name has a colon counts as it stands. */
static nj_status named_clip(const nj_catalogue *c, const nj_list *folders,
                            nj_model_files *m, const char *item, nj_err *err)
{
    double weight = 1;
    long n = nj_is_file(item) ? -1 : nj_prompt_split_weight(item, &weight);
    char *name = n < 0 ? nj_strdup(item) : nj_strndup(item, (size_t)n);
    char *path = NULL;
    nj_status status;

    if (!name)
        return no_memory(err);
    if (!isfinite(weight) || weight <= 0)
        status = nj_fail(err, NJ_E_USAGE, "'%s': a weight above 0 is expected",
                         item);
    else
        status = nj_model_locate(c, folders, NJ_MODEL_CLIP, name, &path, err);
    free(name);
    return status == NJ_OK ? add_clip(c, m, path, weight, err) : status;
}

static nj_status named_clips(const nj_options *o, const nj_catalogue *c,
                             const nj_list *folders, nj_model_files *m,
                             nj_err *err)
{
    nj_status status = NJ_OK;

    if (o->clip.count > NJ_ENGINE_CLIPS_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "option '--clip': %zu models are given, at most %d "
                       "expected",
                       o->clip.count, NJ_ENGINE_CLIPS_MAX);
    for (size_t i = 0; i < o->clip.count && status == NJ_OK; i++)
        status = named_clip(c, folders, m, o->clip.items[i], err);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "option '--clip'");
}

/* The CLIP that the UNet's own card names, else ViT-B-16. */
static nj_status default_clip(const nj_catalogue *c, nj_model_files *m,
                              nj_err *err)
{
    const nj_model *unet = nj_model_of_file(c, NJ_MODEL_UNET, m->unet);
    const nj_model *clip =
        unet ? nj_model_present(c, NJ_MODEL_CLIP, unet->name) : NULL;

    if (!clip)
        clip = nj_model_present(c, NJ_MODEL_CLIP, preferred_clip);
    if (!clip)
        return nj_fail(err, NJ_E_USAGE,
                       "no CLIP weights are there: fetch them with "
                       "scripts/fetch-models.sh %s, or name a file with "
                       "--clip",
                       preferred_clip);
    return add_clip(c, m, nj_strdup(clip->path), 1, err);
}

nj_status nj_model_files_find(const nj_options *o, const char *program_folder,
                              nj_model_files *out, nj_err *err)
{
    nj_list folders = {0};
    nj_catalogue *c = NULL;
    nj_status status =
        nj_models_open(o->models_dir, program_folder, &folders, &c, err);

    *out = (nj_model_files){0};
    if (status == NJ_OK)
        status = find_unet(o, c, &folders, out, err);
    if (status == NJ_OK)
        status = o->clip.count ? named_clips(o, c, &folders, out, err)
                               : default_clip(c, out, err);
    if (status == NJ_OK)
        status = nj_models_find_secondary(o, c, &folders, out, err);
    if (status == NJ_OK)
        status = nj_model_vocabulary(c, &folders, out->clips[0],
                                     &out->vocabulary, err);
    nj_catalogue_free(c);
    nj_list_release(&folders);
    return status;
}

void nj_model_file_name(const nj_model_file *file, nj_str *out)
{
    char weight[NJ_NUMBER_TEXT_MAX];

    nj_str_add(out, nj_path_name(file->path));
    if (file->weight == 1)
        return;
    nj_format_double(file->weight, weight);
    nj_str_addf(out, ":%s", weight);
}

/* Records: see record.h. */
#include "job/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/path.h"
#include "base/version.h"
#include "image/png.h"

#define RECORD_FILE_MAX ((size_t)1 << 30)

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a record");
}

nj_status nj_record_files(const nj_job *job, nj_list *paths, nj_err *err)
{
    nj_model_file files[NJ_MODEL_FILES_MAX];
    size_t count = nj_model_files_list(&job->files, files);
    bool good = true;

    for (size_t i = 0; i < count; i++)
        good = good && nj_list_add(paths, files[i].path);
    return good ? NJ_OK : no_memory(err);
}

static bool add_text(cJSON *object, const char *key, const char *text)
{
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

static bool add_number(cJSON *object, const char *key, double value)
{
    return cJSON_AddNumberToObject(object, key, value) != NULL;
}

/* {"file":...,"bytes":...,"sha256":...} of a weight file. */
static nj_status add_file(const nj_record_source *from, size_t i,
                          const nj_model_file *file, cJSON *array, nj_err *err)
{
    cJSON *entry;
    const char *hex;
    uint64_t bytes;
    nj_status status = nj_sums_get(from->sums, i, &hex, &bytes, err);

    if (status != NJ_OK)
        return status;
    entry = cJSON_CreateObject();
    if (!array || !cJSON_AddItemToArray(array, entry)) {
        cJSON_Delete(entry);
        return no_memory(err);
    }
    if (!add_text(entry, "kind", file->kind) ||
        !add_text(entry, "file", nj_path_name(file->path)) ||
        !add_number(entry, "bytes", (double)bytes) ||
        !add_text(entry, "sha256", hex) ||
        (file->weight != 1 && !add_number(entry, "weight", file->weight)))
        return no_memory(err);
    return NJ_OK;
}

/* Those that this picture's group uses: the init loss of another group of the
 * job leaves no trace in it. */
static nj_status add_weights(const nj_record_source *from,
                             const nj_image *image, cJSON *record, nj_err *err)
{
    bool compares = nj_group_compares(nj_plan_group(from->job, image));
    nj_model_file files[NJ_MODEL_FILES_MAX];
    size_t count = nj_model_files_list(&from->job->files, files);
    cJSON *array = cJSON_AddArrayToObject(record, "weights");
    nj_status status = NJ_OK;

    for (size_t i = 0; i < count && status == NJ_OK; i++) {
        bool of_loss = strcmp(files[i].kind, "lpips") == 0 ||
                       strcmp(files[i].kind, "vgg") == 0;

        if (compares || !of_loss)
            status = add_file(from, i, &files[i], array, err);
    }
    return status;
}

/* "1,1,2" of numbers. */
static bool add_row(cJSON *object, const char *key, const double *values, int n)
{
    cJSON *row = cJSON_CreateDoubleArray(values, n);

    return row && cJSON_AddItemToObject(object, key, row);
}

static bool add_flags(cJSON *record, const nj_unet_card *c)
{
    cJSON *o = cJSON_AddObjectToObject(record, "unet_flags");
    double ds[NJ_CARD_LEVELS_MAX] = {0};

    for (int i = 0; i < c->attentions; i++)
        ds[i] = c->attention_ds[i];
    return o && add_number(o, "image_size", c->image_size) &&
           add_number(o, "num_channels", c->num_channels) &&
           add_number(o, "num_res_blocks", c->num_res_blocks) &&
           add_row(o, "channel_mult", c->channel_mult, c->levels) &&
           add_row(o, "attention_ds", ds, c->attentions) &&
           add_number(o, "num_heads", c->num_heads) &&
           add_number(o, "num_head_channels", c->num_head_channels) &&
           add_number(o, "num_heads_upsample", c->num_heads_upsample) &&
           add_number(o, "num_classes", c->num_classes) &&
           cJSON_AddBoolToObject(o, "learn_sigma", c->learn_sigma) &&
           cJSON_AddBoolToObject(o, "use_scale_shift_norm",
                                 c->use_scale_shift_norm) &&
           cJSON_AddBoolToObject(o, "resblock_updown", c->resblock_updown) &&
           cJSON_AddBoolToObject(o, "conv_resample", c->conv_resample) &&
           cJSON_AddBoolToObject(o, "use_new_attention_order",
                                 c->use_new_attention_order) &&
           add_text(o, "noise_schedule", c->cosine ? "cosine" : "linear") &&
           cJSON_AddBoolToObject(o, "rescale_timesteps",
                                 c->rescale_timesteps) &&
           add_number(o, "diffusion_steps", c->diffusion_steps);
}

/* Prompt, seed and the settings that decide what the picture is. */
static bool add_picture_keys(cJSON *job, const nj_job *j, const nj_image *image,
                             unsigned traits)
{
    const nj_group *g = nj_plan_group(j, image);
    char seed[24];

    snprintf(seed, sizeof(seed), "%" PRIu64, image->seed);
    return add_text(job, "prompt", nj_plan_prompt(j, image)->text) &&
           add_text(job, "seed", seed) &&
           nj_options_to_json(&g->options, traits, job);
}

/* The file names replace the paths: a path says where something was on one
 * machine, the name and its sum say what it was. */
static bool add_name(cJSON *job, const nj_model_file *file)
{
    nj_str name = {0};
    cJSON *clips = cJSON_GetObjectItemCaseSensitive(job, "clip");
    cJSON *item;

    if (strcmp(file->kind, "secondary") == 0)
        return add_text(job, "secondary_model", nj_path_name(file->path));
    if (strcmp(file->kind, "clip") != 0)
        return add_text(job, file->kind, nj_path_name(file->path));
    nj_model_file_name(file, &name);
    item = nj_str_ok(&name) ? cJSON_CreateString(name.text) : NULL;
    nj_str_release(&name);
    if (item && cJSON_AddItemToArray(clips, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool add_model_keys(cJSON *job, const nj_model_files *files)
{
    nj_model_file list[NJ_MODEL_FILES_MAX];
    size_t count = nj_model_files_list(files, list);
    bool good = cJSON_AddArrayToObject(job, "clip") &&
                add_text(job, "unet_config", files->card_name);

    for (size_t i = 0; i < count && good; i++)
        good = add_name(job, &list[i]);
    return good;
}

static bool add_init_sum(cJSON *record, const nj_group *g)
{
    return !g->init_sha256[0] ||
           add_text(record, "init_image_sha256", g->init_sha256);
}

nj_status nj_record_identity(const nj_record_source *from,
                             const nj_image *image, char identity[65],
                             nj_err *err)
{
    cJSON *all = cJSON_CreateObject();
    char *text = NULL;
    nj_status status = NJ_OK;

    /* Values that are the table's default are left out, so that an option
     * that is added later does not change what a picture is. */
    if (!all ||
        !add_picture_keys(all, from->job, image,
                          NJ_OF_PICTURE | NJ_ONLY_CHANGED) ||
        !add_flags(all, &from->job->files.flags) ||
        !add_init_sum(all, nj_plan_group(from->job, image)))
        status = no_memory(err);
    /* The picture's sum counts, not where it was. */
    cJSON_DeleteItemFromObjectCaseSensitive(all, "init_image");
    if (status == NJ_OK)
        status = add_weights(from, image, all, err);
    if (status == NJ_OK && !(text = nj_json_print(all)))
        status = no_memory(err);
    if (status == NJ_OK)
        nj_sha256(text, strlen(text), identity);
    cJSON_free(text);
    cJSON_Delete(all);
    return status;
}

void nj_record_pixels_sha256(const uint8_t *rgb, int width, int height,
                             char hex[65])
{
    nj_sha256(rgb, (size_t)width * (size_t)height * 3, hex);
}

static bool add_pixels_sum(cJSON *record, const nj_engine_picture *p)
{
    char hex[65];

    nj_record_pixels_sha256(p->rgb, p->width, p->height, hex);
    return add_text(record, "pixels_sha256", hex);
}

/* Where each setting came from, unless it is the default. */
static bool add_origins(cJSON *record, const nj_options *o)
{
    cJSON *from = cJSON_AddObjectToObject(record, "from");
    bool good = from != NULL;

    for (size_t i = 0; i < nj_option_count() && good; i++) {
        const nj_option *option = nj_option_at(i);
        nj_origin origin = nj_options_first_origin(o, option);
        char key[64];

        if (!(option->traits & (NJ_OF_PICTURE | NJ_OF_RECORD)) ||
            origin == NJ_FROM_DEFAULT)
            continue;
        nj_option_key(option, key);
        good = add_text(from, key, nj_origin_name(origin));
    }
    return good;
}

static bool put_back(cJSON *job, const char *key, cJSON *value)
{
    if (value && cJSON_ReplaceItemInObjectCaseSensitive(job, key, value))
        return true;
    cJSON_Delete(value);
    return false;
}

/* What was done in another way than the group asks for replaces what it asks
 * for, so that the record makes the same picture again. */
static bool replace_used(cJSON *job, const nj_record_source *from,
                         const nj_group *g, const nj_engine_picture *picture)
{
    const nj_settings *used = from->settings;
    const nj_settings *asked = &g->options.settings;
    bool good = true;

    if (used && used->batch_size != asked->batch_size)
        good =
            put_back(job, "batch_size", cJSON_CreateNumber(used->batch_size));
    if (good && used && used->clip_slices != asked->clip_slices)
        good =
            put_back(job, "clip_slices", cJSON_CreateNumber(used->clip_slices));
    if (good && picture->precision != from->facts->precision)
        good =
            put_back(job, "precision",
                     cJSON_CreateString(nj_precision_name(picture->precision)));
    return good;
}

static bool add_preset(cJSON *record, const nj_options *o)
{
    return !o->preset || add_text(record, "preset", o->preset);
}

static nj_status add_record(const nj_record_source *from, const nj_image *image,
                            const nj_engine_picture *picture, cJSON *record,
                            nj_err *err)
{
    const nj_engine_facts *facts = from->facts;
    char identity[65];
    nj_status status = nj_record_identity(from, image, identity, err);

    if (status != NJ_OK)
        return status;
    if (!add_number(record, "version", NJ_RECORD_VERSION) ||
        !add_text(record, "program", "nightjar " NJ_VERSION) ||
        !add_text(record, "commit", nj_version_commit()) ||
        !add_text(record, "identity", identity) ||
        !add_number(record, "iteration", picture->iteration) ||
        !add_number(record, "iterations", picture->iterations) ||
        !add_number(record, "clip_loss", picture->clip_loss) ||
        !add_pixels_sum(record, picture) ||
        !add_text(record, "device", facts->device) ||
        !add_text(record, "precision", nj_precision_name(picture->precision)) ||
        !add_text(record, "libtorch", facts->libtorch) ||
        !add_preset(record, &nj_plan_group(from->job, image)->options) ||
        !add_init_sum(record, nj_plan_group(from->job, image)) ||
        !add_origins(record, &nj_plan_group(from->job, image)->options) ||
        !add_flags(record, &from->job->files.flags))
        return no_memory(err);
    return add_weights(from, image, record, err);
}

static nj_status make_json(const nj_record_source *from, const nj_image *image,
                           const nj_engine_picture *picture, char **json,
                           nj_err *err)
{
    cJSON *job = cJSON_CreateObject();
    cJSON *record;
    nj_status status = NJ_OK;

    if (!job ||
        !add_picture_keys(job, from->job, image,
                          NJ_OF_PICTURE | NJ_OF_RECORD) ||
        !replace_used(job, from, nj_plan_group(from->job, image), picture) ||
        !add_model_keys(job, &from->job->files) ||
        !(record = cJSON_AddObjectToObject(job, "record")))
        status = no_memory(err);
    else
        status = add_record(from, image, picture, record, err);
    if (status == NJ_OK && !(*json = nj_json_print(job)))
        status = no_memory(err);
    cJSON_Delete(job);
    return status;
}

static const char *sampler_name(nj_sampler s)
{
    return s == NJ_DDPM ? "DDPM" : s == NJ_DDIM ? "DDIM" : "PLMS";
}

/* The form that stable-diffusion-webui made common: the prompt, then one line
 * of "Name: value" pairs. */
static nj_status make_parameters(const nj_record_source *from,
                                 const nj_image *image,
                                 const nj_engine_picture *picture, char **out,
                                 nj_err *err)
{
    const nj_settings *s = &nj_plan_group(from->job, image)->options.settings;
    const char *model = nj_path_name(from->job->files.unet);
    char scale[NJ_NUMBER_TEXT_MAX];
    nj_str text = {0};
    const char *hex;
    uint64_t bytes;
    nj_status status = nj_sums_get(from->sums, 0, &hex, &bytes, err);

    if (status != NJ_OK)
        return status;
    nj_format_digits(s->clip_guidance_scale, 6, scale);
    nj_str_add(&text, nj_plan_prompt(from->job, image)->text);
    nj_str_addf(&text,
                "\nSteps: %d, Sampler: %s, CLIP guidance scale: %s, Seed: "
                "%" PRIu64 ", Size: %dx%d, Model hash: %.10s, Model: %.*s, "
                "Version: nightjar " NJ_VERSION,
                picture->iterations, sampler_name(s->sampler), scale,
                image->seed, picture->width, picture->height, hex,
                (int)strcspn(model, "."), model);
    *out = nj_str_take(&text);
    return *out ? NJ_OK : no_memory(err);
}

nj_status nj_record_make(const nj_record_source *from, const nj_image *image,
                         const nj_engine_picture *picture, char **json,
                         char **parameters, nj_err *err)
{
    nj_status status = make_json(from, image, picture, json, err);

    if (status != NJ_OK)
        return status;
    status = make_parameters(from, image, picture, parameters, err);
    if (status != NJ_OK)
        free(*json);
    return status;
}

nj_status nj_record_encode(const nj_record_source *from, const nj_image *image,
                           const nj_engine_picture *p, uint8_t **bytes,
                           size_t *n, nj_err *err)
{
    nj_picture picture = {p->width, p->height, 3, (uint8_t *)(uintptr_t)p->rgb};
    nj_png_text texts[2] = {{NJ_RECORD_KEYWORD, NULL, 1},
                            {NJ_RECORD_PARAMETERS, NULL, 0}};
    char *json = NULL;
    char *parameters = NULL;
    nj_status status = nj_record_make(from, image, p, &json, &parameters, err);

    if (status != NJ_OK)
        return status;
    texts[0].text = json;
    texts[1].text = parameters;
    status = nj_png_encode(&picture, texts, 2, bytes, n, err);
    free(json);
    free(parameters);
    return status;
}

static void identity_in(const char *text, char identity[65])
{
    cJSON *json;
    const char *found;

    if (nj_json_parse(text, strlen(text), &json, NULL) != NJ_OK)
        return;
    found = nj_json_string(nj_json_get(json, "record"), "identity", "");
    if (strlen(found) == 64)
        memcpy(identity, found, 65);
    cJSON_Delete(json);
}

nj_status nj_record_identity_of(const char *path, char identity[65],
                                nj_err *err)
{
    char *bytes;
    char *text = NULL;
    size_t n;
    nj_status status = nj_file_read(path, RECORD_FILE_MAX, &bytes, &n, err);

    identity[0] = '\0';
    if (status != NJ_OK)
        return status;
    status = nj_png_find_text((const uint8_t *)bytes, n, NJ_RECORD_KEYWORD,
                              &text, err);
    free(bytes);
    if (status != NJ_OK)
        return nj_err_add(err, "cannot read the record of '%s'", path);
    if (text)
        identity_in(text, identity);
    free(text);
    return NJ_OK;
}

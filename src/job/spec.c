/* Jobs: see spec.h. Checks are ordered from cheap to costly. */
#include "job/spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "image/picture.h"
#include "job/check.h"
#include "job/device.h"
#include "job/preset.h"
#include "job/shard.h"
#include "job/target.h"
#include "text/tokenizer.h"

static void release_group(nj_group *g)
{
    nj_options_release(&g->options);
    for (size_t i = 0; i < g->prompt_count; i++) {
        free(g->prompts[i].text);
        nj_prompt_release(&g->prompts[i].parsed);
    }
    free(g->prompts);
    nj_seeds_release(&g->seeds);
    nj_list_release(&g->swept);
    free(g->init_rgb);
    *g = (nj_group){0};
}

void nj_job_release(nj_job *job)
{
    for (size_t i = 0; i < job->group_count; i++)
        release_group(&job->groups[i]);
    free(job->groups);
    nj_model_files_release(&job->files);
    nj_video_encoder_release(&job->video);
    *job = (nj_job){0};
}

/* ---- seeds ----------------------------------------------------------------
 */

/* Once for the whole job, so that its parts and the values of a sweep differ in
 * nothing but themselves. 32 bits, as the notebooks draw it: enough, and easy
 * to type again. */
static nj_status draw_seed(nj_job *job, nj_err *err)
{
    uint32_t drawn;

    if (job->seed_drawn)
        return NJ_OK;
    if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
        return nj_fail(err, NJ_E_IO, "cannot draw a seed: %s", strerror(errno));
    job->drawn_seed = drawn;
    job->seed_drawn = true;
    return NJ_OK;
}

static nj_status one_of(const nj_options *o, const char *a, const char *b,
                        nj_err *err)
{
    bool in_job = nj_options_origin(o, a) == NJ_FROM_JOB;

    if (!nj_options_given(o, a) ||
        nj_options_origin(o, a) != nj_options_origin(o, b))
        return NJ_OK;
    nj_fail(err, NJ_E_USAGE,
            in_job ? "keys '%s' and '%s' are both given, one of them is "
                     "expected"
                   : "options '--%s' and '--%s' are both given, one of them is "
                     "expected",
            a, b);
    return in_job ? nj_options_blame_place(o, 0, err) : NJ_E_USAGE;
}

static nj_status resolve_seeds(nj_job *job, nj_group *g, nj_err *err)
{
    const nj_options *o = &g->options;
    uint64_t first = o->seed;
    nj_status status = one_of(o, "seed", "seeds", err);

    if (status == NJ_OK)
        status = one_of(o, "n", "seeds", err);
    if (status != NJ_OK)
        return status;
    if (o->seeds.count &&
        nj_options_origin(o, "seeds") >= nj_options_origin(o, "seed"))
        return nj_seeds_copy(&o->seeds, &g->seeds, err);
    if (!nj_options_given(o, "seed")) {
        g->seed_drawn = true;
        status = draw_seed(job, err);
        first = job->drawn_seed;
    }
    if (status != NJ_OK)
        return status;
    if (nj_seeds_row(first, (uint64_t)o->n, &g->seeds, err) != NJ_OK)
        return nj_options_blame(o, "seed", err);
    return NJ_OK;
}

nj_status nj_job_use_seed(nj_job *job, uint64_t seed, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++) {
        nj_group *g = &job->groups[i];

        if (!g->seed_drawn)
            continue;
        nj_seeds_release(&g->seeds);
        status = nj_seeds_row(seed, (uint64_t)g->options.n, &g->seeds, err);
    }
    job->drawn_seed = seed;
    return status;
}

/* ---- prompts
 * ------------------------------------------------------------------ */

/* An --image-prompt as a further part of a prompt. */
static nj_status add_image_part(nj_prompt *p, const char *text, nj_err *err)
{
    nj_prompt one;
    nj_prompt_part *parts;
    nj_status status = nj_prompt_parse_image(text, &one, err);

    if (status != NJ_OK)
        return status;
    parts = nj_realloc(p->parts, p->count + 1, sizeof(*p->parts));
    if (!parts) {
        nj_prompt_release(&one);
        return nj_fail(err, NJ_E_MEMORY, "no memory for prompts");
    }
    p->parts = parts;
    parts[p->count++] = one.parts[0];
    free(one.parts);
    return NJ_OK;
}

static nj_status check_pictures(const nj_prompt *p, nj_err *err)
{
    nj_picture picture;
    nj_status status = NJ_OK;

    for (size_t i = 0; i < p->count && status == NJ_OK; i++) {
        if (!p->parts[i].image)
            continue;
        status = nj_picture_read(p->parts[i].text, NJ_PICTURE_PIXELS_MAX,
                                 &picture, err);
        if (status == NJ_OK)
            nj_picture_release(&picture);
    }
    return status;
}

static nj_status check_weights(const nj_prompt *p, nj_err *err)
{
    double *weights = nj_calloc(p->count, sizeof(*weights));
    nj_status status;

    if (!weights)
        return nj_fail(err, NJ_E_MEMORY, "no memory for prompts");
    for (size_t i = 0; i < p->count; i++)
        weights[i] = p->parts[i].weight;
    status = nj_prompt_normalise(weights, p->count, err);
    free(weights);
    return status;
}

static nj_status blame_prompt(const nj_options *o, const char *text, int line,
                              nj_err *err)
{
    nj_err_add(err, "prompt '%.200s'", text);
    return nj_options_blame_place(o, line, err);
}

static nj_status resolve_prompt(const nj_options *o, const char *text, int line,
                                nj_job_prompt *out, nj_err *err)
{
    nj_status status;

    if (!nj_utf8_valid(text, strlen(text))) {
        nj_fail(err, NJ_E_USAGE, "it is not valid UTF-8");
        return blame_prompt(o, text, line, err);
    }
    out->line = line;
    out->text = nj_strdup(text);
    if (!out->text)
        return nj_fail(err, NJ_E_MEMORY, "no memory for prompts");
    status = nj_prompt_parse(text, &out->parsed, err);
    if (status == NJ_OK)
        status = check_pictures(&out->parsed, err);
    if (status != NJ_OK)
        return blame_prompt(o, text, line, err);
    for (size_t i = 0; i < o->image_prompt.count && status == NJ_OK; i++)
        status = add_image_part(&out->parsed, o->image_prompt.items[i], err);
    if (status == NJ_OK && o->image_prompt.count)
        status = check_pictures(&out->parsed, err);
    if (status != NJ_OK)
        return nj_options_blame(o, "image-prompt", err);
    status = check_weights(&out->parsed, err);
    return status == NJ_OK ? NJ_OK : blame_prompt(o, text, line, err);
}

struct place {
    const char *text;
    size_t at;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = strcmp(x->text, y->text);

    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Marks the texts that stand before; the caller frees the marks, NULL when
 * memory is short. */
static bool *mark_repeats(const nj_list *texts)
{
    struct place *places = nj_calloc(texts->count, sizeof(*places));
    bool *marks = places ? nj_calloc(texts->count, sizeof(*marks)) : NULL;

    for (size_t i = 0; marks && i < texts->count; i++)
        places[i] = (struct place){texts->items[i], i};
    if (marks)
        qsort(places, texts->count, sizeof(*places), compare_places);
    for (size_t i = 1; marks && i < texts->count; i++)
        marks[places[i].at] = strcmp(places[i].text, places[i - 1].text) == 0;
    free(places);
    return marks;
}

/* A prompt that is given twice is one prompt: its pictures would be the same.
 */
static nj_status resolve_prompts(nj_group *g, const nj_wish *wish, nj_err *err)
{
    const nj_list *prompts = &wish->prompts;
    nj_status status = NJ_OK;
    bool *repeats;

    if (prompts->count == 0)
        return nj_fail(err, NJ_E_USAGE,
                       "a prompt is expected, such as: "
                       "nightjar generate \"a red boat\"");
    g->prompts = nj_calloc(prompts->count, sizeof(*g->prompts));
    repeats = mark_repeats(prompts);
    if (!g->prompts || !repeats)
        status = nj_fail(err, NJ_E_MEMORY, "no memory for prompts");
    for (size_t i = 0; i < prompts->count && status == NJ_OK; i++) {
        if (!repeats[i])
            status = resolve_prompt(&g->options, prompts->items[i],
                                    nj_wish_line(wish, i),
                                    &g->prompts[g->prompt_count++], err);
    }
    free(repeats);
    return status;
}

nj_status nj_job_count(const nj_job *job, uint64_t *pictures, uint64_t *rounds,
                       nj_err *err)
{
    uint64_t total = 0;

    *rounds = 0;
    for (size_t i = 0; i < job->group_count; i++) {
        const nj_group *g = &job->groups[i];
        uint64_t seeds = nj_seeds_total(&g->seeds);
        uint64_t more;

        if (seeds > *rounds)
            *rounds = seeds;
        if (__builtin_mul_overflow(seeds, g->prompt_count, &more) ||
            __builtin_add_overflow(total, more, &total) ||
            total > NJ_JOB_PICTURES_MAX)
            return nj_fail(err, NJ_E_USAGE,
                           "the job has more than %d pictures, fewer seeds or "
                           "prompts are expected",
                           NJ_JOB_PICTURES_MAX);
    }
    *pictures = total;
    return NJ_OK;
}

/* ---- groups
 * ----------------------------------------------------------------------- */

static nj_status apply_card(const nj_model_files *files, nj_options *o,
                            nj_err *err)
{
    const cJSON *item;
    nj_status status = NJ_OK;

    cJSON_ArrayForEach(item, files->defaults)
    {
        if (status == NJ_OK)
            status =
                nj_options_set_json(o, item->string, item, NJ_FROM_CARD, err);
    }
    return status == NJ_OK ? NJ_OK
                           : nj_err_add(err, "model card '%s'", files->card);
}

static nj_status resolve_group(const nj_model_files *files, nj_group *g,
                               nj_err *err)
{
    nj_status status = apply_card(files, &g->options, err);

    if (status == NJ_OK)
        status =
            nj_check_settings(&g->options, &files->flags, &g->iterations, err);
    if (status == NJ_OK)
        status =
            nj_check_init_image(&g->options, &g->init_rgb, g->init_sha256, err);
    return status;
}

/* What needs no model file, first: the answer comes at once. */
static nj_status begin_group(const nj_wish *wish, const char *program_folder,
                             nj_job *job, nj_group *g, nj_err *err)
{
    nj_status status = nj_options_copy(&wish->options, &g->options, err);

    if (status == NJ_OK && !nj_list_add_all(&g->swept, &wish->swept))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    if (status == NJ_OK)
        status = nj_preset_resolve(&g->options, program_folder, err);
    if (status == NJ_OK)
        status = resolve_seeds(job, g, err);
    return status == NJ_OK ? resolve_prompts(g, wish, err) : status;
}

/* Presets may differ in what holds for the whole job. */
static nj_status begin_all(const nj_request *request,
                           const char *program_folder, nj_job *job, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++) {
        status = begin_group(&request->wishes[i], program_folder, job,
                             &job->groups[i], err);
        if (status == NJ_OK && i > 0)
            status = nj_check_whole(&job->groups[0].options,
                                    &job->groups[i].options, err);
    }
    return status;
}

static nj_status check_tokens(const nj_tokenizer *t, const nj_group *g,
                              size_t context, nj_err *err)
{
    int64_t *row = nj_calloc(context, sizeof(*row));
    nj_status status =
        row ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "no memory for prompts");

    for (size_t i = 0; i < g->prompt_count; i++) {
        const nj_prompt *p = &g->prompts[i].parsed;

        for (size_t k = 0; k < p->count && status == NJ_OK; k++) {
            const nj_prompt_part *part = &p->parts[k];
            const char *text = nj_settings_have_quirks(&g->options.settings)
                                   ? part->written
                                   : part->text;

            if (part->image)
                continue;
            status = nj_tokenizer_row(t, text, strlen(text),
                                      g->options.truncate, context, row, err);
            if (status != NJ_OK)
                blame_prompt(&g->options, text, g->prompts[i].line, err);
        }
    }
    free(row);
    return status;
}

static nj_status check_all_tokens(const nj_job *job, nj_err *err)
{
    nj_tokenizer *t = NULL;
    nj_status status = nj_tokenizer_open(job->files.vocabulary,
                                         job->files.vocabulary_size, &t, err);

    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++)
        status = check_tokens(t, &job->groups[i], job->files.context, err);
    nj_tokenizer_free(t);
    return status;
}

/* Shards that draw seeds of their own would not be parts of one job. */
static nj_status resolve_shard(nj_job *job, nj_err *err)
{
    nj_status status = nj_shard_parse(job->groups[0].options.shard, &job->shard,
                                      &job->shards, err);

    if (status == NJ_OK && job->seed_drawn && job->shards > 1)
        status = nj_fail(err, NJ_E_USAGE,
                         "shards need '--seed' or '--seeds', so that they are "
                         "parts of the same job");
    return status;
}

bool nj_group_compares(const nj_group *g)
{
    const nj_settings *s = &g->options.settings;

    return s->init_scale != 0 && (g->init_rgb || s->perlin_init);
}

/* The networks of the init loss, when a group has one. */
static nj_status find_lpips(nj_job *job, const char *program_folder,
                            nj_err *err)
{
    for (size_t i = 0; i < job->group_count; i++) {
        if (nj_group_compares(&job->groups[i]))
            return nj_model_files_find_lpips(&job->groups[0].options,
                                             program_folder, &job->files, err);
    }
    return NJ_OK;
}

static nj_status resolve(const nj_request *request, const char *program_folder,
                         nj_job *job, nj_err *err)
{
    const nj_options *first = &job->groups[0].options;
    nj_status status = begin_all(request, program_folder, job, err);
    uint64_t pictures;
    uint64_t rounds;

    if (status == NJ_OK)
        status = nj_job_count(job, &pictures, &rounds, err);
    if (status != NJ_OK)
        return status;
    job->out = first->out;
    status = resolve_shard(job, err);
    if (status != NJ_OK)
        return nj_options_blame(first, "shard", err);
    if (nj_device_parse(first->device, &job->device, &job->device_index, err) !=
        NJ_OK)
        return nj_options_blame(first, "device", err);
    if (first->video &&
        nj_video_encoder_find(first->video_format, &job->video, err) != NJ_OK)
        return nj_options_blame(first, "video-format", err);
    status = nj_model_files_find(first, program_folder, &job->files, err);
    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++)
        status = resolve_group(&job->files, &job->groups[i], err);
    if (status == NJ_OK)
        status = find_lpips(job, program_folder, err);
    if (status == NJ_OK)
        status = check_all_tokens(job, err);
    if (status == NJ_OK)
        status = nj_job_tag(job, err);
    if (status == NJ_OK && nj_check_out(job->out, true, err) != NJ_OK)
        status = nj_options_blame(first, "out", err);
    return status;
}

nj_status nj_job_open(const nj_request *request, const char *program_folder,
                      nj_job *job, nj_err *err)
{
    *job = (nj_job){0};
    job->groups = nj_calloc(request->count, sizeof(*job->groups));
    if (!job->groups)
        return nj_fail(err, NJ_E_MEMORY, "no memory for the job");
    job->group_count = request->count;
    return resolve(request, program_folder, job, err);
}

void nj_job_engine_config(const nj_job *job, nj_engine_config *out)
{
    const nj_options *o = &job->groups[0].options;

    *out = (nj_engine_config){
        .unet_path = job->files.unet,
        .unet = job->files.flags,
        .clips = job->files.clip_count,
        .secondary_path = job->files.secondary,
        .lpips_path = job->files.lpips,
        .vgg_path = job->files.vgg,
        .vocabulary_path = job->files.vocabulary,
        .device = job->device,
        .device_index =
            job->device_index == NJ_DEVICE_ALL ? 0 : job->device_index,
        .precision = o->precision,
        .threads = o->threads,
        .fast = o->fast,
    };
    for (size_t i = 0; i < job->files.clip_count; i++) {
        out->clip_paths[i] = job->files.clips[i];
        out->clip_weights[i] = job->files.clip_weights[i];
    }
}

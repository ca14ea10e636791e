/* Targets: see target.h. */
#include "job/target.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"
#include "job/names.h"

void nj_target_release(nj_target *t)
{
    free(t->path);
    free(t->keep);
    *t = (nj_target){0};
}

#define EXTRAS_MAX 32

/* The values of swept options, as a name shows them. */
static nj_status swept_values(const nj_group *g, nj_name_extra *extras,
                              char **values, nj_err *err)
{
    for (size_t i = 0; i < g->swept.count; i++) {
        const char *name = g->swept.items[i];

        values[i] =
            nj_options_text(&g->options, nj_option_find(name, strlen(name)));
        if (!values[i])
            return nj_fail(err, NJ_E_MEMORY, "no memory for names");
        extras[i] = (nj_name_extra){name, values[i]};
    }
    return NJ_OK;
}

nj_status nj_target_name(const nj_job *job, const nj_image *image,
                         int iteration, const char *identity, char **out,
                         nj_err *err)
{
    const nj_group *g = nj_plan_group(job, image);
    nj_name_extra extras[EXTRAS_MAX + 1];
    char *values[EXTRAS_MAX] = {NULL};
    nj_name name = {
        .prompt = nj_plan_prompt(job, image)->text,
        .iteration = iteration,
        .seed = image->seed,
        .extras = extras,
        .extra_count = g->swept.count + (identity != NULL),
    };
    nj_status status = NJ_OK;

    if (g->swept.count > EXTRAS_MAX)
        return nj_fail(err, NJ_E_USAGE, "more than %d options are swept",
                       EXTRAS_MAX);
    status = swept_values(g, extras, values, err);
    extras[g->swept.count] = (nj_name_extra){"id", identity};
    if (status == NJ_OK)
        status = nj_name_make(&name, out, err);
    for (size_t i = 0; i < g->swept.count; i++)
        free(values[i]);
    return status;
}

/* `identity`: NULL, or as much of one as has 8 digits. */
static nj_status make_path(const nj_job *job, const nj_image *image,
                           int iteration, const char *identity, char **path,
                           nj_err *err)
{
    char *name = NULL;
    char tag[9] = "";
    nj_status status;

    if (identity)
        memcpy(tag, identity, 8);
    status = nj_target_name(job, image, iteration, identity ? tag : NULL, &name,
                            err);
    if (status != NJ_OK)
        return status;
    free(*path);
    *path = nj_path_join(job->out, name);
    free(name);
    return *path ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "no memory for names");
}

static bool exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* A file that is no PNG or holds no record is another picture. */
static bool is_picture(const char *path, const char *identity)
{
    char found[65];

    return nj_record_identity_of(path, found, NULL) == NJ_OK &&
           strcmp(found, identity) == 0;
}

static bool overwrites(const nj_job *job)
{
    return job->groups[0].options.overwrite;
}

static nj_status find_tagged(const nj_record_source *from,
                             const nj_image *image, int iteration,
                             const char *identity, nj_target *out, nj_err *err)
{
    nj_status status =
        make_path(from->job, image, iteration, identity, &out->path, err);

    if (status != NJ_OK || !exists(out->path))
        return status;
    out->done = is_picture(out->path, identity);
    return out->done
               ? NJ_OK
               : nj_fail(err, NJ_E_IO, "'%s' is another picture", out->path);
}

/* The plain name instead, when the picture that has it can be kept under
 * another one: only a picture with a record can, any other file stays where it
 * is. */
static nj_status take_name(const nj_job *job, const nj_image *image,
                           int iteration, nj_target *out, nj_err *err)
{
    char identity[65] = "";
    char *plain = NULL;
    nj_status status = make_path(job, image, iteration, NULL, &plain, err);

    if (status == NJ_OK &&
        nj_record_identity_of(plain, identity, NULL) == NJ_OK &&
        strlen(identity) >= 8)
        status = make_path(job, image, iteration, identity, &out->keep, err);
    if (status == NJ_OK && out->keep && exists(out->keep) &&
        !is_picture(out->keep, identity)) {
        free(out->keep);
        out->keep = NULL;
    }
    if (status == NJ_OK && out->keep) {
        free(out->path);
        out->path = plain;
        plain = NULL;
    }
    free(plain);
    return status;
}

nj_status nj_target_find(const nj_record_source *from, const nj_image *image,
                         int iteration, nj_target *out, nj_err *err)
{
    bool tagged = nj_plan_prompt(from->job, image)->tagged;
    char identity[65];
    nj_status status;

    *out = (nj_target){0};
    status = make_path(from->job, image, iteration, NULL, &out->path, err);
    if (status != NJ_OK || (!tagged && !exists(out->path)))
        return status;
    status = nj_record_identity(from, image, identity, err);
    if (status == NJ_OK) {
        out->done = !tagged && is_picture(out->path, identity);
        if (out->done)
            return NJ_OK;
        status = find_tagged(from, image, iteration, identity, out, err);
    }
    if (status == NJ_OK && !out->done && !tagged && overwrites(from->job))
        status = take_name(from->job, image, iteration, out, err);
    if (status != NJ_OK)
        nj_target_release(out);
    return status;
}

/* ---- names that meet
 * ---------------------------------------------------------- */

struct named {
    char *name;
    const char *print; /* of the settings, where names meet; else NULL */
    const char *text;
    uint32_t group;
    uint32_t prompt;
};

/* Fingerprints of groups' settings, each made when it is first asked for. */
typedef char fingerprint[65];

static int by_place(const struct named *x, const struct named *y)
{
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->prompt < y->prompt ? -1 : x->prompt > y->prompt;
}

static int by_name(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : by_place(x, y);
}

static int compare_pictures(const struct named *x, const struct named *y)
{
    int order = strcmp(x->print, y->print);

    return order ? order : strcmp(x->text, y->text);
}

static int by_picture(const void *a, const void *b)
{
    int order = compare_pictures(a, b);

    return order ? order : by_place(a, b);
}

static nj_status take_print(const nj_group *g, char *print, nj_err *err)
{
    cJSON *all = print[0] ? NULL : cJSON_CreateObject();
    char *text;

    if (print[0])
        return NJ_OK;
    text = all && nj_options_to_json(&g->options, NJ_OF_PICTURE, all)
               ? nj_json_print(all)
               : NULL;
    cJSON_Delete(all);
    if (!text)
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    nj_sha256(text, strlen(text), print);
    cJSON_free(text);
    return NJ_OK;
}

/* Prompts whose files would have the same names: what is another picture than
 * that of the first one is tagged. */
static nj_status tell_apart(nj_job *job, fingerprint *prints, struct named *run,
                            size_t count, nj_err *err)
{
    struct named first;

    for (size_t i = 0; i < count; i++) {
        const nj_group *g = &job->groups[run[i].group];
        nj_status status = take_print(g, prints[run[i].group], err);

        if (status != NJ_OK)
            return status;
        run[i].print = prints[run[i].group];
        run[i].text = g->prompts[run[i].prompt].text;
    }
    first = run[0];
    qsort(run, count, sizeof(*run), by_picture);
    for (size_t i = 0; i < count; i++) {
        nj_job_prompt *p = &job->groups[run[i].group].prompts[run[i].prompt];
        const struct named *before = i ? &run[i - 1] : NULL;

        p->tagged = compare_pictures(&run[i], &first) != 0;
        if (before && compare_pictures(before, &run[i]) == 0)
            p->kin = job->groups[before->group].prompts[before->prompt].kin;
    }
    return NJ_OK;
}

static nj_status tell_all_apart(nj_job *job, struct named *all, size_t count,
                                nj_err *err)
{
    fingerprint *prints = nj_calloc(job->group_count, sizeof(*prints));
    nj_status status =
        prints ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "no memory for names");

    for (size_t i = 0; i < count && status == NJ_OK;) {
        size_t n = 1;

        while (i + n < count && strcmp(all[i].name, all[i + n].name) == 0)
            n++;
        if (n > 1)
            status = tell_apart(job, prints, &all[i], n, err);
        i += n;
    }
    free(prints);
    return status;
}

static nj_status name_all(nj_job *job, struct named *all, size_t *count,
                          nj_err *err)
{
    for (uint32_t g = 0; g < job->group_count; g++) {
        for (uint32_t p = 0; p < job->groups[g].prompt_count; p++) {
            nj_image image = {g, p, 0};
            nj_status status =
                nj_target_name(job, &image, 0, NULL, &all[*count].name, err);

            if (status != NJ_OK)
                return status;
            all[*count].group = g;
            all[*count].prompt = p;
            job->groups[g].prompts[p].kin = ++*count;
        }
    }
    return NJ_OK;
}

nj_status nj_job_tag(nj_job *job, nj_err *err)
{
    struct named *all;
    size_t room = 0;
    size_t count = 0;
    nj_status status;

    for (size_t g = 0; g < job->group_count; g++)
        room += job->groups[g].prompt_count;
    all = nj_calloc(room, sizeof(*all));
    if (!all)
        return nj_fail(err, NJ_E_MEMORY, "no memory for names");
    status = name_all(job, all, &count, err);
    if (status == NJ_OK) {
        qsort(all, count, sizeof(*all), by_name);
        status = tell_all_apart(job, all, count, err);
    }
    for (size_t i = 0; i < count; i++)
        free(all[i].name);
    free(all);
    return status;
}

/* Progress: see progress.h. */
#include "job/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void nj_progress_note(nj_progress *p, const nj_event *event, double now)
{
    p->now = now;
    p->tally = *event->tally;
    switch (event->kind) {
    case NJ_EVENT_BATCH:
        p->batch_began = now;
        p->images = event->images;
        p->iteration = 0;
        p->iterations = event->iterations;
        break;
    case NJ_EVENT_STEP:
        p->iteration = event->iteration + 1;
        p->iterations = event->iterations;
        if (p->iteration == p->iterations && p->images)
            p->image_seconds = (now - p->batch_began) / (double)p->images;
        break;
    default:
        break;
    }
}

/* Seconds per picture: from the last whole batch, else from the steps so far.
 */
static double seconds_per_image(const nj_progress *p)
{
    if (p->image_seconds > 0)
        return p->image_seconds;
    if (!p->iteration || !p->images)
        return -1;
    return (p->now - p->batch_began) * p->iterations / p->iteration /
           (double)p->images;
}

double nj_progress_left(const nj_progress *p)
{
    double each = seconds_per_image(p);
    size_t done = p->tally.made + p->tally.skipped + p->tally.failed;
    double left;

    if (each < 0)
        return -1;
    left = (double)(p->tally.planned - done) * each;
    if (p->iteration < p->iterations)
        left -= (double)p->images * each * p->iteration / p->iterations;
    return left > 0 ? left : 0;
}

void nj_duration_text(double seconds, nj_str *out)
{
    long s = (long)(seconds + 0.5);

    if (s < 120)
        nj_str_addf(out, "%ld s", s);
    else if (s < 7200)
        nj_str_addf(out, "%ld min", (s + 30) / 60);
    else
        nj_str_addf(out, "%ld h %02ld min", s / 3600, s % 3600 / 60);
}

static void add_bar(const nj_progress *p, size_t width, nj_str *out)
{
    size_t done = p->tally.made + p->tally.skipped + p->tally.failed;
    double part = p->iterations && p->iteration < p->iterations
                      ? (double)p->images * p->iteration / p->iterations
                      : 0;
    double share =
        p->tally.planned ? ((double)done + part) / (double)p->tally.planned : 0;
    size_t full = (size_t)(share * (double)width);

    nj_str_addc(out, '[');
    for (size_t i = 0; i < width; i++)
        nj_str_addc(out, i < full ? '#' : '.');
    nj_str_addc(out, ']');
}

void nj_progress_line(const nj_progress *p, size_t columns, nj_str *out)
{
    size_t done = p->tally.made + p->tally.skipped + p->tally.failed;
    double left = nj_progress_left(p);
    size_t start = out->length;

    add_bar(p, columns >= 60 ? 20 : 8, out);
    nj_str_addf(out, " %zu/%zu", done, p->tally.planned);
    if (p->iterations)
        nj_str_addf(out, "  step %d/%d", p->iteration, p->iterations);
    if (left >= 0) {
        nj_str_add(out, "  ");
        nj_duration_text(left, out);
        nj_str_add(out, " left");
        nj_str_addf(out, "  %.0f/h", 3600 / seconds_per_image(p));
    }
    if (p->tally.failed)
        nj_str_addf(out, "  %zu failed", p->tally.failed);
    /* All of it is ASCII: a byte is a cell. */
    if (columns && out->length - start > columns - 1 && out->text) {
        out->length = start + columns - 1;
        out->text[out->length] = '\0';
    }
}

static void add_visible(nj_str *out, const char *text)
{
    nj_str_add_visible(out, text, strlen(text));
}

static void add_place(const nj_progress *p, nj_str *out)
{
    size_t done = p->tally.made + p->tally.skipped + p->tally.failed;

    nj_str_addf(out, "[%zu/%zu] ", done, p->tally.planned);
}

static void add_saved(const nj_progress *p, const nj_event *e, nj_str *out)
{
    double left = nj_progress_left(p);

    if (!e->picture->last) {
        add_visible(out, e->path);
        nj_str_add(out, "\n");
        return;
    }
    add_place(p, out);
    add_visible(out, e->path);
    if (left > 0) {
        nj_str_add(out, " (");
        nj_duration_text(left, out);
        nj_str_add(out, " left)");
    }
    nj_str_add(out, "\n");
}

void nj_progress_text(const nj_progress *p, const nj_event *event, nj_str *out)
{
    switch (event->kind) {
    case NJ_EVENT_LOADED:
        nj_str_add(out, "loaded on ");
        add_visible(out, event->facts->device);
        nj_str_addf(out, " in %.1f s\n", event->facts->load_seconds);
        break;
    case NJ_EVENT_SAVED:
        add_saved(p, event, out);
        break;
    case NJ_EVENT_SKIPPED:
        add_place(p, out);
        add_visible(out, event->path);
        nj_str_add(out, " is there already\n");
        break;
    case NJ_EVENT_FAILED:
        add_place(p, out);
        nj_str_addf(out, "failed, seed %" PRIu64 ": %s\n", event->image->seed,
                    event->why->text);
        break;
    default:
        break;
    }
}

static const char *json_word(const nj_event *e)
{
    switch (e->kind) {
    case NJ_EVENT_SAVED:
        return e->picture->last ? "made" : NULL;
    case NJ_EVENT_SKIPPED:
        return "skipped";
    case NJ_EVENT_FAILED:
        return "failed";
    default:
        return NULL;
    }
}

bool nj_progress_json(const nj_event *e, nj_str *out)
{
    const char *word = json_word(e);
    nj_str seed = {0};
    cJSON *o;
    char *text;

    if (!word)
        return true;
    o = cJSON_CreateObject();
    nj_str_addf(&seed, "%" PRIu64, e->image->seed);
    cJSON_AddStringToObject(o, "status", word);
    cJSON_AddNumberToObject(o, "number", (double)e->number + 1);
    cJSON_AddNumberToObject(o, "of", (double)e->tally->planned);
    cJSON_AddStringToObject(o, "prompt",
                            nj_plan_prompt(e->job, e->image)->text);
    cJSON_AddStringToObject(o, "seed", seed.text ? seed.text : "");
    if (e->path)
        cJSON_AddStringToObject(o, "path", e->path);
    if (e->picture) {
        cJSON_AddNumberToObject(o, "iteration", e->picture->iteration);
        cJSON_AddNumberToObject(o, "width", e->picture->width);
        cJSON_AddNumberToObject(o, "height", e->picture->height);
        cJSON_AddNumberToObject(o, "clip_loss", e->picture->clip_loss);
    }
    if (e->why)
        cJSON_AddStringToObject(o, "error", e->why->text);
    text = cJSON_PrintUnformatted(o);
    if (text)
        nj_str_addf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(o);
    nj_str_release(&seed);
    return text != NULL;
}

void nj_progress_summary(const nj_tally *t, nj_str *out)
{
    nj_str_addf(out, "%zu picture%s made", t->made, t->made == 1 ? "" : "s");
    if (t->skipped)
        nj_str_addf(out, ", %zu there already", t->skipped);
    if (t->failed)
        nj_str_addf(out, ", %zu failed", t->failed);
    if (t->planned > t->made + t->skipped + t->failed)
        nj_str_addf(out, ", %zu left",
                    t->planned - t->made - t->skipped - t->failed);
}

/* Progress: see progress.h. */
#include "run/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/number.h"

static size_t settled(const nj_tally *t)
{
    return t->made + t->skipped + t->failed;
}

void nj_progress_note(nj_progress *p, const nj_event *event, double now,
                      int64_t clock)
{
    p->now = now;
    p->clock = clock;
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
    size_t done = settled(&p->tally);
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
    long s = (long)nj_whole_of(seconds + 0.5);

    if (s < 120)
        nj_str_addf(out, "%ld s", s);
    else if (s < 7200)
        nj_str_addf(out, "%ld min", (s + 30) / 60);
    else
        nj_str_addf(out, "%ld h %02ld min", s / 3600, s % 3600 / 60);
}

void nj_bytes_text(uint64_t bytes, bool most, nj_str *out)
{
    const uint64_t kilo = 1000;
    const uint64_t mega = 1000 * kilo;
    bool giga = bytes >= 1000 * mega;
    uint64_t unit = giga ? 100 * mega : bytes >= mega ? 100 * kilo : kilo;
    uint64_t count = bytes / unit + (most && bytes % unit);

    if (unit == kilo)
        nj_str_addf(out, "%" PRIu64 " kB", count);
    else
        nj_str_addf(out, "%" PRIu64 ".%" PRIu64 " %s", count / 10, count % 10,
                    giga ? "GB" : "MB");
}

static bool local_time(int64_t when, struct tm *out)
{
    time_t t = (time_t)when;

    return localtime_r(&t, out) != NULL;
}

void nj_clock_text(int64_t when, int64_t now, nj_str *out)
{
    const int64_t six_days = 6 * 24 * 3600;
    struct tm then;
    struct tm today;
    char text[64] = "";

    if (!local_time(when, &then) || !local_time(now, &today))
        return;
    if (then.tm_yday == today.tm_yday && then.tm_year == today.tm_year)
        strftime(text, sizeof(text), "%H:%M", &then);
    else if (when > now && when - now < six_days)
        strftime(text, sizeof(text), "%a %H:%M", &then);
    else
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &then);
    nj_str_add(out, text);
}

void nj_rate_text(double per_hour, nj_str *out)
{
    if (per_hour < 100)
        nj_str_addf(out, "%.3g", per_hour);
    else
        nj_str_addf(out, "%.0f", per_hour);
}

void nj_stamp_text(int64_t when, nj_str *out)
{
    struct tm then;
    char text[64];

    if (local_time(when, &then) &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &then))
        nj_str_add(out, text);
}

static void add_bar(const nj_progress *p, size_t width, nj_str *out)
{
    size_t done = settled(&p->tally);
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

/* Parts of the line in their order. */
enum part { COUNT, STEP, RATE, LEFT, END, FAILURES, DISK, PARTS };

/* What goes first when the line is too narrow. */
static const enum part least_first[] = {DISK, RATE, STEP, END, LEFT};

static void add_parts(const nj_progress *p, nj_str parts[PARTS])
{
    double left = nj_progress_left(p);

    nj_str_addf(&parts[COUNT], " %zu/%zu", settled(&p->tally),
                p->tally.planned);
    if (p->iterations)
        nj_str_addf(&parts[STEP], "  step %d/%d", p->iteration, p->iterations);
    if (left >= 0) {
        nj_str_add(&parts[RATE], "  ");
        nj_rate_text(3600 / seconds_per_image(p), &parts[RATE]);
        nj_str_add(&parts[RATE], "/h");
        nj_str_add(&parts[LEFT], "  ");
        nj_duration_text(left, &parts[LEFT]);
        nj_str_add(&parts[LEFT], " left");
        nj_str_add(&parts[END], ", ");
        nj_clock_text(p->clock + nj_whole_of(left), p->clock, &parts[END]);
    }
    if (p->tally.failed)
        nj_str_addf(&parts[FAILURES], "  %zu failed", p->tally.failed);
    if (p->free_known) {
        nj_str_add(&parts[DISK], "  ");
        nj_bytes_text(p->free_bytes, false, &parts[DISK]);
        nj_str_add(&parts[DISK], " free");
    }
}

static size_t width_of(const nj_str parts[PARTS])
{
    size_t n = 0;

    for (int i = 0; i < PARTS; i++)
        n += parts[i].length;
    return n;
}

void nj_progress_line(const nj_progress *p, size_t columns, nj_str *out)
{
    const size_t bar_least = 8;
    const size_t bar_most = 20;
    nj_str parts[PARTS] = {{0}};
    size_t room = columns ? columns - 1 : 0;
    size_t start = out->length;
    size_t bar;

    add_parts(p, parts);
    for (size_t i = 0; i < sizeof(least_first) / sizeof(least_first[0]) &&
                       width_of(parts) + bar_least + 2 > room;
         i++)
        nj_str_release(&parts[least_first[i]]);
    bar = room > width_of(parts) + bar_least + 2 ? room - width_of(parts) - 2
                                                 : bar_least;
    add_bar(p, bar < bar_most ? bar : bar_most, out);
    for (int i = 0; i < PARTS; i++) {
        nj_str_add(out, parts[i].text ? parts[i].text : "");
        nj_str_release(&parts[i]);
    }
    if (out->length - start > room && out->text) {
        out->length = start + room;
        out->text[out->length] = '\0';
    }
}

static void add_visible(nj_str *out, const char *text)
{
    nj_str_add_visible(out, text, strlen(text));
}

static void add_place(const nj_progress *p, nj_str *out)
{
    size_t done = settled(&p->tally);

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

static void add_waiting(const nj_event *e, nj_str *out)
{
    nj_str_addf(out,
                "waiting for %zu picture%s that another process is making"
                ": process %ld%s has ",
                e->images, e->images == 1 ? "" : "s", e->pid, e->how);
    add_visible(out, e->path);
    nj_str_add(out, "\n");
}

static void add_loaded(const nj_event *event, nj_str *out)
{
    const nj_engine_facts *facts = event->facts;

    nj_str_add(out, "loaded on ");
    add_visible(out, facts->device);
    if (!facts->cuda && event->job->device == NJ_DEVICE_AUTO)
        nj_str_add(out, " (no usable GPU)");
    nj_str_addf(out, " in %.1f s\n", facts->load_seconds);
}

void nj_progress_text(const nj_progress *p, const nj_event *event, nj_str *out)
{
    switch (event->kind) {
    case NJ_EVENT_LOADED:
        add_loaded(event, out);
        break;
    case NJ_EVENT_SAVED:
        add_saved(p, event, out);
        break;
    case NJ_EVENT_SKIPPED:
        add_place(p, out);
        add_visible(out, event->path);
        nj_str_addf(out, " %s\n", event->how);
        break;
    case NJ_EVENT_KEPT:
        add_visible(out, event->how);
        nj_str_add(out, " was another picture, which is now ");
        add_visible(out, event->path);
        nj_str_add(out, "\n");
        break;
    case NJ_EVENT_VIDEO:
        add_visible(out, event->path);
        if (event->why)
            nj_str_addf(out, ": no video, %s", event->why->text);
        nj_str_add(out, "\n");
        break;
    case NJ_EVENT_VIDEOS:
        nj_str_add(out, "all pictures are made, finishing videos\n");
        break;
    case NJ_EVENT_FAILED:
        add_place(p, out);
        nj_str_addf(out, "failed, seed %" PRIu64 ": %s\n", event->image->seed,
                    event->why->text);
        break;
    case NJ_EVENT_RETRY:
        add_place(p, out);
        nj_str_addf(out, "seed %" PRIu64 ": %s; once more: %s\n",
                    event->image->seed, event->why->text, event->how);
        break;
    case NJ_EVENT_WAITING:
        add_waiting(event, out);
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
    case NJ_EVENT_KEPT:
        return "kept";
    case NJ_EVENT_FAILED:
        return "failed";
    case NJ_EVENT_VIDEO:
        return e->why ? "video failed" : "video";
    default:
        return NULL;
    }
}

/* What is known about the picture of an event. */
static void add_picture(cJSON *o, const nj_event *e)
{
    char seed[24];

    if (e->image) {
        snprintf(seed, sizeof(seed), "%" PRIu64, e->image->seed);
        cJSON_AddNumberToObject(o, "number", (double)e->number + 1);
        cJSON_AddNumberToObject(o, "of", (double)e->tally->planned);
        cJSON_AddStringToObject(o, "prompt",
                                nj_plan_prompt(e->job, e->image)->text);
        cJSON_AddStringToObject(o, "seed", seed);
    }
    if (e->path)
        cJSON_AddStringToObject(o, "path", e->path);
    if (e->kind == NJ_EVENT_KEPT)
        cJSON_AddStringToObject(o, "from", e->how);
    if (e->picture) {
        cJSON_AddNumberToObject(o, "iteration", e->picture->iteration);
        cJSON_AddNumberToObject(o, "width", e->picture->width);
        cJSON_AddNumberToObject(o, "height", e->picture->height);
        cJSON_AddNumberToObject(o, "clip_loss", e->picture->clip_loss);
    }
    if (e->why)
        cJSON_AddStringToObject(o, "error", e->why->text);
}

bool nj_progress_json(const nj_event *e, nj_str *out)
{
    const char *word = json_word(e);
    cJSON *o;

    if (!word)
        return true;
    o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "status", word);
    add_picture(o, e);
    return nj_json_add_line(o, out);
}

static const char *event_word(const nj_event *e)
{
    const char *word = json_word(e);

    switch (e->kind) {
    case NJ_EVENT_LOADING:
        return "loading";
    case NJ_EVENT_LOADED:
        return "loaded";
    case NJ_EVENT_BATCH:
        return "batch";
    case NJ_EVENT_STEP:
        return "step";
    case NJ_EVENT_SAVED:
        return word ? word : "saved";
    case NJ_EVENT_RETRY:
        return "retry";
    case NJ_EVENT_WAITING:
        return "waiting";
    default:
        return word ? word : "note";
    }
}

static void add_standing(cJSON *o, const nj_progress *p)
{
    double left = nj_progress_left(p);

    cJSON_AddNumberToObject(o, "planned", (double)p->tally.planned);
    cJSON_AddNumberToObject(o, "made", (double)p->tally.made);
    cJSON_AddNumberToObject(o, "skipped", (double)p->tally.skipped);
    cJSON_AddNumberToObject(o, "failed", (double)p->tally.failed);
    if (left < 0)
        return;
    cJSON_AddNumberToObject(o, "seconds_left", left);
    cJSON_AddNumberToObject(o, "pictures_per_hour",
                            3600 / seconds_per_image(p));
}

bool nj_progress_event(const nj_progress *p, const nj_event *e, nj_str *out)
{
    cJSON *o = cJSON_CreateObject();

    cJSON_AddStringToObject(o, "event", event_word(e));
    cJSON_AddNumberToObject(o, "time", (double)p->clock);
    if (e->kind == NJ_EVENT_STEP) {
        cJSON_AddNumberToObject(o, "iteration", e->iteration);
        cJSON_AddNumberToObject(o, "iterations", e->iterations);
    }
    if (e->how && e->how[0] && e->kind != NJ_EVENT_KEPT)
        cJSON_AddStringToObject(o, "how", e->how);
    if (e->pid)
        cJSON_AddNumberToObject(o, "pid", (double)e->pid);
    if (e->kind == NJ_EVENT_STEP || e->kind == NJ_EVENT_BATCH ||
        e->kind == NJ_EVENT_WAITING)
        cJSON_AddNumberToObject(o, "images", (double)e->images);
    if (e->facts)
        cJSON_AddStringToObject(o, "device", e->facts->device);
    add_picture(o, e);
    add_standing(o, p);
    return nj_json_add_line(o, out);
}

bool nj_progress_end(const nj_progress *p, const nj_tally *t, int exit,
                     const nj_err *why, nj_str *out)
{
    nj_progress end = *p;
    cJSON *o = cJSON_CreateObject();

    end.tally = *t;
    cJSON_AddStringToObject(o, "event", "end");
    cJSON_AddNumberToObject(o, "time", (double)p->clock);
    cJSON_AddNumberToObject(o, "exit_status", exit);
    if (why)
        cJSON_AddStringToObject(o, "error", why->text);
    add_standing(o, &end);
    return nj_json_add_line(o, out);
}

void nj_progress_summary(const nj_tally *t, nj_str *out)
{
    nj_str_addf(out, "%zu picture%s made", t->made, t->made == 1 ? "" : "s");
    if (t->skipped)
        nj_str_addf(out, ", %zu there already", t->skipped);
    if (t->failed)
        nj_str_addf(out, ", %zu failed", t->failed);
    if (t->videos)
        nj_str_addf(out, ", %zu video%s", t->videos, t->videos == 1 ? "" : "s");
    if (t->videos_failed)
        nj_str_addf(out, ", %zu video%s failed", t->videos_failed,
                    t->videos_failed == 1 ? "" : "s");
    if (t->planned > t->made + t->skipped + t->failed)
        nj_str_addf(out, ", %zu left",
                    t->planned - t->made - t->skipped - t->failed);
}

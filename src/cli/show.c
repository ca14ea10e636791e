/* Showing a run: see show.h. */
#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "job/estimate.h"

#define COLUMNS_MAX    80
#define DRAWS_A_SECOND 10
#define LOOK_SECONDS   10
#define SKIPPED_SHOWN  5 /* of a row of pictures that are there */

/* https://no-color.org */
static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

void nj_show_init(nj_show *s, const nj_options *o, const char *out)
{
    nj_show_style style = o->progress;

    *s = (nj_show){.quiet = o->quiet, .json = o->json, .out = out};
    s->events = style == NJ_SHOW_JSON;
    if (s->quiet || s->json || s->events)
        return;
    if (style == NJ_SHOW_AUTO)
        s->terminal = isatty(STDOUT_FILENO);
    else
        s->terminal = style == NJ_SHOW_BAR;
    s->colour = s->terminal && wants_colour();
}

/* Asked for every line, so that a resized window is no problem. */
static size_t columns(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return COLUMNS_MAX;
    return w.ws_col < COLUMNS_MAX ? w.ws_col : COLUMNS_MAX;
}

/* In a window that became narrower the line has been broken into several: all
 * of them are cleared. */
static void hide_line(nj_show *s)
{
    size_t rows = s->line_width ? (s->line_width - 1) / columns() : 0;

    if (!s->line_shown)
        return;
    if (rows)
        printf("\x1b[%zuA", rows);
    fputs("\r\x1b[J", stdout);
    s->line_shown = false;
}

static void show_line(nj_show *s)
{
    nj_str line = {0};

    hide_line(s);
    nj_progress_line(&s->progress, columns(), &line);
    if (line.text)
        fputs(line.text, stdout);
    s->line_shown = true;
    s->line_width = line.length;
    s->drawn = nj_seconds();
    nj_str_release(&line);
}

/* Lines of a log say when they were written. */
static void put_line(nj_show *s, const char *text, const char *before,
                     const char *after)
{
    nj_str stamp = {0};

    hide_line(s);
    if (!s->terminal) {
        nj_stamp_text((int64_t)time(NULL), &stamp);
        nj_str_addc(&stamp, ' ');
    }
    printf("%s%s%.*s%s\n", stamp.text ? stamp.text : "", before,
           (int)strcspn(text, "\n"), text, after);
    nj_str_release(&stamp);
}

void nj_show_note(nj_show *s, const char *format, ...)
{
    char raw[2048];
    nj_str safe = {0};
    va_list args;

    if (s->quiet)
        return;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    nj_str_add_visible(&safe, raw, strlen(raw));
    if (s->json || s->events)
        fprintf(stderr, "%s\n", safe.text ? safe.text : "");
    else
        put_line(s, safe.text ? safe.text : "", "", "");
    fflush(stdout);
    nj_str_release(&safe);
}

/* The disk's room changes slowly and asking may wait for a network. */
static void look_at_disk(nj_show *s)
{
    double now = nj_seconds();

    if (!s->terminal || (s->looked > 0 && now - s->looked < LOOK_SECONDS))
        return;
    s->looked = now;
    s->progress.free_known = nj_free_bytes(s->out, &s->progress.free_bytes);
}

static void draw(nj_show *s, const nj_event *event)
{
    bool step = event->kind == NJ_EVENT_STEP;

    if (!s->terminal || event->kind == NJ_EVENT_LOADING ||
        event->kind == NJ_EVENT_SKIPPED)
        return;
    if (step && s->line_shown && nj_seconds() - s->drawn < 1.0 / DRAWS_A_SECOND)
        return;
    show_line(s);
}

/* A night that goes on skips hundreds of pictures. */
static bool is_one_of_many(nj_show *s, const nj_event *event)
{
    char text[64];

    if (event->kind == NJ_EVENT_SKIPPED)
        return ++s->skipped > SKIPPED_SHOWN;
    if (s->skipped > SKIPPED_SHOWN) {
        snprintf(text, sizeof(text), "and %zu more",
                 s->skipped - SKIPPED_SHOWN);
        put_line(s, text, "", "");
    }
    s->skipped = 0;
    return false;
}

static void show_text(nj_show *s, const nj_event *event)
{
    bool red = s->colour && event->kind == NJ_EVENT_FAILED;
    nj_str text = {0};

    if (!is_one_of_many(s, event))
        nj_progress_text(&s->progress, event, &text);
    if (text.length)
        put_line(s, text.text, red ? "\x1b[31m" : "", red ? "\x1b[0m" : "");
    nj_str_release(&text);
}

void nj_show_event(nj_show *s, const nj_event *event)
{
    nj_str text = {0};

    nj_progress_note(&s->progress, event, nj_seconds(), (int64_t)time(NULL));
    look_at_disk(s);
    if (s->events)
        nj_progress_event(&s->progress, event, &text);
    else if (s->json)
        nj_progress_json(event, &text);
    else if (!s->quiet)
        show_text(s, event);
    if (text.length)
        fputs(text.text, stdout);
    draw(s, event);
    fflush(stdout);
    nj_str_release(&text);
}

void nj_show_end(nj_show *s, const nj_tally *tally, double seconds)
{
    nj_str text = {0};

    nj_progress_summary(tally, &text);
    nj_str_add(&text, " in ");
    nj_duration_text(seconds, &text);
    if (!s->quiet && !s->json && !s->events && text.text)
        put_line(s, text.text, "", "");
    fflush(stdout);
    nj_str_release(&text);
}

void nj_show_exit(nj_show *s, const nj_tally *tally, int exit,
                  const nj_err *why)
{
    nj_str text = {0};

    if (!s->events)
        return;
    s->progress.clock = (int64_t)time(NULL);
    if (nj_progress_end(&s->progress, tally, exit, why, &text) && text.text)
        fputs(text.text, stdout);
    fflush(stdout);
    nj_str_release(&text);
}

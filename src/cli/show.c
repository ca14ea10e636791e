/* Showing a run: see show.h. */
#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double nj_show_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void nj_show_init(nj_show *s, bool quiet, bool json)
{
    *s = (nj_show){.quiet = quiet, .json = json};
    s->terminal = !quiet && !json && isatty(STDOUT_FILENO);
}

/* Asked for every line, so that a resized window is no problem. */
static size_t columns(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0)
        return 80;
    return w.ws_col < 80 ? w.ws_col : 80;
}

static void hide_line(nj_show *s)
{
    if (s->line_shown)
        fputs("\r\x1b[K", stdout);
    s->line_shown = false;
}

static void show_line(nj_show *s)
{
    nj_str line = {0};

    nj_progress_line(&s->progress, columns(), &line);
    if (line.text)
        printf("\r%s\x1b[K", line.text);
    s->line_shown = true;
    nj_str_release(&line);
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
    hide_line(s);
    fprintf(s->json ? stderr : stdout, "%s\n", safe.text ? safe.text : "");
    fflush(stdout);
    nj_str_release(&safe);
}

void nj_show_event(nj_show *s, const nj_event *event)
{
    nj_str text = {0};

    nj_progress_note(&s->progress, event, nj_show_clock());
    if (s->json)
        nj_progress_json(event, &text);
    else if (!s->quiet)
        nj_progress_text(&s->progress, event, &text);
    if (text.length) {
        hide_line(s);
        fputs(text.text, stdout);
    }
    if (s->terminal && event->kind != NJ_EVENT_LOADING &&
        event->kind != NJ_EVENT_SKIPPED)
        show_line(s);
    fflush(stdout);
    nj_str_release(&text);
}

void nj_show_end(nj_show *s, const nj_tally *tally, double seconds)
{
    nj_str text = {0};

    hide_line(s);
    nj_progress_summary(tally, &text);
    nj_str_add(&text, " in ");
    nj_duration_text(seconds, &text);
    if (!s->quiet && !s->json && text.text)
        printf("%s\n", text.text);
    fflush(stdout);
    nj_str_release(&text);
}

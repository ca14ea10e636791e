/* Showing a run: one line that is drawn again and again on a terminal, lines
 * with the time in front of them in a log, JSON lines for programs, or nothing
 * but errors.
 */
#ifndef NJ_CLI_SHOW_H
#define NJ_CLI_SHOW_H

#include <stdbool.h>

#include "job/options.h"
#include "run/progress.h"

typedef struct nj_show {
    bool quiet;
    bool json;     /* finished pictures as objects */
    bool events;   /* every event as an object */
    bool terminal; /* the line is drawn */
    bool colour;
    bool line_shown;
    size_t line_width; /* cells of the line that is shown */
    double drawn;      /* when, by nj_seconds */
    double looked;     /* when the disk was asked for its room */
    const char *out;   /* folder whose disk is watched; borrowed */
    size_t skipped;    /* pictures in a row that needed not be made */
    nj_progress progress;
} nj_show;

/* `out` is borrowed. */
void nj_show_init(nj_show *s, const nj_options *o, const char *out);

/* A line of text for people, made safe for the terminal; goes to standard
 * error when standard output carries JSON. */
void nj_show_note(nj_show *s, const char *format, ...) NJ_PRINTF(2, 3);

void nj_show_event(nj_show *s, const nj_event *event);

/* Clears the progress line and prints the summary. */
void nj_show_end(nj_show *s, const nj_tally *tally, double seconds);

/* The last of the events, where they are asked for: the exit status, and why
 * not everything was done (NULL: it was). */
void nj_show_exit(nj_show *s, const nj_tally *tally, int exit,
                  const nj_err *why);

#endif

/* Showing a run: a progress line on a terminal, plain lines otherwise, JSON
 * lines on request, nothing when quiet.
 */
#ifndef NJ_CLI_SHOW_H
#define NJ_CLI_SHOW_H

#include <stdbool.h>

#include "job/progress.h"

typedef struct nj_show {
    bool quiet;
    bool json;
    bool terminal;
    bool line_shown;
    nj_progress progress;
} nj_show;

void nj_show_init(nj_show *s, bool quiet, bool json);

/* A line of text for people, made safe for the terminal; goes to standard
 * error when standard output carries JSON. */
void nj_show_note(nj_show *s, const char *format, ...) NJ_PRINTF(2, 3);

void nj_show_event(nj_show *s, const nj_event *event);

/* Clears the progress line and prints the summary. */
void nj_show_end(nj_show *s, const nj_tally *tally, double seconds);

/* Seconds on a steady clock. */
double nj_show_clock(void);

#endif

/* Progress: what is going on, as text. It keeps no clock and prints nothing:
 * callers say what time it is and where the text goes.
 */
#ifndef NJ_JOB_PROGRESS_H
#define NJ_JOB_PROGRESS_H

#include "base/err.h"
#include "base/str.h"
#include "job/run.h"

typedef struct nj_progress {
    nj_tally tally;
    size_t images; /* pictures of the running batch */
    int iteration; /* network steps of the batch that are done */
    int iterations;
    double now; /* seconds on any steady clock */
    double batch_began;
    double image_seconds; /* of the last whole batch, a picture; 0: none yet */
} nj_progress;

void nj_progress_note(nj_progress *p, const nj_event *event, double now);

/* Seconds until the plan is worked off; negative when nothing is known yet. */
double nj_progress_left(const nj_progress *p);

/* The one line for a terminal, at most `columns` - 1 cells wide. */
void nj_progress_line(const nj_progress *p, size_t columns, nj_str *out);

/* What happened in words, for a log; appends nothing for steps. */
void nj_progress_text(const nj_progress *p, const nj_event *event, nj_str *out);

/* The same as one JSON object, for finished, skipped and failed pictures; with
 * a final newline. False when memory is short. */
bool nj_progress_json(const nj_event *event, nj_str *out);

/* "12 pictures made, 3 were there already, 1 failed" */
void nj_progress_summary(const nj_tally *tally, nj_str *out);

/* "45 s", "12 min", "3 h 20 min" */
void nj_duration_text(double seconds, nj_str *out);

#endif

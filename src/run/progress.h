/* Progress: what is going on, as text. It keeps no clock and prints nothing:
 * callers say what time it is and where the text goes.
 */
#ifndef NJ_RUN_PROGRESS_H
#define NJ_RUN_PROGRESS_H

#include "base/err.h"
#include "base/str.h"
#include "run/run.h"

typedef struct nj_progress {
    nj_tally tally;
    size_t images; /* pictures of the running batch */
    int iteration; /* network steps of the batch that are done */
    int iterations;
    double now; /* seconds on any steady clock */
    double batch_began;
    double image_seconds; /* of the last whole batch, a picture; 0: none yet */
    int64_t clock;        /* what time it is, seconds since 1970 */
    bool free_known;
    uint64_t free_bytes; /* where the pictures go */
} nj_progress;

/* `now` on a steady clock, `clock` in seconds since 1970. */
void nj_progress_note(nj_progress *p, const nj_event *event, double now,
                      int64_t clock);

/* Seconds until the plan is worked off; negative when nothing is known yet. */
double nj_progress_left(const nj_progress *p);

/* The one line for a terminal, at most `columns` - 1 cells wide: where that is
 * too narrow the bar shrinks and what matters least is left out. ASCII, so a
 * byte is a cell. */
void nj_progress_line(const nj_progress *p, size_t columns, nj_str *out);

/* What happened in words, for a log; appends nothing for steps. */
void nj_progress_text(const nj_progress *p, const nj_event *event, nj_str *out);

/* The same as one JSON object, for finished, skipped and failed pictures; with
 * a final newline. False when memory is short. */
bool nj_progress_json(const nj_event *event, nj_str *out);

/* Every event as one JSON object for scripts: network steps, loading and
 * intermediate pictures too, each with its time and how the job stands. */
bool nj_progress_event(const nj_progress *p, const nj_event *event,
                       nj_str *out);

/* The last object of those: the exit status, why the run did not work off its
 * plan (NULL: it did), and how the job stands. */
bool nj_progress_end(const nj_progress *p, const nj_tally *t, int exit,
                     const nj_err *why, nj_str *out);

/* "12 pictures made, 3 were there already, 1 failed" */
void nj_progress_summary(const nj_tally *tally, nj_str *out);

/* "45 s", "12 min", "3 h 20 min" */
void nj_duration_text(double seconds, nj_str *out);

/* "12 kB", "3.1 MB", "27.2 GB"; `most`: rounded up, for what is at most so
 * much, else down. */
void nj_bytes_text(uint64_t bytes, bool most, nj_str *out);

/* "6920", "34.1": pictures an hour. */
void nj_rate_text(double per_hour, nj_str *out);

/* A time of day where the program runs: "03:12", on another day than `now`'s
 * "Thu 03:12", more than six days away "2026-12-03 03:12". Seconds since 1970.
 */
void nj_clock_text(int64_t when, int64_t now, nj_str *out);

/* "2026-11-25 21:12:35", for the lines of a log. */
void nj_stamp_text(int64_t when, nj_str *out);

#endif

/* Journal: the lines that a run writes into its folder's manifest, and what all
 * manifests of the folder say about single files: whether a picture's line is
 * there, who took it last, and what failed since this run began.
 *
 * docs/run-folder.md lists the events and their fields.
 */
#ifndef NJ_RUN_JOURNAL_H
#define NJ_RUN_JOURNAL_H

#include "base/err.h"
#include "job/plan.h"
#include "job/spec.h"
#include "run/run.h"

typedef struct nj_journal nj_journal;

/* Opens the job's manifest, reads what the folder's manifests say so far, and
 * writes `begin`. Close *out in every case. */
nj_status nj_journal_open(const nj_job *job, const nj_plan *plan,
                          nj_journal **out, nj_err *err) NJ_MUST_USE;
void nj_journal_close(nj_journal *j);

/* A picture of the plan and its file's name. */
typedef struct nj_entry {
    const nj_image *image;
    size_t number;    /* its place in the plan, from 0 */
    const char *file; /* without folder */
} nj_entry;

/* This process begins with a picture. */
nj_status nj_journal_take(nj_journal *j, const nj_entry *e,
                          nj_err *err) NJ_MUST_USE;

/* Its file is on the disk; `seconds` of the batch, shared by its pictures. */
nj_status nj_journal_made(nj_journal *j, const nj_entry *e,
                          const nj_engine_picture *picture, double seconds,
                          nj_err *err) NJ_MUST_USE;

/* Its file was there already. Writes a line only when no manifest has one. */
nj_status nj_journal_found(nj_journal *j, const nj_entry *e,
                           nj_err *err) NJ_MUST_USE;

/* Another picture gave its file's name `from` up and is now e->file. */
nj_status nj_journal_kept(nj_journal *j, const nj_entry *e, const char *from,
                          nj_err *err) NJ_MUST_USE;

/* It is tried once more, because of `why`, in the way that `how` says. */
nj_status nj_journal_retry(nj_journal *j, const nj_entry *e, const nj_err *why,
                           const char *how, nj_err *err) NJ_MUST_USE;

nj_status nj_journal_failed(nj_journal *j, const nj_entry *e, const nj_err *why,
                            nj_err *err) NJ_MUST_USE;

/* The run is over; status NJ_OK: worked off, else `why` says what ended it. */
nj_status nj_journal_end(nj_journal *j, nj_status status, const nj_tally *tally,
                         const nj_err *why, nj_err *err) NJ_MUST_USE;

/* Reads what was appended to the folder's manifests since the last time. */
nj_status nj_journal_refresh(nj_journal *j, nj_err *err) NJ_MUST_USE;

/* Whether another process made that file, or gave it up, since this run began.
 */
bool nj_journal_made_elsewhere(const nj_journal *j, const char *file);
bool nj_journal_gave_up(const nj_journal *j, const char *file);

/* The process that took a file last; 0: none is known. */
long nj_journal_taker(const nj_journal *j, const char *file);

#endif

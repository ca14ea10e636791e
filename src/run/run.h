/* Run: a plan worked off in one output folder.
 *
 * Pictures that are there already with the same identity are skipped, so the
 * same job again continues where it ended. A file that is a different picture
 * is never overwritten (unless the job says so): the new one gets 8 digits of
 * its identity into its name. Every file appears whole or not at all. Any
 * number of processes may work in one folder: pictures that another one has
 * claimed are waited for, and made here when it ends without them.
 *
 * The folder is made when the networks are loaded, so that weights which do not
 * fit together leave nothing behind.
 *
 *     nj_run_config c = {.job = &job, .plan = &plan, .engine = open_engine,
 *                        .event = show, .stop = &stop};
 *     nj_tally tally;
 *     nj_status status = nj_run(&c, &tally, &err);
 */
#ifndef NJ_RUN_RUN_H
#define NJ_RUN_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/engine.h"
#include "job/plan.h"
#include "job/spec.h"
#include "run/stop.h"

typedef struct nj_tally {
    size_t planned;
    size_t made;
    size_t skipped; /* there already, or made by another process meanwhile */
    size_t failed;
    size_t videos;
    size_t videos_failed;
    double seconds;         /* that the run took */
    double network_seconds; /* of them in the engine, without its callbacks */
} nj_tally;

typedef enum nj_event_kind {
    NJ_EVENT_LOADING, /* the engine is being loaded */
    NJ_EVENT_LOADED,  /* facts is set */
    NJ_EVENT_BATCH,   /* `images` pictures are begun */
    NJ_EVENT_STEP,    /* a network step of the batch is done */
    NJ_EVENT_SAVED,   /* a picture is on the disk; `last`: the finished one */
    NJ_EVENT_SKIPPED, /* `how`: "is there already" or who made it meanwhile */
    NJ_EVENT_KEPT, /* the picture that had the file name `how` is now at `path`
                    */
    NJ_EVENT_FAILED, /* `why` is set */
    NJ_EVENT_RETRY,  /* tried once more because of `why`, in the way of `how` */
    NJ_EVENT_WAITING, /* nothing is left but `images` pictures that others have
                         claimed; the first one's file is `path`, `pid` has it
                         (0: not known), `how` is "" or " (stopped)" */
    NJ_EVENT_VIDEO,   /* a picture's video is on the disk, or, with `why`, it
                         could not be made */
    NJ_EVENT_VIDEOS   /* all pictures are made, videos are not yet */
} nj_event_kind;

/* Something that happened. All pointers are borrowed during the call. */
typedef struct nj_event {
    nj_event_kind kind;
    const nj_job *job;
    const nj_image *image; /* SAVED, SKIPPED, FAILED, RETRY */
    size_t number;         /* its place in the plan, from 0 */
    const char *path;
    const nj_engine_picture *picture; /* SAVED */
    const nj_engine_facts *facts;     /* LOADED */
    const nj_err *why;
    const char *how;
    long pid;
    size_t images;
    int iteration;
    int iterations;
    const nj_tally *tally;
} nj_event;

typedef struct nj_run_config {
    const nj_job *job;
    const nj_plan *plan;
    void *user;
    /* Called once, when the first picture has to be made. */
    nj_status (*engine)(void *user, const nj_engine_api **api, nj_err *err);
    void (*event)(void *user, const nj_event *event); /* or NULL */
    /* Called when another process began the same request with another drawn
     * seed since this job was opened: is to give it to the job and make the
     * plan anew. Before the first picture. NULL: the job keeps its own. */
    nj_status (*reseed)(void *user, uint64_t seed, nj_err *err);
    nj_stop *stop; /* or NULL */
} nj_run_config;

/* NJ_OK when the plan was worked off, even if pictures failed (see the tally);
 * NJ_E_INTERRUPTED when it was asked to stop before the end or a deadline
 * came; else what made going on pointless: no engine, no room on the disk,
 * weights that changed. */
nj_status nj_run(const nj_run_config *config, nj_tally *tally,
                 nj_err *err) NJ_MUST_USE;

#endif

/* Inside of a run, for run.c and its parts:
 *
 *     run.c        the loop
 *     run_batch.c  which pictures come next, and whose they are
 *     run_try.c    a batch through the engine, in smaller steps when it fails
 *     run_save.c   a picture to the disk
 *     run_video.c  videos of pictures, beside the loop
 */
#ifndef NJ_RUN_RUN_PARTS_H
#define NJ_RUN_RUN_PARTS_H

#include "job/footprint.h"
#include "job/limits.h"
#include "job/record.h"
#include "job/speed.h"
#include "run/claims.h"
#include "run/journal.h"
#include "run/run.h"
#include "run/video.h"

#define NJ_BATCH_MAX 256

typedef enum nj_slot_state {
    NJ_SLOT_WAITS,
    NJ_SLOT_MADE,
    NJ_SLOT_NUMERIC, /* its values were not finite */
    NJ_SLOT_FAILED
} nj_slot_state;

/* A picture of the batch that is running. */
typedef struct nj_slot {
    size_t number; /* place in the plan */
    char *name;    /* that it is claimed under; owned */
    nj_slot_state state;
    nj_err why; /* when it failed */
} nj_slot;

/* How a group's pictures are made: as it says, or in smaller pieces once
 * memory was short. */
typedef struct nj_effort {
    const nj_group *group;
    int batch_size;
    nj_thrift how;
    bool again; /* memory was short once: the same is tried a second time */
} nj_effort;

typedef struct nj_runner {
    const nj_run_config *config;
    const nj_engine_api *api;
    nj_engine *engine;
    nj_record_source source;
    nj_tally *tally;
    nj_journal *journal;
    nj_claims claims;
    nj_limits limits;
    bool *settled;     /* [plan] made, skipped, failed */
    size_t first_open; /* all before it are settled */
    size_t held;       /* pictures that others have claimed */
    size_t held_first; /* one of them */
    int failed_batches;

    nj_slot slots[NJ_BATCH_MAX]; /* the batch that is running */
    size_t count;
    size_t chosen[NJ_BATCH_MAX]; /* slots that the engine works on */
    size_t chosen_count;
    nj_effort effort;
    nj_room room;           /* before anything was loaded */
    nj_precision precision; /* AUTO: the engine's own, which is below fp32 */
    nj_settings settings;   /* what the engine was given last */
    double batch_began;
    double callback_seconds; /* of the engine's call that is running */

    nj_videos *videos; /* NULL: none are wanted */
    nj_pace pace;
    nj_err fatal; /* set when a write failed: going on is pointless */
} nj_runner;

void nj_runner_tell(nj_runner *r, nj_event event);
const nj_image *nj_runner_image(const nj_runner *r, size_t number);
nj_entry nj_runner_entry(const nj_runner *r, const nj_slot *slot);

/* Claims the next pictures of one group that have still to be made, in the
 * order of the plan; counts those that others hold. */
nj_status nj_batch_collect(nj_runner *r, nj_err *err) NJ_MUST_USE;

/* Gives the batch's claims back. */
void nj_batch_release(nj_runner *r);

/* Makes the batch's pictures. An error ends the run; pictures that failed by
 * themselves are none. */
nj_status nj_batch_make(nj_runner *r, nj_err *err) NJ_MUST_USE;

/* Writes a picture of the batch; part of the engine's callback. */
nj_status nj_runner_save(nj_runner *r, nj_slot *slot,
                         const nj_engine_picture *p, nj_err *err) NJ_MUST_USE;

/* Videos, where the job wants them: each of these does nothing where not. */
nj_status nj_runner_start_videos(nj_runner *r, nj_err *err) NJ_MUST_USE;

/* Tells what was made meanwhile; `waits`: makes the rest first. */
void nj_runner_end_videos(nj_runner *r, bool waits);

/* How often the engine is to hand out a frame; 0: never. */
int nj_runner_frame_every(const nj_runner *r, const nj_group *g);

/* Takes a picture of the engine as a frame when it is one. */
nj_status nj_runner_take_frame(nj_runner *r, const nj_slot *slot,
                               const nj_engine_picture *p,
                               nj_err *err) NJ_MUST_USE;

/* The finished picture of a slot lies at `path`. */
nj_status nj_runner_finish_video(nj_runner *r, const nj_slot *slot,
                                 const char *path, nj_err *err) NJ_MUST_USE;

/* Whether a picture's video is there, or none is wanted. */
bool nj_runner_has_video(const nj_runner *r, const char *path);

#endif

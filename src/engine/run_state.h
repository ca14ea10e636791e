/* Run: what a batch of pictures is made with, from its settings on. Set up by
 * run_start.c, run by run.c; nobody else includes this. */
#ifndef NJ_ENGINE_RUN_STATE_H
#define NJ_ENGINE_RUN_STATE_H

#include "engine/engine_internal.h"
#include "engine/guidance.h"
#include "engine/report.h"
#include "engine/sampler.h"
#include "engine/targets.h"

typedef struct nj_run {
    nj_engine *engine;
    const nj_work *work;
    const nj_settings *settings;
    const nj_engine_callbacks *callbacks;
    const nj_watch *watch; /* or NULL */

    th_scope *scope; /* lives as long as the run */
    nj_schedule schedule;
    nj_steps steps;
    nj_sampler_run sampler;
    nj_guide_clip guides[NJ_ENGINE_CLIPS_MAX];
    nj_guidance guidance;
    nj_guide_start compared; /* what the init loss compares with */
    nj_settings now;         /* the settings that hold at this step */
    bool guided;             /* whether they ask for guidance */
    double *etas;            /* [schedule's count], where eta has a curve */
    nj_clock clock;

    size_t batch;              /* B, padding included */
    int64_t shape[4];          /* [B,3,H,W] */
    size_t image_values;       /* 3 * H * W */
    uint64_t *seeds;           /* [B] */
    const nj_prompt **prompts; /* [B] */
    nj_target *targets;        /* [CLIPs,B] */
    bool *failed;              /* [B] */
    bool *finite;              /* [B] after the last step that reported */
    float *losses;             /* [NJ_LOSSES,B] of that step */
    nj_report report;          /* of the step after it */
    int reported, told;        /* steps that were done, and told of */
    float *host;               /* [B,3,H,W] on its way in or out */
    uint8_t *rgb;              /* [H,W,3] */
    th_tensor *x;              /* [B,3,H,W], overwritten by each step */
} nj_run;

/* Everything before the first step. The run knows its engine, work, settings,
 * callbacks, watch and clock, and is zeros besides; released in every case. */
nj_status nj_run_prepare(nj_run *r, nj_err *err) NJ_MUST_USE;
void nj_run_release(nj_run *r);

/* One field of normals for each image -> [B,3,H,W] */
th_tensor *nj_run_noise(const nj_run *r, th_scope *s, nj_stream stream,
                        uint32_t iteration);

#endif

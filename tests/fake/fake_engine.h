/* A stand-in for the engine: pictures that depend on prompt and seed alone,
 * made at once. Faults are asked for by the test. Only programs that link it
 * get it. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "engine/engine.h"

typedef struct fake_engine_plan {
    nj_status open_fails;  /* code of opening, NJ_OK: it works */
    nj_status run_fails;   /* code of every batch */
    int failures;          /* batches that run_fails counts for; 0: all */
    int enough_slices;     /* run_fails counts below so many CLIP slices.. */
    int enough_batch;      /* ..or above this batch size, unless 0 */
    uint64_t failing_seed; /* this picture fails by itself */
    bool has_failing_seed;
    nj_precision precision;         /* of the engine; AUTO: fp32 */
    bool fp32_helps;                /* the failing picture works in fp32 */
    int step_ms;                    /* time that a step takes */
    void (*on_step)(int iteration); /* called before the caller's */
    void (*on_embed)(int pictures); /* pictures embedded before this call */
    void (*on_upscale)(int done);   /* pictures upscaled before this call */
    nj_status upscale_fails;        /* code of every upscaling */
} fake_engine_plan;

typedef struct fake_engine_log {
    int opened;
    int closed;
    int batches;
    int images;
    int largest_batch;
    int pictures_embedded;
    int texts_embedded;
    int upscaled;
} fake_engine_log;

extern fake_engine_plan fake_plan;
extern fake_engine_log fake_log;

void fake_engine_reset(void);

/* Fits nj_cli_main's opener. */
nj_status fake_engine_get(const nj_engine_api **api, nj_err *err);

#endif

/* A job on the fake model files, made as the command line would make it. */
#ifndef FAKE_JOB_H
#define FAKE_JOB_H

#include "job/plan.h"
#include "run/run.h"
#include "job/spec.h"

typedef struct fake_job {
    nj_options options;
    nj_list arguments;
    nj_request request;
    nj_job job;
    nj_plan plan;
    nj_err err;
} fake_job;

/* Opens the job of a command line below `generate` (ended by NULL); model
 * files are those of `folder`, the output folder is folder/out. Returns what
 * opening returns; release in every case. */
nj_status fake_job_open(fake_job *j, const char *folder,
                        const char *const *args);
void fake_job_release(fake_job *j);

/* Runs it on the stand-in engine. */
nj_status fake_job_run(fake_job *j, nj_stop *stop, nj_tally *tally);

#endif

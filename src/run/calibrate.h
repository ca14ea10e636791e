/* Calibration: a few steps of each kind of picture of a job, measured and
 * remembered (speed.h), so that a plan can say how long it takes before any
 * picture was made on this machine. */
#ifndef NJ_RUN_CALIBRATE_H
#define NJ_RUN_CALIBRATE_H

#include "base/err.h"
#include "engine/engine.h"
#include "job/spec.h"

/* Loads the job's networks with `engine` and runs a few steps of each group
 * that differs in what its time depends on. Nothing is written but the
 * measurement. */
nj_status nj_calibrate(const nj_job *job,
                       nj_status (*engine)(const nj_engine_api **api,
                                           nj_err *err),
                       nj_err *err) NJ_MUST_USE;

#endif

/* The public interface's inner door: tests give a job another engine. */
#ifndef NJ_RUN_API_H
#define NJ_RUN_API_H

#include "base/err.h"
#include "engine/engine.h"
#include "nightjar.h"

/* Where the engine comes from; the default is nj_engine_load. */
void nj_api_set_engine(nightjar_job *job,
                       nj_status (*engine)(const nj_engine_api **api,
                                           nj_err *err));

#endif

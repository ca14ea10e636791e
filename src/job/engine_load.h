/* Opens libnightjar_engine.so, which brings libtorch, when a network is first
 * needed: beside the executable, else in ../lib/nightjar.
 */
#ifndef NJ_JOB_ENGINE_LOAD_H
#define NJ_JOB_ENGINE_LOAD_H

#include "base/err.h"
#include "engine/engine.h"

/* *api lives until the program ends. NJ_E_IO says why it cannot be opened. */
nj_status nj_engine_load(const nj_engine_api **api, nj_err *err) NJ_MUST_USE;

/* Folder of the running executable; the caller frees it; NULL when it cannot
 * be found. */
char *nj_program_folder(void);

#endif

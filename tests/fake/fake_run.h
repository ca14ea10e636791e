/* What most tests of jobs and runs stand on: a scratch folder with the fake
 * model files, one job, its run on the stand-in engine, and programs run in
 * that folder. Links cmocka. */
#ifndef FAKE_RUN_H
#define FAKE_RUN_H

#include "fake/fake_engine.h"
#include "fake/fake_files.h"
#include "fake/fake_job.h"

extern char *folder;     /* made by the set-up */
extern char out[4096];   /* its folder "out", where pictures go */
extern fake_job j;       /* what OPEN opened, or RUN last ran */
extern nj_tally tally;   /* of the last RUN */
extern nj_stop stop;     /* of every RUN */
extern char said[65536]; /* both outputs of the last fake_shell */

/* A fresh folder, an engine without faults; and away with it. */
int fake_set_up(void **state);
int fake_tear_down(void **state);

/* Opens the job of a command line into j, or opens and runs it; what it holds
 * is released by the tear-down, or at the end of the run. j.err stays. */
nj_status fake_open(const char *const *args);
nj_status fake_run(const char *const *args);

#define OPEN(...) fake_open((const char *const[]){__VA_ARGS__, NULL})
#define RUN(...)  fake_run((const char *const[]){__VA_ARGS__, NULL})

void check_tally(size_t made, size_t skipped, size_t failed);

/* Runs a command of the shell in the folder; returns its exit status. */
int fake_shell(const char *format, ...) NJ_PRINTF(1, 2);

/* Both outputs of the last command hold this text. */
void expect_said(const char *text);

#endif

/* Runs for tests: see fake_run.h. */
#include "fake/fake_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

char *folder;
char out[4096];
fake_job j;
nj_tally tally;
nj_stop stop;
char said[65536];

int fake_set_up(void **state)
{
    (void)state;
    folder = fake_folder();
    fake_models(folder);
    snprintf(out, sizeof(out), "%s/out", folder);
    fake_engine_reset();
    stop = (nj_stop){0};
    return 0;
}

int fake_tear_down(void **state)
{
    (void)state;
    fake_job_release(&j);
    fake_remove(folder);
    free(folder);
    return 0;
}

nj_status fake_open(const char *const *args)
{
    return fake_job_open(&j, folder, args);
}

nj_status fake_run(const char *const *args)
{
    nj_status status = fake_open(args);

    if (status == NJ_OK)
        status = fake_job_run(&j, &stop, &tally);
    fake_job_release(&j);
    return status;
}

void check_tally(size_t made, size_t skipped, size_t failed)
{
    assert_int_equal(tally.made, made);
    assert_int_equal(tally.skipped, skipped);
    assert_int_equal(tally.failed, failed);
}

int fake_shell(const char *format, ...)
{
    char command[8192];
    int begun = snprintf(command, sizeof(command), "cd '%s' && ", folder);
    va_list args;
    size_t n;
    FILE *pipe;
    int status;

    va_start(args, format);
    vsnprintf(command + begun, sizeof(command) - (size_t)begun, format, args);
    va_end(args);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    n = fread(said, 1, sizeof(said) - 1, pipe);
    said[n] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void expect_said(const char *text)
{
    if (!strstr(said, text))
        fail_msg("'%s' is not in: %s", text, said);
}

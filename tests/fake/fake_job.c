/* Jobs for tests: see fake_job.h. */
#include "fake/fake_job.h"

#include <stddef.h>
#include <stdint.h>

#include "fake/fake_engine.h"
#include "fake/fake_files.h"

static nj_status parse(fake_job *j, const char *folder, const char *const *args)
{
    const char *argv[40] = {
        "--unet",        fake_path(folder, "unet.safetensors"),
        "--unet-config", fake_path(folder, "card.json"),
        "--clip",        fake_path(folder, "clip.safetensors"),
        "--out",         fake_path(folder, "out"),
    };
    int argc = 8;

    for (; *args; args++)
        argv[argc++] = *args;
    return nj_options_parse(&j->options, NJ_CMD_GENERATE, argc,
                            (char *const *)(uintptr_t)argv, &j->arguments,
                            &j->err);
}

nj_status fake_job_open(fake_job *j, const char *folder,
                        const char *const *args)
{
    nj_status status;

    *j = (fake_job){0};
    status = nj_options_init(&j->options, &j->err);
    if (status == NJ_OK)
        status = parse(j, folder, args);
    if (status == NJ_OK)
        status =
            nj_request_build(&j->options, &j->arguments, &j->request, &j->err);
    if (status == NJ_OK)
        status = nj_job_open(&j->request, NULL, &j->job, &j->err);
    if (status == NJ_OK)
        status = nj_plan_make(&j->job, &j->plan, &j->err);
    return status;
}

void fake_job_release(fake_job *j)
{
    nj_plan_release(&j->plan);
    nj_job_release(&j->job);
    nj_request_release(&j->request);
    nj_options_release(&j->options);
    nj_list_release(&j->arguments);
}

static nj_status get_engine(void *user, const nj_engine_api **api, nj_err *err)
{
    (void)user;
    return fake_engine_get(api, err);
}

nj_status fake_job_run(fake_job *j, nj_stop *stop, nj_tally *tally)
{
    nj_run_config config = {
        .job = &j->job, .plan = &j->plan, .engine = get_engine, .stop = stop};

    return nj_run(&config, tally, &j->err);
}

/* nightjar_fake: the whole command line on the stand-in engine, for tests that
 * need a process. NIGHTJAR_FAKE_STEP_MS says how long a step takes,
 * NIGHTJAR_FAKE_GPUS how many GPUs there are, NIGHTJAR_FAKE_FAILING the seed
 * of pictures that fail (not 0). NIGHTJAR_FAKE_HOLD names a file: in its second
 * batch a process writes FILE.PID and waits until FILE is there, so that what a
 * test does meanwhile comes neither too early nor too late. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/cli.h"
#include "fake/fake_engine.h"
#include "fake/fake_files.h"
#include "job/device.h"

static int number(const char *name)
{
    const char *text = getenv(name);
    uint64_t value;

    return text && nj_parse_u64(text, &value) && value < 100000 ? (int)value
                                                                : 0;
}

static int gpus(void)
{
    return number("NIGHTJAR_FAKE_GPUS");
}

/* Ends too when the test took its folder away. */
static void hold(int iteration)
{
    const struct timespec pause = {0, 20000000};
    const char *file = getenv("NIGHTJAR_FAKE_HOLD");
    char mine[4096];

    if (!file || iteration != 0 || fake_log.batches != 2)
        return;
    snprintf(mine, sizeof(mine), "%s.%ld", file, (long)getpid());
    fake_write(mine, "", 0);
    while (access(file, F_OK) != 0 && access(mine, F_OK) == 0)
        nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
    fake_plan.step_ms = number("NIGHTJAR_FAKE_STEP_MS");
    fake_plan.failing_seed = (uint64_t)number("NIGHTJAR_FAKE_FAILING");
    fake_plan.has_failing_seed = fake_plan.failing_seed != 0;
    fake_plan.on_step = hold;
    nj_device_set_counter(gpus);
    return nj_cli_main(argc, argv, fake_engine_get);
}

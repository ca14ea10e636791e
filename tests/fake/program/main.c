/* nightjar_fake: the whole command line on the stand-in engine, for tests that
 * need a process. NIGHTJAR_FAKE_STEP_MS says how long a step takes,
 * NIGHTJAR_FAKE_GPUS how many GPUs there are, NIGHTJAR_FAKE_FAILING the seed
 * of pictures that fail (not 0). */
#include <stdlib.h>

#include "base/number.h"
#include "cli/cli.h"
#include "fake/fake_engine.h"
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

int main(int argc, char **argv)
{
    fake_plan.step_ms = number("NIGHTJAR_FAKE_STEP_MS");
    fake_plan.failing_seed = (uint64_t)number("NIGHTJAR_FAKE_FAILING");
    fake_plan.has_failing_seed = fake_plan.failing_seed != 0;
    nj_device_set_counter(gpus);
    return nj_cli_main(argc, argv, fake_engine_get);
}

/* nightjar_fake: the whole command line on the stand-in engine, for tests that
 * need a process. NIGHTJAR_FAKE_STEP_MS says how long a step takes. */
#include <stdlib.h>

#include "base/number.h"
#include "cli/cli.h"
#include "fake/fake_engine.h"

int main(int argc, char **argv)
{
    const char *ms = getenv("NIGHTJAR_FAKE_STEP_MS");
    uint64_t value;

    if (ms && nj_parse_u64(ms, &value) && value < 100000)
        fake_plan.step_ms = (int)value;
    return nj_cli_main(argc, argv, fake_engine_get);
}

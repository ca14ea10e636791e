/* Version: see version.h. One file, so that a new commit rebuilds only it. */
#include "base/version.h"

#ifndef NJ_COMMIT
#define NJ_COMMIT "unknown"
#endif

const char *nj_version(void)
{
    return NJ_VERSION;
}

const char *nj_version_commit(void)
{
    return NJ_COMMIT;
}

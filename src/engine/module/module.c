/* The engine's shared object: its one exported symbol. A file of its own so
 * that the static library, which tests link, exports nothing. */
#include "engine/engine_internal.h"

__attribute__((visibility("default"))) const nj_engine_api *
nj_engine_api_get(void)
{
    return nj_engine_functions();
}

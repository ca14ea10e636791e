/* Room: what is free where an engine is about to be opened. */
#ifndef NJ_RUN_ROOM_H
#define NJ_RUN_ROOM_H

#include <stdbool.h>

#include "engine/engine.h"
#include "job/footprint.h"

/* Whether the engine will be on a GPU. */
bool nj_room_on_gpu(const nj_engine_api *api, const nj_engine_config *config);

/* Free memory of the host, and of that GPU. */
nj_room nj_room_now(const nj_engine_api *api, const nj_engine_config *config);

#endif

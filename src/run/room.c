/* Room: see room.h. */
#include "run/room.h"

#include "job/free_memory.h"

bool nj_room_on_gpu(const nj_engine_api *api, const nj_engine_config *config)
{
    return config->device != NJ_DEVICE_CPU && api->cuda_devices() > 0;
}

nj_room nj_room_now(const nj_engine_api *api, const nj_engine_config *config)
{
    nj_room room = {.host = nj_free_memory()};

    if (nj_room_on_gpu(api, config))
        room.device = api->cuda_free(config->device_index);
    return room;
}

/* Upscaling by itself: see upscaler.h. */
#include "engine/upscaler.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/machine.h"
#include "model/upscale.h"

struct nj_upscaler {
    nj_rrdbnet *net;
    th_device device;
    char device_name[32];
    nj_upscaler_facts facts;
};

static nj_status load(nj_upscaler *u, const char *path,
                      const nj_engine_machine *machine, nj_err *err)
{
    nj_weights *weights;
    nj_dtype dtype;
    nj_status status =
        nj_machine_device(machine->device, machine->device_index, &u->device,
                          u->device_name, sizeof(u->device_name), err);

    if (status != NJ_OK)
        return status;
    nj_machine_threads(machine->threads);
    u->facts.precision = machine->precision;
    dtype = nj_machine_dtype(&u->facts.precision, u->device);
    status = nj_weights_open(path, &weights, err);
    if (status != NJ_OK)
        return status;
    status = nj_rrdbnet_new(weights, dtype, u->device, &u->net, err);
    status = nj_machine_read(weights, path, status, err);
    if (status != NJ_OK)
        return status;
    u->facts.scale = nj_rrdbnet_shape(u->net)->scale;
    u->facts.device = u->device_name;
    u->facts.libtorch = th_version();
    return NJ_OK;
}

nj_status nj_upscaler_open(const char *path, const nj_engine_machine *machine,
                           nj_upscaler **out, nj_err *err)
{
    nj_upscaler *u = nj_calloc(1, sizeof(*u));
    nj_status status;

    if (!u)
        return nj_fail(err, NJ_E_MEMORY, "no memory for an upscaler");
    status = load(u, path, machine, err);
    if (status == NJ_OK)
        *out = u;
    else
        nj_upscaler_close(u);
    return status;
}

void nj_upscaler_close(nj_upscaler *u)
{
    if (!u)
        return;
    nj_rrdbnet_free(u->net);
    free(u);
}

const nj_upscaler_facts *nj_upscaler_facts_of(const nj_upscaler *u)
{
    return &u->facts;
}

static int round_up(int n, int factor)
{
    return (n + factor - 1) / factor * factor;
}

nj_status nj_upscaler_run(nj_upscaler *u, const nj_engine_tiling *tiling,
                          const nj_engine_pixels *in, nj_engine_pixels *out,
                          nj_err *err)
{
    int factor = nj_rrdbnet_shape(u->net)->factor;
    const nj_tiling tiles = {.size = round_up(tiling->tile, factor),
                             .pad = round_up(tiling->pad, factor)};
    const nj_bytes from = {in->width, in->height, in->channels, in->bytes};
    bool grad = th_enable_grad(false);
    nj_bytes big;
    nj_status status = nj_upscale_bytes(u->net, &tiles, &from, &big, err);

    th_enable_grad(grad);
    if (status == NJ_OK)
        *out =
            (nj_engine_pixels){big.width, big.height, big.channels, big.bytes};
    return status;
}

/* Parity of Real-ESRGAN: the network, tiles, pictures of 8 bits. */
#include <stdlib.h>

#include "model/upscale.h"
#include "parity/areas.h"
#include "parity/tensors.h"

/* Runs `use` with the case's network. */
static void with_network(parity_case *c,
                         void (*use)(parity_case *c, const nj_rrdbnet *net))
{
    const th_device device = parity_device();
    const char *path = parity_path(c, parity_string(c, "file"));
    nj_weights *weights = NULL;
    nj_rrdbnet *net = NULL;
    nj_err err = {0};

    if (!parity_bad(c, nj_weights_open(path, &weights, &err), &err) &&
        !parity_bad(c, nj_rrdbnet_new(weights, NJ_F32, device, &net, &err),
                    &err))
        use(c, net);
    nj_rrdbnet_free(net);
    nj_weights_free(weights);
}

static void check_config(parity_case *c, const nj_rrdbnet_config *f)
{
    parity_expect(c, f->scale == (int)parity_number(c, "scale"), "scale is %d",
                  f->scale);
    parity_expect(c, f->features == (int)parity_number(c, "num_feat"),
                  "num_feat is %d", f->features);
    parity_expect(c, f->blocks == (int)parity_number(c, "num_block"),
                  "num_block is %d", f->blocks);
    parity_expect(c, f->growth == (int)parity_number(c, "num_grow_ch"),
                  "num_grow_ch is %d", f->growth);
}

static nj_tiling tiling_of(parity_case *c)
{
    return (nj_tiling){
        .size = (int)parity_number(c, "tile"),
        .pad = (int)parity_number(c, "tile_pad"),
    };
}

static void use_network(parity_case *c, const nj_rrdbnet *net)
{
    th_scope *s = th_scope_new(NULL);

    check_config(c, nj_rrdbnet_shape(net));
    parity_check_tensor(
        c, s, "output",
        nj_rrdbnet_forward(s, net, parity_tensor_in(c, s, "image")));
    th_scope_free(s);
}

static void use_tiles(parity_case *c, const nj_rrdbnet *net)
{
    const nj_tiling whole = {0};
    nj_tiling tiles = tiling_of(c);
    th_scope *s = th_scope_new(NULL);
    th_tensor *image = parity_tensor_in(c, s, "image");

    parity_check_tensor(c, s, "untiled",
                        nj_upscale_tensor(s, net, &whole, image));
    parity_check_tensor(c, s, "tiled",
                        nj_upscale_tensor(s, net, &tiles, image));
    th_scope_free(s);
}

static void one_picture(parity_case *c, const nj_rrdbnet *net, const char *mode)
{
    const parity_tensor *t = parity_input(c, parity_text(c, "%s.in", mode));
    nj_tiling tiles = tiling_of(c);
    nj_bytes in;
    nj_bytes out = {0};
    nj_err err = {0};
    size_t n;
    int64_t *got;

    if (!t || !t->i64)
        return;
    in = (nj_bytes){.width = (int)t->shape[1],
                    .height = (int)t->shape[0],
                    .channels = t->ndim == 3 ? (int)t->shape[2] : 1,
                    .bytes = parity_alloc(c, t->n, 1)};
    for (size_t i = 0; i < t->n; i++)
        in.bytes[i] = (uint8_t)t->i64[i];
    if (parity_bad(c, nj_upscale_bytes(net, &tiles, &in, &out, &err), &err))
        return;
    n = (size_t)out.width * (size_t)out.height * (size_t)out.channels;
    got = parity_alloc(c, n, sizeof(*got));
    for (size_t i = 0; i < n; i++)
        got[i] = out.bytes[i];
    free(out.bytes);
    parity_check_i64(c, parity_text(c, "%s.out", mode), got, t->ndim,
                     (int64_t[]){out.height, out.width, out.channels});
}

static void use_pictures(parity_case *c, const nj_rrdbnet *net)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, nj_json_get(parity_config(c), "pictures"))
        one_picture(c, net, nj_json_string(entry, "mode", ""));
}

static void run_network(parity_case *c)
{
    with_network(c, use_network);
}

static void run_tiles(parity_case *c)
{
    with_network(c, use_tiles);
}

static void run_pictures(parity_case *c)
{
    with_network(c, use_pictures);
}

const parity_kind parity_upscale[] = {
    {"upscale.rrdbnet", run_network},
    {"upscale.tiles", run_tiles},
    {"upscale.pictures", run_pictures},
    {0},
};

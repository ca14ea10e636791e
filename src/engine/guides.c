/* The networks of guidance beside CLIP: the secondary model, and LPIPS for the
 * init loss. float32, whatever the UNet has: they are small, and gradients come
 * from them. */
#include "engine/engine_internal.h"
#include "engine/machine.h"

static nj_status load_secondary(nj_engine *e, const char *path, nj_err *err)
{
    nj_weights *weights;
    nj_status status = nj_weights_open(path, &weights, err);

    if (status != NJ_OK)
        return status;
    status = nj_secondary_new(weights, NJ_F32, e->device, &e->secondary, err);
    return nj_machine_read(weights, path, status, err);
}

static nj_status load_lpips(nj_engine *e, const nj_engine_config *config,
                            nj_err *err)
{
    nj_weights *vgg = NULL;
    nj_weights *heads = NULL;
    nj_status status = nj_weights_open(config->vgg_path, &vgg, err);

    if (status == NJ_OK)
        status = nj_weights_open(config->lpips_path, &heads, err);
    if (status == NJ_OK) {
        status = nj_lpips_new(vgg, heads, NJ_F32, e->device, &e->lpips, err);
        if (status != NJ_OK)
            nj_err_add(err, "cannot use '%s' with '%s'", config->lpips_path,
                       config->vgg_path);
    }
    nj_weights_free(heads);
    nj_weights_free(vgg);
    return status;
}

nj_status nj_engine_load_guides(nj_engine *e, const nj_engine_config *config,
                                nj_err *err)
{
    nj_status status = NJ_OK;

    if (config->secondary_path)
        status = load_secondary(e, config->secondary_path, err);
    if (status == NJ_OK && config->lpips_path && config->vgg_path)
        status = load_lpips(e, config, err);
    return status;
}

nj_look nj_engine_look_aside(th_scope *s, const nj_engine *e,
                             const nj_step *step, const th_tensor *x)
{
    const int64_t images = th_size(x, 0);
    nj_look look = {.step = step, .x = th_leaf(s, x, true)};
    double t = nj_secondary_t(1 / step->recip, step->sigma);

    look.x0 = nj_secondary_forward(s, e->secondary, look.x,
                                   th_full(s, NJ_F32, e->device, 1, &images, t))
                  .pred;
    return look;
}

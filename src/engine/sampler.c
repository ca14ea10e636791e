/* Sampler: see sampler.h. Each sampler is its formula and no more; coefficients
 * are worked out in double beforehand. */
#include "engine/sampler.h"

/* a * x + b * y */
static th_tensor *mix(th_scope *s, double a, const th_tensor *x, double b,
                      const th_tensor *y)
{
    return th_add(s, th_mul_scalar(s, x, a), th_mul_scalar(s, y, b));
}

static th_tensor *x0_of(th_scope *s, const nj_step *step, const th_tensor *x,
                        const th_tensor *eps)
{
    return mix(s, step->recip, x, -step->recipm1, eps);
}

static th_tensor *eps_of(th_scope *s, const nj_step *step, const th_tensor *x,
                         const th_tensor *x0)
{
    return mix(s, step->recip / step->recipm1, x, -1 / step->recipm1, x0);
}

void nj_predict(th_scope *s, nj_look *look, const th_tensor *output, bool clip)
{
    bool learned = th_size(output, 1) == 2 * th_size(look->x, 1);

    look->eps = th_narrow(s, output, 1, 0, th_size(look->x, 1));
    look->v = learned ? th_narrow(s, output, 1, th_size(look->x, 1),
                                  th_size(look->x, 1))
                      : NULL;
    look->x0 = x0_of(s, look->step, look->x, look->eps);
    if (clip) {
        look->x0 = th_clamp(s, look->x0, -1, 1);
        look->eps = eps_of(s, look->step, look->x, look->x0);
    }
}

nj_guided nj_guide(th_scope *s, const nj_look *look)
{
    nj_guided out = {look->x0, look->eps};

    if (look->g) {
        out.eps =
            th_sub(s, look->eps, th_mul_scalar(s, look->g, look->step->sigma));
        out.x0 = x0_of(s, look->step, look->x, out.eps);
    }
    return out;
}

/* ---- DDPM -------------------------------------------------------------- */

/* mean + variance * g + exp(log variance / 2) * z (Dhariwal & Nichol 2021,
 * algorithm 1; variance of Nichol & Dhariwal 2021, equation 15). */
static th_tensor *ddpm_learned(th_scope *s, const nj_look *now,
                               const th_tensor *z)
{
    const nj_step *step = now->step;
    double middle = (step->log_variance_max + step->log_variance_min) / 2;
    double reach = (step->log_variance_max - step->log_variance_min) / 2;
    th_tensor *log_variance =
        th_add_scalar(s, th_mul_scalar(s, now->v, reach), middle);
    th_tensor *x = mix(s, step->mean_x0, now->x0, step->mean_x, now->x);
    th_tensor *deviation;

    if (now->g)
        x = th_add(s, x, th_mul(s, th_exp(s, log_variance), now->g));
    if (step->last)
        return x;
    deviation = th_exp(s, th_mul_scalar(s, log_variance, .5));
    return th_add(s, x, th_mul(s, deviation, z));
}

static th_tensor *ddpm_fixed(th_scope *s, const nj_look *now,
                             const th_tensor *z)
{
    const nj_step *step = now->step;
    th_tensor *x = mix(s, step->mean_x0, now->x0, step->mean_x, now->x);

    if (now->g)
        x = th_add(s, x, th_mul_scalar(s, now->g, step->variance));
    if (step->last)
        return x;
    return th_add(s, x, th_mul_scalar(s, z, step->deviation));
}

/* ---- DDIM -------------------------------------------------------------- */

/* Song et al. 2021, equation 12. */
static th_tensor *ddim(th_scope *s, const nj_look *now, const th_tensor *z)
{
    const nj_step *step = now->step;
    nj_guided p = nj_guide(s, now);
    th_tensor *x = mix(s, step->ddim_x0, p.x0, step->ddim_eps, p.eps);

    if (step->last || step->ddim_z == 0)
        return x;
    return th_add(s, x, th_mul_scalar(s, z, step->ddim_z));
}

/* ---- PLMS -------------------------------------------------------------- */

/* The DDIM move without noise along a given eps. */
static th_tensor *plain_move(th_scope *s, const nj_step *step,
                             const th_tensor *x0, const th_tensor *eps)
{
    return mix(s, step->ddim_x0, x0, step->plain_eps, eps);
}

/* Adams-Bashforth over this step's eps and the history. */
static th_tensor *extrapolate(th_scope *s, const nj_sampler_run *r,
                              th_tensor *eps)
{
    int order = r->known + 1 < r->config.plms_order ? r->known + 1
                                                    : r->config.plms_order;
    const double *w = nj_plms_weights(order);
    th_tensor *sum = th_mul_scalar(s, eps, w[0]);

    for (int i = 1; i < order; i++)
        sum = th_add(s, sum, th_mul_scalar(s, r->history[i - 1], w[i]));
    return sum;
}

/* Slots are reused, so that memory does not grow with the steps. */
static th_tensor *new_slot(th_scope *scope, const th_tensor *like)
{
    const int64_t shape[4] = {th_size(like, 0), th_size(like, 1),
                              th_size(like, 2), th_size(like, 3)};

    return th_zeros(scope, th_dtype(like), th_where(like), 4, shape);
}

static void remember(th_scope *s, nj_sampler_run *r, const th_tensor *eps)
{
    int room = r->config.plms_order - 1;
    th_tensor *slot;

    if (room == 0)
        return;
    if (r->known < room)
        slot = new_slot(r->scope, eps);
    else
        slot = r->history[room - 1];
    for (int i = room - 1; i > 0; i--)
        r->history[i] = r->history[i - 1];
    r->history[0] = slot;
    th_copy_(s, slot, eps);
    if (r->known < room)
        r->known++;
}

static th_tensor *plms(th_scope *s, nj_sampler_run *r, const nj_look *now,
                       const nj_look *ahead)
{
    nj_guided p = nj_guide(s, now);
    th_tensor *eps;

    if (now->step->last)
        return p.x0;
    if (ahead)
        eps = mix(s, .5, p.eps, .5, nj_guide(s, ahead).eps);
    else
        eps = extrapolate(s, r, p.eps);
    remember(s, r, p.eps);
    return plain_move(s, now->step, x0_of(s, now->step, now->x, eps), eps);
}

/* ---- all of them ------------------------------------------------------- */

void nj_sampler_init(nj_sampler_run *r, th_scope *scope,
                     const nj_sampler_config *config)
{
    *r = (nj_sampler_run){.config = *config, .scope = scope};
}

bool nj_sampler_looks_ahead(const nj_sampler_run *r, const nj_step *step)
{
    return r->config.kind == NJ_PLMS && r->config.plms_order > 1 &&
           r->known == 0 && !step->last;
}

th_tensor *nj_sampler_trial(th_scope *s, const nj_look *now)
{
    bool grad = th_enable_grad(false);
    nj_guided p = nj_guide(s, now);
    th_tensor *x = plain_move(s, now->step, p.x0, p.eps);

    th_enable_grad(grad);
    return x;
}

static th_update_kind kind_of(const nj_sampler_run *r)
{
    if (r->config.kind == NJ_DDIM)
        return TH_UPDATE_DDIM;
    return r->config.variance == NJ_VARIANCE_LEARNED_RANGE ? TH_UPDATE_LEARNED
                                                           : TH_UPDATE_FIXED;
}

th_tensor *nj_sampler_at_once(th_scope *s, const nj_sampler_run *r,
                              const nj_look *now, const th_tensor *z)
{
    const nj_step *step = now->step;
    const th_update_kind kind = kind_of(r);
    const bool noisy =
        !step->last && (kind != TH_UPDATE_DDIM || step->ddim_z != 0);
    const th_update update = {
        .kind = kind,
        .x = now->x,
        .x0 = now->x0,
        .eps = now->eps,
        .v = now->v,
        .g = now->g,
        .z = noisy ? z : NULL,
        .mean_x0 = step->mean_x0,
        .mean_x = step->mean_x,
        .variance = step->variance,
        .deviation = step->deviation,
        .middle = (step->log_variance_max + step->log_variance_min) / 2,
        .reach = (step->log_variance_max - step->log_variance_min) / 2,
        .recip = step->recip,
        .recipm1 = step->recipm1,
        .sigma = step->sigma,
        .ddim_x0 = step->ddim_x0,
        .ddim_eps = step->ddim_eps,
        .ddim_z = step->ddim_z,
    };

    return th_sampler_update(s, &update);
}

th_tensor *nj_sampler_step(th_scope *s, nj_sampler_run *r, const nj_look *now,
                           const nj_look *ahead, const th_tensor *z)
{
    bool grad = th_enable_grad(false);
    th_tensor *x;

    if (r->config.kind == NJ_PLMS)
        x = plms(s, r, now, ahead);
    else if (th_where(now->x).kind == TH_CUDA)
        x = nj_sampler_at_once(s, r, now, z);
    else if (r->config.kind == NJ_DDIM)
        x = ddim(s, now, z);
    else if (r->config.variance == NJ_VARIANCE_LEARNED_RANGE)
        x = ddpm_learned(s, now, z);
    else
        x = ddpm_fixed(s, now, z);
    th_enable_grad(grad);
    return x;
}

th_tensor *nj_sampler_start(th_scope *s, const nj_steps *steps,
                            const th_tensor *init, const th_tensor *z)
{
    th_tensor *noise = th_mul_scalar(s, z, steps->start_noise);

    if (!init)
        return noise;
    return th_add(s, th_mul_scalar(s, init, steps->start_image), noise);
}

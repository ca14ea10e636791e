/* Parity of noise schedules and respacing. */
#include <stdlib.h>
#include <string.h>

#include "diffusion/schedule.h"
#include "parity/areas.h"

static void check_schedule(parity_case *c, const char *name,
                           const nj_schedule *s)
{
    const struct {
        const char *name;
        const double *values;
    } arrays[] = {
        {"betas", s->betas},
        {"alphas_cumprod", s->alphas_cumprod},
        {"posterior_variance", s->posterior_variance},
        {"posterior_log_variance_clipped", s->posterior_log_variance_clipped},
        {"posterior_mean_coef1", s->posterior_mean_coef1},
        {"posterior_mean_coef2", s->posterior_mean_coef2},
        {"sqrt_recip_alphas_cumprod", s->sqrt_recip_alphas_cumprod},
        {"sqrt_recipm1_alphas_cumprod", s->sqrt_recipm1_alphas_cumprod},
        {"sqrt_one_minus_alphas_cumprod", s->sqrt_one_minus_alphas_cumprod},
    };
    const int64_t shape = (int64_t)s->count;
    int64_t *timesteps = parity_alloc(c, s->count, sizeof(*timesteps));

    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        parity_check_f64(c, parity_text(c, "%s.%s", name, arrays[i].name),
                         arrays[i].values, 1, &shape);
    for (size_t i = 0; i < s->count; i++)
        timesteps[i] = s->timesteps[i];
    parity_check_i64(c, parity_text(c, "%s.timesteps", name), timesteps, 1,
                     &shape);
    parity_check_f32(c, parity_text(c, "%s.model_timesteps", name),
                     s->model_timesteps, 1, &shape);
}

static void run_schedule(parity_case *c)
{
    const cJSON *respacing;
    nj_schedule_config config = {
        .kind = strcmp(parity_string(c, "noise_schedule"), "cosine") == 0
                    ? NJ_BETA_COSINE
                    : NJ_BETA_LINEAR,
        .diffusion_steps = (int)parity_number(c, "diffusion_steps"),
        .rescale_timesteps =
            nj_json_bool(parity_config(c), "rescale_timesteps", false),
    };

    cJSON_ArrayForEach(respacing, nj_json_get(parity_config(c), "respacing"))
    {
        nj_schedule schedule;
        nj_err err = {0};

        config.respacing = cJSON_GetStringValue(respacing);
        if (parity_bad(c, nj_schedule_init(&schedule, &config, &err), &err))
            return;
        check_schedule(c, respacing->string, &schedule);
        nj_schedule_release(&schedule);
    }
}

/* Steps of "n" (or "ddimn"); NULL when it is refused. */
static int *kept_steps(parity_case *c, const char *prefix, int n, size_t *count)
{
    int *steps = NULL;

    if (nj_respace(parity_text(c, "%s%d", prefix, n),
                   (int)parity_number(c, "diffusion_steps"), &steps, count,
                   NULL) != NJ_OK)
        return NULL;
    return steps;
}

static void run_respacing_all(parity_case *c)
{
    int base = (int)parity_number(c, "diffusion_steps");
    int64_t n = base - 1;
    int64_t *sum = parity_alloc(c, (size_t)n, sizeof(*sum));
    int64_t *weighted = parity_alloc(c, (size_t)n, sizeof(*weighted));
    int64_t *ddim = parity_alloc(c, (size_t)n, sizeof(*ddim));
    int64_t ddims = 0;
    size_t count = 0;

    for (int i = 0; i < n; i++) {
        int *steps = kept_steps(c, "", i + 2, &count);

        parity_expect(c, steps && count == (size_t)i + 2, "'%d' is refused",
                      i + 2);
        for (size_t k = 0; steps && k < count; k++) {
            sum[i] += steps[k];
            weighted[i] += (int64_t)(k + 1) * steps[k];
        }
        free(steps);
        steps = kept_steps(c, "ddim", i + 2, &count);
        if (steps)
            ddim[ddims++] = i + 2;
        free(steps);
    }
    parity_check_i64(c, "sum", sum, 1, &n);
    parity_check_i64(c, "weighted_sum", weighted, 1, &n);
    parity_check_i64(c, "ddim_counts", ddim, 1, &ddims);
}

static void one_row(parity_case *c, const cJSON *row)
{
    const char *respacing = nj_json_string(row, "respacing", "");
    const char *expect = nj_json_string(row, "expect", "");
    int *steps = NULL;
    size_t count = 0;
    nj_err err = {0};
    nj_status status =
        nj_respace(respacing, (int)nj_json_number(row, "diffusion_steps", 1000),
                   &steps, &count, &err);

    if (status != NJ_OK)
        parity_expect(c, strcmp(expect, "ok") != 0 && err.text[0],
                      "'%s' is refused: %s", respacing, err.text);
    else
        parity_expect(c,
                      strcmp(expect, "error") != 0 &&
                          (double)count == nj_json_number(row, "steps", -1) &&
                          steps[0] == nj_json_number(row, "first", -1) &&
                          steps[count - 1] == nj_json_number(row, "last", -1),
                      "'%s' is read as %zu steps from %d to %d", respacing,
                      count, steps[0], steps[count - 1]);
    free(steps);
}

static void run_respacing_errors(parity_case *c)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, nj_json_get(parity_config(c), "rows"))
        one_row(c, row);
}

const parity_kind parity_schedule[] = {
    {"schedule", run_schedule},
    {"respacing_all", run_respacing_all},
    {"respacing_errors", run_respacing_errors},
    {NULL, NULL},
};

/* Parity of Disco's secondary model. */
#include "model/secondary.h"
#include "parity/areas.h"
#include "parity/formula.h"
#include "parity/tensors.h"

static void run_cosine(parity_case *c)
{
    const parity_tensor *alpha = parity_input(c, "alpha");
    size_t n = alpha ? alpha->n : 0;
    const float *alphas = parity_input_f32(c, "alpha", n);
    const float *sigmas = parity_input_f32(c, "sigma", n);
    float *t = parity_alloc(c, n, sizeof(*t));
    th_scope *s = th_scope_new(NULL);
    th_tensor *back[2];

    for (size_t i = 0; alphas && sigmas && i < n; i++)
        t[i] = (float)nj_secondary_t((double)alphas[i], (double)sigmas[i]);
    parity_check_f32(c, "t", t, 1, (int64_t[]){(int64_t)n});
    nj_secondary_levels(s, parity_tensor_in(c, s, "t"), &back[0], &back[1]);
    parity_check_tensor(c, s, "alpha_back", back[0]);
    parity_check_tensor(c, s, "sigma_back", back[1]);
    th_scope_free(s);
}

static void run_forward(parity_case *c, const nj_secondary *n)
{
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = th_leaf(s, parity_tensor_in(c, s, "x"), true);
    nj_secondary_output out =
        nj_secondary_forward(s, n, x, parity_tensor_in(c, s, "t"));

    parity_check_tensor(c, s, "v", out.v);
    parity_check_tensor(c, s, "pred", out.pred);
    parity_check_tensor(c, s, "eps", out.eps);
    if (parity_has(c, "grad_x"))
        parity_check_tensor(
            c, s, "grad_x",
            th_grad(s, out.pred, parity_tensor_in(c, s, "weight"), x));
    th_scope_free(s);
}

static void run_network(parity_case *c)
{
    const th_device device = parity_device();
    nj_weights *weights = parity_formula_weights(c);
    nj_secondary *n = NULL;
    nj_err err = {0};

    if (weights &&
        !parity_bad(c, nj_secondary_new(weights, NJ_F32, device, &n, &err),
                    &err))
        run_forward(c, n);
    nj_secondary_free(n);
    nj_weights_free(weights);
}

const parity_kind parity_secondary[] = {
    {"secondary.cosine_t", run_cosine},
    {"secondary.network", run_network},
    {0},
};

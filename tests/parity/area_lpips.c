/* Parity of LPIPS with VGG16. */
#include "model/lpips_vgg.h"
#include "parity/areas.h"
#include "parity/formula.h"
#include "parity/tensors.h"

/* Mean and deviation of every layer's raw activations. */
struct moments {
    th_scope *scope;
    const th_tensor *mean[NJ_LPIPS_LAYERS];
    const th_tensor *std[NJ_LPIPS_LAYERS];
    int layers;
};

static void see(void *user, const char *name, const th_tensor *t)
{
    struct moments *m = user;
    const int dims[3] = {1, 2, 3};
    th_scope *s = m->scope;
    th_tensor *mean = th_mean_dims(s, t, 3, dims, true);
    th_tensor *away = th_square(s, th_sub(s, t, mean));

    (void)name;
    if (m->layers == NJ_LPIPS_LAYERS)
        return;
    m->mean[m->layers] = th_mean_dims(s, t, 3, dims, false);
    m->std[m->layers] = th_sqrt(s, th_mean_dims(s, away, 3, dims, false));
    m->layers++;
}

static void run_distance(parity_case *c, const nj_lpips *n)
{
    const int layers[1] = {1};
    th_scope *s = th_scope_new(NULL);
    struct moments m = {.scope = s};
    const nj_observer observer = {&m, see};
    th_tensor *image = th_leaf(s, parity_tensor_in(c, s, "image"), true);
    nj_lpips_features reference =
        nj_lpips_look(s, n, parity_tensor_in(c, s, "reference"), NULL);
    nj_lpips_features looked = nj_lpips_look(s, n, image, &observer);
    th_tensor *distances = nj_lpips_distances(s, n, &looked, &reference);
    th_tensor *sum = th_sum_dims(s, distances, 1, layers, false);

    parity_check_tensor(c, s, "mean", th_stack(s, m.mean, (size_t)m.layers, 1));
    parity_check_tensor(c, s, "std", th_stack(s, m.std, (size_t)m.layers, 1));
    parity_check_tensor(c, s, "per_layer", distances);
    parity_check_tensor(c, s, "distance", sum);
    if (parity_has(c, "grad_image"))
        parity_check_tensor(c, s, "grad_image", th_grad(s, sum, NULL, image));
    th_scope_free(s);
}

static void run_lpips(parity_case *c)
{
    const th_device device = parity_device();
    nj_weights *weights = parity_formula_weights(c);
    nj_lpips *n = NULL;
    nj_err err = {0};

    if (weights &&
        !parity_bad(c, nj_lpips_new(weights, weights, NJ_F32, device, &n, &err),
                    &err))
        run_distance(c, n);
    nj_lpips_free(n);
    nj_weights_free(weights);
}

const parity_kind parity_lpips[] = {{"lpips.vgg", run_lpips}, {0}};

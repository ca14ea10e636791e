/* Parity of the UNet: output, activations, gradient with respect to x. */
#include <string.h>

#include "model/unet.h"
#include "parity/areas.h"
#include "parity/tensors.h"
#include "weights/weights.h"

struct seen {
    parity_case *c;
    th_scope *scope;
};

static void see(void *user, const char *name, const th_tensor *t)
{
    struct seen *seen = user;
    const char *full = parity_text(seen->c, "act.%s", name);

    if (parity_has(seen->c, full))
        parity_check_tensor(seen->c, seen->scope, full, t);
}

static th_tensor *classes_in(parity_case *c, th_scope *s)
{
    const parity_tensor *y;

    if (!parity_has(c, "y"))
        return NULL;
    y = parity_input(c, "y");
    return parity_place(s, th_from_data(s, NJ_I64, y->ndim, y->shape, y->i64));
}

static void run_network(parity_case *c, const nj_unet *u)
{
    th_scope *s = th_scope_new(NULL);
    struct seen seen = {c, s};
    const nj_observer observer = {&seen, see};
    th_tensor *x = th_leaf(s, parity_tensor_in(c, s, "x"), true);
    th_tensor *t = parity_tensor_in(c, s, "timesteps");
    th_tensor *out = nj_unet_forward(s, u, x, t, classes_in(c, s), &observer);

    parity_check_tensor(c, s, "out", out);
    parity_check_tensor(c, s, "grad_x",
                        th_grad(s, out, parity_tensor_in(c, s, "w"), x));
    th_scope_free(s);
}

static bool read_card(parity_case *c, nj_unet_card *card)
{
    char *json = cJSON_PrintUnformatted(parity_config(c));
    nj_err err = {0};
    bool ok = json &&
              !parity_bad(c, nj_unet_card_parse(json, strlen(json), card, &err),
                          &err);

    cJSON_free(json);
    return ok;
}

static void run_unet(parity_case *c)
{
    const th_device device = parity_device();
    const char *path = parity_path(c, parity_string(c, "checkpoint"));
    nj_unet_card card;
    nj_weights *weights = NULL;
    nj_unet *u = NULL;
    nj_err err = {0};

    if (read_card(c, &card) &&
        !parity_bad(c, nj_weights_open(path, &weights, &err), &err) &&
        !parity_bad(c, nj_unet_new(weights, &card, NJ_F32, device, &u, &err),
                    &err))
        run_network(c, u);
    nj_unet_free(u);
    nj_weights_free(weights);
}

const parity_kind parity_unet[] = {{"unet_forward", run_unet}, {0}};

/* Parity of Disco's resize. */
#include "engine/resample.h"
#include "parity/areas.h"
#include "parity/tensors.h"

static void one_set(parity_case *c, const cJSON *set)
{
    const char *name = nj_json_string(set, "name", "");
    const int height = (int)nj_json_number(set, "out_height", 0);
    const int width = (int)nj_json_number(set, "out_width", 0);
    th_scope *s = th_scope_new(NULL);
    th_tensor *x = th_leaf(
        s, parity_tensor_in(c, s, parity_text(c, "image.%s", name)), true);
    th_tensor *weight =
        parity_tensor_in(c, s, parity_text(c, "weight.%s", name));
    th_tensor *y = nj_resample_cubic(s, x, height, width);

    parity_check_tensor(c, s, parity_text(c, "out.%s", name), y);
    parity_check_tensor(c, s, parity_text(c, "grad.%s", name),
                        th_grad(s, y, weight, x));
    th_scope_free(s);
}

static void run_cubic(parity_case *c)
{
    const cJSON *set;

    cJSON_ArrayForEach(set, nj_json_get(parity_config(c), "sets"))
        one_set(c, set);
}

const parity_kind parity_resize[] = {{"resize.cubic", run_cubic}, {0}};

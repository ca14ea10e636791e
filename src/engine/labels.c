/* Labels: see labels.h. */
#include "engine/labels.h"

#include <stdlib.h>

#include "base/mem.h"
#include "diffusion/draws.h"

th_tensor *nj_labels(th_scope *s, const nj_labels_config *config,
                     uint32_t iteration)
{
    const int64_t shape = (int64_t)config->images;
    int64_t *labels;
    th_tensor *t;

    if (config->classes == 0)
        return NULL;
    labels = nj_calloc(config->images, sizeof(*labels));
    if (!labels) {
        th_scope_fail(s, NJ_E_MEMORY, "no memory for classes");
        return NULL;
    }
    for (size_t b = 0; b < config->images; b++) {
        const nj_source from = {config->seeds[b], iteration, NJ_STREAM_CLASS,
                                0};

        labels[b] = config->class_id == NJ_CLASS_RANDOM
                        ? nj_draw_class(&from, config->classes)
                        : config->class_id;
    }
    t = th_to(s, th_from_data(s, NJ_I64, 1, &shape, labels), NJ_I64,
              config->device);
    free(labels);
    return t;
}

/* Labels: the classes that a class-conditional network is told. */
#ifndef NJ_ENGINE_LABELS_H
#define NJ_ENGINE_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "torch/th.h"

typedef struct nj_labels_config {
    int classes;           /* that the network has; 0: none are given */
    int class_id;          /* 0.., or NJ_CLASS_RANDOM */
    const uint64_t *seeds; /* [images] */
    size_t images;         /* B */
    th_device device;
} nj_labels_config;

/* Labels of the images at a step -> [B] int64, or NULL without classes. */
th_tensor *nj_labels(th_scope *s, const nj_labels_config *config,
                     uint32_t iteration);

#endif

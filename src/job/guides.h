/* Model files of guidance beside CLIP, for models.c. */
#ifndef NJ_JOB_GUIDES_H
#define NJ_JOB_GUIDES_H

#include "job/models.h"

/* The file of --secondary-model, if it is given. */
nj_status nj_models_find_secondary(const nj_options *o, const nj_catalogue *c,
                                   const nj_list *folders, nj_model_files *m,
                                   nj_err *err) NJ_MUST_USE;

#endif

/* Model files by path or name, for models.c and what uses a single network. */
#ifndef NJ_JOB_MODELS_LOCATE_H
#define NJ_JOB_MODELS_LOCATE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"
#include "weights/catalogue.h"

/* The known model of that name when its file is there, else NULL. */
const nj_model *nj_model_present(const nj_catalogue *c, nj_model_kind kind,
                                 const char *name);

/* A path that exists, else a file of that name in a models folder, else the
 * file of a known model. NJ_E_USAGE says how to get it. The caller frees
 * *out. */
nj_status nj_model_locate(const nj_catalogue *c, const nj_list *folders,
                          nj_model_kind kind, const char *name, char **out,
                          nj_err *err) NJ_MUST_USE;

/* The known model whose file this is, or NULL; a copy of it elsewhere, under
 * the same name, counts too. */
const nj_model *nj_model_of_file(const nj_catalogue *c, nj_model_kind kind,
                                 const char *path);

/* Whether two paths lead to one file that is there. */
bool nj_model_same_file(const char *a, const char *b);

/* CLIP's vocabulary: the card's own, else one beside the CLIP file, else one
 * in the models folders. The caller frees *out. */
nj_status nj_model_vocabulary(const nj_catalogue *c, const nj_list *folders,
                              const char *clip_path, char **out,
                              nj_err *err) NJ_MUST_USE;

/* NJ_E_FORMAT when the file holds no CLIP; reads the sizes off it without
 * converting a tensor. */
nj_status nj_model_check_clip(const char *path, size_t *vocabulary_size,
                              size_t *context_size, nj_err *err) NJ_MUST_USE;

#endif

/* What the tests of networks share: weight files with something changed, and
 * how far two tensors are apart. */
#ifndef NJ_TESTS_MODEL_TEST_H
#define NJ_TESTS_MODEL_TEST_H

#include <unistd.h>

#include "torch/th_test.h"
#include "weights_write.h"

#define FIXTURES NJ_SOURCE_DIR "/tests/fixtures/"

static inline nj_weights *open_weights(const char *path)
{
    nj_weights *w = NULL;
    nj_err err = {0};

    if (nj_weights_open(path, &w, &err) != NJ_OK)
        fail_msg("%s", err.text);
    return w;
}

/* Writes the views to a file of their own and opens it. */
static inline nj_weights *weights_of(const nj_view *views, size_t n)
{
    char path[] = "/tmp/nj_model_test_XXXXXX";
    int file = mkstemp(path);
    nj_weights *w;

    assert_true(file >= 0);
    close(file);
    assert_true(weights_write(path, views, n));
    w = open_weights(path);
    unlink(path);
    return w;
}

/* All views of w, with room for one more; the caller frees them. */
static inline nj_view *copy_views(const nj_weights *w, size_t *n)
{
    nj_view *views;

    *n = nj_weights_count(w);
    views = nj_calloc(*n + 1, sizeof(*views));
    assert_non_null(views);
    for (size_t i = 0; i < *n; i++)
        views[i] = *nj_weights_at(w, i);
    return views;
}

typedef enum change { DROP, ADD_ROW, RENAME, ADD } change;

/* w with the tensor `name` dropped, one row longer, named `other`, or copied
 * as `other`. */
static inline nj_weights *changed(const nj_weights *w, change how,
                                  const char *name, const char *other)
{
    size_t n;
    nj_view *views = copy_views(w, &n);
    nj_view *v = views;
    float *longer = NULL;
    nj_weights *out;

    while (v < views + n && strcmp(v->name, name) != 0)
        v++;
    assert_true(v < views + n);
    if (how == DROP)
        *v = views[--n];
    if (how == RENAME)
        v->name = other;
    if (how == ADD) {
        views[n] = *v;
        views[n++].name = other;
    }
    if (how == ADD_ROW) {
        v->shape[0]++;
        longer = nj_calloc((size_t)nj_view_elements(v), sizeof(*longer));
        v->data = longer;
        v->dtype = NJ_F32;
    }
    out = weights_of(views, n);
    free(longer);
    free(views);
    return out;
}

/* Largest difference of two tensors over the largest value of b. */
static inline double relative_error(th_scope *s, const th_tensor *a,
                                    const th_tensor *b)
{
    const double error = largest(s, th_sub(s, a, b)) / largest(s, b);

    OK(s);
    return error;
}

#endif

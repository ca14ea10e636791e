/* CLIP's text transformer: causal, read at the end token. */
#include "model/clip_layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void nj_clip_text_build(nj_params *p, nj_clip *c)
{
    const nj_clip_config *f = &c->config;
    const nj_clip_names *n = c->names;
    nj_clip_text *t = &c->text;
    int64_t w = f->text_width;

    t->tokens =
        nj_params_take(p, n->token_embedding, NJ_SHAPE(f->vocabulary, w));
    t->positions =
        nj_params_take(p, n->text_positions, NJ_SHAPE(f->context, w));
    nj_transformer_build(p, n, n->text_blocks, &t->transformer);
    t->ln_final = nj_take_norm(p, n->ln_final, w);
    t->projection = nj_clip_take_projection(p, n, n->text_projection,
                                            f->text_width, f->embed);
}

/* Position of the largest id, the first where it occurs twice: the end token
 * has the largest of all. */
static int64_t end_of(const int64_t *row, int64_t context)
{
    int64_t at = 0;

    for (int64_t i = 1; i < context; i++)
        if (row[i] > row[at])
            at = i;
    return at;
}

/* Rows of [texts * context, w] that hold the end tokens; NULL after an error.
 */
static th_tensor *end_rows(th_scope *s, const nj_clip *c, const int64_t *ids,
                           size_t texts)
{
    const int64_t shape[1] = {(int64_t)texts};
    int64_t context = c->config.context;
    int64_t *rows = nj_calloc(texts, sizeof(*rows));
    th_tensor *t;

    if (!rows) {
        th_scope_fail(s, NJ_E_MEMORY, "out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < shape[0]; i++)
        rows[i] = i * context + end_of(ids + i * context, context);
    t = th_from_data(s, NJ_I64, 1, shape, rows);
    free(rows);
    return th_to(s, t, NJ_I64, c->device);
}

static void check_ids(th_scope *s, const nj_clip_config *f, const int64_t *ids,
                      size_t texts)
{
    for (size_t i = 0; i < texts * (size_t)f->context; i++) {
        char text[96];

        if (ids[i] >= 0 && ids[i] < f->vocabulary)
            continue;
        snprintf(text, sizeof(text), "token id %" PRId64 ", expected 0 to %d",
                 ids[i], f->vocabulary - 1);
        th_scope_fail(s, NJ_E_INTERNAL, text);
        return;
    }
}

static th_tensor *run(th_scope *s, const nj_clip *c, const int64_t *ids,
                      size_t texts, const nj_observer *o)
{
    const nj_clip_text *t = &c->text;
    const int64_t shape[2] = {(int64_t)texts, c->config.context};
    const int64_t flat[2] = {-1, c->config.text_width};
    th_tensor *x =
        th_to(s, th_from_data(s, NJ_I64, 2, shape, ids), NJ_I64, c->device);
    nj_held h;

    x = th_embedding(s, t->tokens, x); /* [texts,context,w] */
    h = nj_hold(s, th_add(s, x, t->positions));
    nj_transformer_run(s, &t->transformer, &h, "text_", o);
    x = th_reshape(s, h.tensor, 2, flat);
    x = th_index_select(s, x, 0, end_rows(s, c, ids, texts));
    nj_drop(&h);
    return nj_linear(s, &t->projection, nj_layer_norm(s, &t->ln_final, x));
}

th_tensor *nj_clip_encode_text(th_scope *s, const nj_clip *c,
                               const int64_t *ids, size_t texts,
                               const nj_observer *observer)
{
    th_scope *t = th_scope_new(s);
    th_tensor *e;

    if (!c->text_scope)
        th_scope_fail(t, NJ_E_INTERNAL, "CLIP's text tower is not there");
    check_ids(t, &c->config, ids, texts);
    e = run(t, c, ids, texts, observer);
    e = th_keep(s, th_to(t, e, NJ_F32, c->device));
    th_scope_free(t);
    return e;
}

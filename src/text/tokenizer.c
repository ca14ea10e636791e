/* CLIP's tokenizer: see tokenizer.h. Text is cleaned (clean.c), split
 * (split.c), and in each piece the pair of lowest rank merges first, all its
 * occurrences from left to right (Sennrich et al. 2016; OpenAI's
 * simple_tokenizer.py). */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/split.h"
#include "text/vocabulary.h"

#define FILE_MAX ((size_t)64 << 20)

struct nj_tokenizer {
    nj_vocabulary vocabulary;
};

/* A symbol of a piece and the merge with its right neighbour. */
typedef struct node {
    uint32_t symbol;
    bool stale; /* the merge must be looked up anew */
    const nj_merge *merge;
} node;

typedef struct piece {
    node *at;
    size_t n;
    size_t capacity;
} piece;

typedef struct id_list {
    int32_t *at;
    size_t n;
    size_t capacity;
} id_list;

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "tokenizer: no memory");
}

nj_status nj_tokenizer_open(const char *vocabulary_path, size_t vocab_size,
                            nj_tokenizer **out, nj_err *err)
{
    char *bytes = NULL;
    size_t n = 0;
    nj_status status = nj_file_read(vocabulary_path, FILE_MAX, &bytes, &n, err);

    *out = NULL;
    if (status != NJ_OK)
        return status;
    *out = nj_calloc(1, sizeof(**out));
    status = *out ? nj_vocabulary_parse(bytes, n, vocab_size,
                                        &(*out)->vocabulary, err)
                  : no_memory(err);
    free(bytes);
    if (status != NJ_OK) {
        free(*out);
        *out = NULL;
        (void)nj_err_add(err, "cannot read '%s'", vocabulary_path);
    }
    return status;
}

void nj_tokenizer_free(nj_tokenizer *t)
{
    if (!t)
        return;
    nj_vocabulary_release(&t->vocabulary);
    free(t);
}

static bool set_bytes(piece *p, const nj_vocabulary *v, const char *s, size_t n)
{
    if (!nj_grow(&p->at, &p->capacity, n, sizeof(*p->at)))
        return false;
    p->n = n;
    for (size_t i = 0; i < n; i++)
        p->at[i] = (node){v->byte_symbols[(unsigned char)s[i]], true, NULL};
    p->at[n - 1].symbol += NJ_WORD_END;
    return true;
}

/* Looks up what is stale and returns the merge of lowest rank, or NULL. */
static const nj_merge *best_merge(piece *p, const nj_vocabulary *v)
{
    const nj_merge *best = NULL;

    for (size_t i = 0; i + 1 < p->n; i++) {
        node *x = &p->at[i];

        if (x->stale)
            x->merge = nj_vocabulary_find(v, x->symbol, x[1].symbol);
        x->stale = false;
        if (x->merge && (!best || x->merge->rank < best->rank))
            best = x->merge;
    }
    return best;
}

static void apply_merge(piece *p, const nj_merge *merge)
{
    size_t to = 0;

    for (size_t i = 0; i < p->n; to++) {
        if (i + 1 < p->n && p->at[i].merge == merge) {
            p->at[to] = (node){merge->merged, true, NULL};
            if (to > 0)
                p->at[to - 1].stale = true;
            i += 2;
        } else {
            p->at[to] = p->at[i++];
        }
    }
    p->n = to;
}

static bool add_id(id_list *ids, int32_t id)
{
    if (!nj_grow(&ids->at, &ids->capacity, ids->n + 1, sizeof(*ids->at)))
        return false;
    ids->at[ids->n++] = id;
    return true;
}

static bool equals(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s, word, n) == 0;
}

static bool encode_piece(const nj_vocabulary *v, piece *p, const char *s,
                         size_t n, id_list *ids)
{
    const nj_merge *merge;

    if (equals(s, n, NJ_START_OF_TEXT))
        return add_id(ids, v->start_id);
    if (equals(s, n, NJ_END_OF_TEXT))
        return add_id(ids, v->end_id);
    if (!set_bytes(p, v, s, n))
        return false;
    while ((merge = best_merge(p, v)) != NULL)
        apply_merge(p, merge);
    for (size_t i = 0; i < p->n; i++) {
        if (!add_id(ids, v->ids[p->at[i].symbol]))
            return false;
    }
    return true;
}

static bool encode_pieces(const nj_vocabulary *v, const char *text,
                          id_list *ids)
{
    piece p = {0};
    const char *s;
    bool good = true;
    size_t length = strlen(text);

    for (size_t at = 0; good && (s = nj_split_next(text, length, &at));)
        good = encode_piece(v, &p, s, (size_t)(text + at - s), ids);
    free(p.at);
    return good;
}

nj_status nj_tokenizer_encode(const nj_tokenizer *t, const char *text,
                              size_t length, int32_t **ids, size_t *count,
                              nj_err *err)
{
    id_list list = {0};
    char *clean;
    bool good;

    if (length > NJ_TOKENIZER_TEXT_MAX)
        return nj_fail(err, NJ_E_USAGE,
                       "text has %zu bytes, at most %d can "
                       "be read",
                       length, NJ_TOKENIZER_TEXT_MAX);
    if (!nj_utf8_valid(text, length))
        return nj_fail(err, NJ_E_USAGE, "text is not valid UTF-8");
    clean = nj_clean_text(text, length);
    good = clean && nj_grow(&list.at, &list.capacity, 1, sizeof(*list.at)) &&
           encode_pieces(&t->vocabulary, clean, &list);
    free(clean);
    if (!good) {
        free(list.at);
        return no_memory(err);
    }
    *ids = list.at;
    *count = list.n;
    return NJ_OK;
}

/* Writes start, ids, end, zeros; what does not fit before the end is cut. */
static void fill_row(const nj_vocabulary *v, const int32_t *ids, size_t count,
                     size_t context, int64_t *row)
{
    size_t used = count < context - 2 ? count : context - 2;

    row[0] = v->start_id;
    for (size_t i = 0; i < used; i++)
        row[1 + i] = ids[i];
    row[1 + used] = v->end_id;
    for (size_t i = 2 + used; i < context; i++)
        row[i] = 0;
}

nj_status nj_tokenizer_row(const nj_tokenizer *t, const char *text,
                           size_t length, bool truncate, size_t context,
                           int64_t *row, nj_err *err)
{
    int32_t *ids = NULL;
    size_t count = 0;
    nj_status status;

    if (context < 2)
        return nj_fail(err, NJ_E_USAGE,
                       "context of %zu tokens has no room for start and end",
                       context);
    status = nj_tokenizer_encode(t, text, length, &ids, &count, err);
    if (status != NJ_OK)
        return status;
    if (count > context - 2 && !truncate)
        status =
            nj_fail(err, NJ_E_USAGE,
                    "prompt is %zu token%s too long: it has %zu with start "
                    "and end, at most %zu fit",
                    count + 2 - context, count + 2 - context == 1 ? "" : "s",
                    count + 2, context);
    else
        fill_row(&t->vocabulary, ids, count, context, row);
    free(ids);
    return status;
}

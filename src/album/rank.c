/* Ranking: scores, duplicates, the best; see rank.h. */
#include "album/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "album/alike.h"
#include "album/vectors.h"
#include "base/mem.h"
#include "base/path.h"
#include "job/share.h"
#include "text/prompt.h"

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a ranking");
}

void nj_ranking_release(nj_ranking *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->items[i].file);
        free(r->items[i].prompt);
    }
    free(r->items);
    *r = (nj_ranking){0};
}

/* ---- one CLIP ------------------------------------------------------------ */

/* Embeddings of the texts of a prompt, weighted: out = sum w_i t_i / sum |w_i|.
 * Each t_i has length 1, so out . picture is the weighted mean of cosines. */
static nj_status embed_prompt(nj_lens *l, const char *text, float *out,
                              size_t width, nj_err *err)
{
    nj_prompt p = {0};
    double total = 0;
    float *part = nj_calloc(width, sizeof(*part));
    nj_status status = part ? nj_prompt_parse(text, &p, err) : no_memory(err);

    memset(out, 0, width * sizeof(*out));
    for (size_t i = 0; i < p.count && status == NJ_OK; i++) {
        const char *words = p.parts[i].text;

        if (p.parts[i].image)
            continue;
        status = l->api->embed_texts(l->embedder, &words, 1, part, err);
        for (size_t k = 0; k < width && status == NJ_OK; k++)
            out[k] += (float)p.parts[i].weight * part[k];
        total += fabs(p.parts[i].weight);
    }
    for (size_t k = 0; k < width && total > 0; k++)
        out[k] = (float)(out[k] / total);
    nj_prompt_release(&p);
    free(part);
    return status;
}

static int by_prompt(const void *a, const void *b)
{
    return strcmp((*(nj_ranked *const *)a)->prompt,
                  (*(nj_ranked *const *)b)->prompt);
}

/* Cosines of CLIP number `clip`: each prompt is embedded once. A prompt that
 * cannot be parsed any more scores as its whole text. */
static nj_status score(nj_lens *l, size_t clip, const nj_embeddings *e,
                       nj_ranked **sorted, size_t count, nj_err *err)
{
    size_t width = nj_embeddings_width(e);
    float *text = nj_calloc(width, sizeof(*text));
    nj_status status = text ? nj_lens_open_for(l, width, err) : no_memory(err);

    for (size_t i = 0; i < count && status == NJ_OK; i++) {
        const nj_embedded *row = nj_embeddings_find(e, sorted[i]->file);

        if (i == 0 || by_prompt(&sorted[i - 1], &sorted[i]) != 0)
            status = embed_prompt(l, sorted[i]->prompt, text, width, err);
        if (status == NJ_E_USAGE) {
            const char *whole = sorted[i]->prompt;

            status = l->api->embed_texts(l->embedder, &whole, 1, text, err);
        }
        sorted[i]->cosines[clip] =
            (double)nj_vectors_dot(row->vector, text, width);
    }
    free(text);
    return status;
}

static nj_status score_all(nj_lens *l, size_t clip, const nj_embeddings *e,
                           nj_ranking *r, nj_err *err)
{
    nj_ranked **sorted = nj_calloc(r->count, sizeof(*sorted));
    nj_status status;

    if (!sorted)
        return no_memory(err);
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->items[i];
    if (r->count)
        qsort(sorted, r->count, sizeof(*sorted), by_prompt);
    status = score(l, clip, e, sorted, r->count, err);
    free(sorted);
    return status;
}

/* Pictures without an embedding leave the list. */
static void drop_unseen(nj_ranking *r, const nj_embeddings *e)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (nj_embeddings_find(e, r->items[i].file)) {
            r->items[kept++] = r->items[i];
        } else {
            free(r->items[i].file);
            free(r->items[i].prompt);
        }
    }
    r->count = kept;
}

/* ---- order and duplicates ------------------------------------------------ */

/* The mean of the CLIPs' scores, each standardised when there are several. */
static void combine(nj_ranking *r)
{
    double n = (double)r->count;

    for (size_t i = 0; i < r->count; i++)
        r->items[i].score = r->clips == 1 ? r->items[i].cosines[0] : 0;
    for (size_t c = 0; c < r->clips && r->clips > 1; c++) {
        double sum = 0;
        double square = 0;
        double deviation;

        for (size_t i = 0; i < r->count; i++) {
            sum += r->items[i].cosines[c];
            square += r->items[i].cosines[c] * r->items[i].cosines[c];
        }
        deviation = sqrt(fmax(square / n - sum / n * sum / n, 1e-12));
        for (size_t i = 0; i < r->count; i++)
            r->items[i].score += (r->items[i].cosines[c] - sum / n) /
                                 deviation / (double)r->clips;
    }
}

static int by_score(const void *a, const void *b)
{
    const nj_ranked *x = a;
    const nj_ranked *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return strcmp(x->file, y->file);
}

static const float *vector_of(const nj_embeddings *e, const nj_ranking *r,
                              size_t i)
{
    return nj_embeddings_find(e, r->items[i].file)->vector;
}

/* What the search for duplicates needs of the ranked pictures. */
struct pairs {
    const nj_ranking *ranking;
    nj_embeddings *const *embeddings; /* of each CLIP */
    const char *folder;
    double near;
    nj_thumb **thumbs; /* [count] read when first asked for */
};

/* NULL when the picture cannot be read, or memory is short. */
static const nj_thumb *thumb_of(struct pairs *p, size_t i)
{
    char *path = NULL;

    if (p->thumbs[i])
        return p->thumbs[i];
    p->thumbs[i] = nj_calloc(1, sizeof(**p->thumbs));
    if (p->thumbs[i])
        path = nj_path_join(p->folder, p->ranking->items[i].file);
    if (!path || nj_thumb_read(path, p->thumbs[i], NULL) != NJ_OK) {
        free(p->thumbs[i]);
        p->thumbs[i] = NULL;
    }
    free(path);
    return p->thumbs[i];
}

/* Whether the other CLIPs find pictures i and j near too, and the pixels are
 * the same. */
static bool are_same(struct pairs *p, size_t i, size_t j)
{
    const nj_thumb *a;
    const nj_thumb *b;

    for (size_t c = 1; c < p->ranking->clips; c++)
        if ((double)nj_vectors_dot(vector_of(p->embeddings[c], p->ranking, i),
                                   vector_of(p->embeddings[c], p->ranking, j),
                                   nj_embeddings_width(p->embeddings[c])) <
            p->near)
            return false;
    a = thumb_of(p, i);
    b = thumb_of(p, j);
    return a && b && nj_thumb_alike(a, b);
}

/* The first of the better pictures, given by their places, that is the same
 * as picture i. */
static size_t find_same(struct pairs *p, size_t i, const float *scores,
                        const size_t *places, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if ((double)scores[k] >= p->near && are_same(p, i, places[k]))
            return places[k];
    return NJ_RANK_UNIQUE;
}

/* Every picture is compared with the better ones that are no duplicates; the
 * first CLIP looks at all of them at once, the others at what is left. */
static nj_status mark_duplicates(struct pairs *p, nj_ranking *r, nj_err *err)
{
    const float **rows = nj_calloc(r->count, sizeof(*rows));
    size_t *places = nj_calloc(r->count, sizeof(*places));
    float *scores = nj_calloc(r->count, sizeof(*scores));
    size_t width = nj_embeddings_width(p->embeddings[0]);
    size_t kept = 0;
    bool good = rows && places && scores;

    for (size_t i = 0; i < r->count && good; i++) {
        const float *own = vector_of(p->embeddings[0], r, i);

        nj_vectors_score(rows, kept, own, width, scores);
        r->items[i].duplicate_of = find_same(p, i, scores, places, kept);
        if (r->items[i].duplicate_of == NJ_RANK_UNIQUE) {
            rows[kept] = own;
            places[kept++] = i;
        }
    }
    free(rows);
    free(places);
    free(scores);
    return good ? NJ_OK : no_memory(err);
}

static nj_status find_duplicates(nj_embeddings *const *e, const char *folder,
                                 double near, nj_ranking *r, nj_err *err)
{
    struct pairs p = {.ranking = r,
                      .embeddings = e,
                      .folder = folder,
                      .near = near,
                      .thumbs = nj_calloc(r->count, sizeof(*p.thumbs))};
    nj_status status = p.thumbs ? mark_duplicates(&p, r, err) : no_memory(err);

    for (size_t i = 0; i < r->count && p.thumbs; i++)
        free(p.thumbs[i]);
    free(p.thumbs);
    return status;
}

/* ---- all of it ----------------------------------------------------------- */

static nj_status list_files(const nj_ranking *r, nj_list *names, nj_err *err)
{
    for (size_t i = 0; i < r->count; i++)
        if (!nj_list_add(names, r->items[i].file))
            return no_memory(err);
    return NJ_OK;
}

static nj_status embed_and_score(const nj_embed_job *job, nj_lens *lenses,
                                 nj_embeddings **e, nj_ranking *r,
                                 nj_embed_tally *tally, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t c = 0; c < r->clips && status == NJ_OK; c++) {
        nj_list names = {0};
        nj_embed_job one = *job;

        one.names = &names;
        one.prune = false;
        status = list_files(r, &names, err);
        if (status == NJ_OK)
            status = nj_embed_folder(&one, &lenses[c], &e[c], tally, err);
        if (status == NJ_OK) {
            drop_unseen(r, e[c]);
            status = score_all(&lenses[c], c, e[c], r, err);
        }
        nj_list_release(&names);
    }
    return status;
}

nj_status nj_rank(const nj_embed_job *job, nj_lens *lenses, size_t count,
                  double near, nj_ranking *ranking, nj_embed_tally *tally,
                  nj_err *err)
{
    nj_embeddings *e[NJ_ENGINE_CLIPS_MAX] = {NULL};
    nj_status status;

    ranking->clips = count;
    status = embed_and_score(job, lenses, e, ranking, tally, err);
    if (status == NJ_OK) {
        combine(ranking);
        if (ranking->count)
            qsort(ranking->items, ranking->count, sizeof(*ranking->items),
                  by_score);
        status = find_duplicates(e, job->folder, near, ranking, err);
    }
    for (size_t c = 0; c < count; c++)
        nj_embeddings_free(e[c]);
    return status;
}

/* ---- the best ------------------------------------------------------------ */

/* How many pictures, duplicates included, a prompt has, and how many of them
 * are taken. */
struct quota {
    const char *prompt;
    size_t all;
    size_t taken;
};

static int by_quota(const void *a, const void *b)
{
    return strcmp(((const struct quota *)a)->prompt,
                  ((const struct quota *)b)->prompt);
}

static struct quota *count_prompts(const nj_ranking *r, bool each, size_t *n)
{
    struct quota *q = nj_calloc(r->count, sizeof(*q));
    size_t kept = 0;

    for (size_t i = 0; i < r->count && q; i++)
        q[i] = (struct quota){each ? r->items[i].prompt : "", 1, 0};
    if (q && r->count)
        qsort(q, r->count, sizeof(*q), by_quota);
    for (size_t i = 0; i < r->count && q; i++) {
        if (kept && strcmp(q[kept - 1].prompt, q[i].prompt) == 0)
            q[kept - 1].all++;
        else
            q[kept++] = q[i];
    }
    *n = kept;
    return q;
}

nj_status nj_rank_top(const nj_ranking *ranking, const char *share,
                      bool each_prompt, size_t **places, size_t *count,
                      nj_err *err)
{
    size_t prompts = 0;
    struct quota *quotas = count_prompts(ranking, each_prompt, &prompts);

    *count = 0;
    *places = nj_calloc(ranking->count, sizeof(**places));
    if (!quotas || !*places) {
        free(quotas);
        return no_memory(err);
    }
    for (size_t i = 0; i < ranking->count; i++) {
        const nj_ranked *item = &ranking->items[i];
        const struct quota key = {each_prompt ? item->prompt : "", 0, 0};
        struct quota *q =
            bsearch(&key, quotas, prompts, sizeof(*quotas), by_quota);

        if (item->duplicate_of != NJ_RANK_UNIQUE ||
            q->taken >= nj_share_of(share, q->all))
            continue;
        q->taken++;
        (*places)[(*count)++] = i;
    }
    free(quotas);
    return NJ_OK;
}

/* Writes a checkpoint of random values with the names, shapes and dtypes of a
 * public one, in full size, from its model card; or compares the names and
 * shapes of a file with a card.
 *
 *     make_checkpoint 256x256_diffusion_uncond out.pt
 *     make_checkpoint --seed 7 --kind clip models/demo/card.json clip.pt
 *     make_checkpoint --compare 256x256_diffusion_uncond real.pt
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "checkpoint/spec.h"
#include "checkpoint/writer.h"
#include "weights/catalogue.h"

typedef nj_status maker(spec *s, const cJSON *flags, nj_err *err);

static maker *const makers[NJ_MODEL_KINDS] = {
    [NJ_MODEL_UNET] = spec_unet,           [NJ_MODEL_CLIP] = spec_clip,
    [NJ_MODEL_UPSCALER] = spec_upscaler,   [NJ_MODEL_LPIPS] = spec_lpips,
    [NJ_MODEL_SECONDARY] = spec_secondary,
};

struct arguments {
    const char *kind;
    uint64_t seed;
    bool compare;
    const char *card;
    const char *file;
};

static bool parse(int argc, char **argv, struct arguments *a)
{
    int i = 1;

    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--compare") == 0)
            a->compare = true;
        else if (strcmp(argv[i], "--kind") == 0 && i + 1 < argc)
            a->kind = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc &&
                 nj_parse_u64(argv[i + 1], &a->seed))
            i++;
        else
            return false;
    }
    if (argc - i != 2)
        return false;
    a->card = argv[i];
    a->file = argv[i + 1];
    return true;
}

/* A path, or the name of a card in the tree. */
static nj_status read_card(const char *name, cJSON **out, nj_err *err)
{
    char path[4096];

    if (strchr(name, '/') || strstr(name, ".json"))
        return nj_json_read(name, out, err);
    snprintf(path, sizeof(path), NJ_SOURCE_DIR "/models/%s.json", name);
    return nj_json_read(path, out, err);
}

static nj_status make_spec(const struct arguments *a, const cJSON *card,
                           spec *s, nj_err *err)
{
    for (int kind = 0; kind < NJ_MODEL_KINDS; kind++) {
        const char *name = nj_model_kind_name((nj_model_kind)kind);
        const cJSON *flags = nj_json_get(card, name);

        if (!flags || !makers[kind] || (a->kind && strcmp(a->kind, name) != 0))
            continue;
        if (makers[kind](s, flags, err) != NJ_OK)
            return nj_err_add(err, "card '%s'", a->card);
        if (s->failed)
            return nj_fail(err, NJ_E_MEMORY, "no memory for names");
        return NJ_OK;
    }
    return nj_fail(err, NJ_E_USAGE, "card '%s' describes no such network",
                   a->card);
}

static void print_totals(const spec *s)
{
    uint64_t numbers = 0;

    for (size_t i = 0; i < s->count; i++) {
        uint64_t n = 1;

        for (int d = 0; d < s->tensors[i].ndim; d++)
            n *= (uint64_t)s->tensors[i].shape[d];
        numbers += n;
    }
    printf("%zu tensors, %" PRIu64 " numbers\n", s->count, numbers);
}

static bool fits(const spec_tensor *t, const nj_view *v)
{
    if (v->ndim != t->ndim)
        return false;
    for (int i = 0; i < t->ndim; i++) {
        if (v->shape[i] != t->shape[i])
            return false;
    }
    return true;
}

/* dtypes may differ: checkpoints are converted. */
static nj_status compare(const spec *s, const char *path, nj_err *err)
{
    nj_weights *w = NULL;
    nj_status status = nj_weights_open(path, &w, err);

    if (status != NJ_OK)
        return status;
    for (size_t i = 0; status == NJ_OK && i < s->count; i++) {
        const nj_view *v = nj_weights_find(w, s->tensors[i].name);

        if (!v || !fits(&s->tensors[i], v))
            status =
                nj_fail(err, NJ_E_FORMAT, "tensor '%s' %s", s->tensors[i].name,
                        v ? "has another shape" : "is missing");
    }
    if (status == NJ_OK && nj_weights_count(w) != s->count)
        status = nj_fail(err, NJ_E_FORMAT, "%zu tensors, %zu expected",
                         nj_weights_count(w), s->count);
    nj_weights_free(w);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    cJSON *card = NULL;
    spec s = {0};
    nj_err err = {0};
    nj_status status;

    if (!parse(argc, argv, &a)) {
        fprintf(stderr, "usage: make_checkpoint [--compare] [--kind KIND] "
                        "[--seed N] CARD FILE\n");
        return 2;
    }
    status = read_card(a.card, &card, &err);
    if (status == NJ_OK)
        status = make_spec(&a, card, &s, &err);
    if (status == NJ_OK)
        status = a.compare ? compare(&s, a.file, &err)
                           : write_checkpoint(&s, a.seed, a.file, &err);
    if (status == NJ_OK)
        print_totals(&s);
    else
        fprintf(stderr, "make_checkpoint: %s\n", err.text);
    spec_release(&s);
    cJSON_Delete(card);
    return status == NJ_OK ? 0 : 1;
}

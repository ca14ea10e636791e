/* Parity of the tokenizer: texts, rows for the text network, and prompts with
 * weights. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "parity/areas.h"
#include "parity/vocabulary.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

#define VOCAB_SIZE 49408
#define TEXTS_MAX  ((size_t)64 << 20)
#define SHOWN_MAX  20

/* ---- texts ------------------------------------------------------------- */

/* NULL, and the case skipped or failed, without a vocabulary. */
static nj_tokenizer *open_tokenizer(parity_case *c)
{
    const char *path = parity_vocabulary(c);
    const char *wanted = parity_string(c, "vocabulary_sha256");
    char sum[65];
    nj_tokenizer *t = NULL;
    nj_err err = {0};

    if (!path) {
        parity_skip(c, "no %s: set NJ_VOCABULARY", PARITY_VOCABULARY_NAME);
        return NULL;
    }
    if (parity_bad(c, nj_file_sha256(path, sum, &err), &err))
        return NULL;
    parity_expect(c, strcmp(sum, wanted) == 0, "%s has sha256 %s", path, sum);
    if (parity_bad(c, nj_tokenizer_open(path, VOCAB_SIZE, &t, &err), &err))
        return NULL;
    return t;
}

/* Lines of a file of one JSON object each: calls `use` until it is false. */
typedef bool (*use_line)(parity_case *c, void *to, const cJSON *line);

static void each_line(parity_case *c, const char *path, use_line use, void *to)
{
    char *bytes = NULL;
    size_t n = 0;
    nj_err err = {0};
    bool more = true;

    if (parity_bad(c, nj_file_read(path, TEXTS_MAX, &bytes, &n, &err), &err))
        return;
    for (char *s = bytes; more && *s;) {
        size_t length = strcspn(s, "\n");
        cJSON *line = NULL;

        more = !parity_bad(c, nj_json_parse(s, length, &line, &err), &err) &&
               use(c, to, line);
        cJSON_Delete(line);
        s += length + (s[length] == '\n');
    }
    free(bytes);
}

/* Lines that need ftfy's repairs are counted apart from the others. */
typedef struct tally {
    nj_tokenizer *t;
    size_t lines[2];
    size_t wrong[2];
} tally;

static bool same_ids(const int32_t *ids, size_t count, const cJSON *want)
{
    size_t i = 0;
    const cJSON *id;

    cJSON_ArrayForEach(id, want)
    {
        if (i >= count || ids[i++] != id->valueint)
            return false;
    }
    return cJSON_IsArray(want) && i == count;
}

static bool check_line(parity_case *c, void *to, const cJSON *line)
{
    tally *sum = to;
    const char *text = nj_json_string(line, "text", "");
    bool ftfy = nj_json_bool(line, "ftfy", false);
    int32_t *ids = NULL;
    size_t count = 0;
    nj_err err = {0};

    sum->lines[ftfy]++;
    if (parity_bad(
            c,
            nj_tokenizer_encode(sum->t, text, strlen(text), &ids, &count, &err),
            &err))
        return false;
    if (!same_ids(ids, count, nj_json_get(line, "ids"))) {
        sum->wrong[ftfy]++;
        if (sum->wrong[ftfy] <= SHOWN_MAX)
            parity_fail(c, "line %.0f (%s) has other ids",
                        nj_json_number(line, "n", -1),
                        nj_json_string(line, "category", "?"));
    }
    free(ids);
    return true;
}

static void run_texts(parity_case *c)
{
    tally sum = {.t = open_tokenizer(c)};

    if (!sum.t)
        return;
    each_line(c, parity_path(c, "texts.jsonl"), check_line, &sum);
    for (int ftfy = 0; ftfy < 2; ftfy++)
        parity_expect(c, sum.wrong[ftfy] == 0,
                      "%zu of %zu lines %s repairs have other ids",
                      sum.wrong[ftfy], sum.lines[ftfy],
                      ftfy ? "with" : "without");
    parity_expect(c, sum.lines[0] > 0, "texts.jsonl has no lines");
    nj_tokenizer_free(sum.t);
}

/* ---- rows -------------------------------------------------------------- */

/* Texts by their number. */
typedef struct text_table {
    const char **at;
    size_t n;
} text_table;

static bool keep_text(parity_case *c, void *to, const cJSON *line)
{
    text_table *texts = to;
    double number = nj_json_number(line, "n", -1);

    if (number < 0 || number >= (double)texts->n)
        return true;
    texts->at[(size_t)number] =
        parity_text(c, "%s", nj_json_string(line, "text", ""));
    return true;
}

static size_t largest(const int64_t *values, size_t n)
{
    int64_t most = 0;

    for (size_t i = 0; i < n; i++)
        most = values[i] > most ? values[i] : most;
    return (size_t)most;
}

static void fill_rows(parity_case *c, const nj_tokenizer *t, size_t context,
                      const parity_tensor *lines)
{
    text_table texts = {NULL, largest(lines->i64, lines->n) + 1};
    int64_t *rows = parity_alloc(c, lines->n, context * sizeof(*rows));
    const int64_t shape[2] = {(int64_t)lines->n, (int64_t)context};

    texts.at = parity_alloc(c, texts.n, sizeof(*texts.at));
    each_line(c, parity_path(c, "../texts/texts.jsonl"), keep_text, &texts);
    for (size_t i = 0; i < lines->n; i++) {
        const char *text = lines->i64[i] < 0 ? NULL : texts.at[lines->i64[i]];
        nj_err err = {0};

        if (!text) {
            parity_fail(c, "no text %lld", (long long)lines->i64[i]);
            return;
        }
        if (parity_bad(c,
                       nj_tokenizer_row(t, text, strlen(text), true, context,
                                        rows + i * context, &err),
                       &err))
            return;
    }
    parity_check_i64(c, "tokens", rows, 2, shape);
}

static void run_padded(parity_case *c)
{
    const parity_tensor *lines = parity_input(c, "lines");
    size_t context = (size_t)parity_number(c, "context_length");
    nj_tokenizer *t = open_tokenizer(c);

    if (t && lines && lines->i64)
        fill_rows(c, t, context, lines);
    nj_tokenizer_free(t);
}

/* ---- prompts ----------------------------------------------------------- */

/* A number, or "inf", "-inf", "nan" as a string. */
static double number_of(const cJSON *value)
{
    const char *word = cJSON_GetStringValue(value);

    return word ? strtod(word, NULL) : cJSON_GetNumberValue(value);
}

static void check_prompt(parity_case *c, const cJSON *entry)
{
    const char *prompt = nj_json_string(entry, "prompt", "");
    const char *text = nj_json_string(entry, "text", "");
    double want = number_of(nj_json_get(entry, "weight"));
    double got = 0;
    long length = nj_prompt_split_weight(prompt, &got);

    if (nj_json_bool(entry, "error", false)) {
        parity_expect(c, length < 0, "'%s' is read", prompt);
        return;
    }
    parity_expect(c,
                  length == (long)strlen(text) &&
                      strncmp(prompt, text, strlen(text)) == 0,
                  "'%s': text of length %ld, expected '%s'", prompt, length,
                  text);
    parity_expect(c, got == want || (isnan(got) && isnan(want)),
                  "'%s': weight %g, expected %g", prompt, got, want);
}

static void check_weights(parity_case *c, const cJSON *entry, double abs)
{
    const cJSON *from = nj_json_get(entry, "weights");
    const cJSON *want = nj_json_get(entry, "normalised");
    size_t n = (size_t)cJSON_GetArraySize(from);
    double *weights = parity_alloc(c, n, sizeof(*weights));
    nj_status status;

    for (size_t i = 0; i < n; i++)
        weights[i] = number_of(cJSON_GetArrayItem(from, (int)i));
    status = nj_prompt_normalise(weights, n, NULL);
    if (nj_json_bool(entry, "error", false)) {
        parity_expect(c, status == NJ_E_USAGE, "weights are not refused");
        return;
    }
    parity_expect(c, status == NJ_OK, "weights are refused");
    parity_expect(c, (size_t)cJSON_GetArraySize(want) == n,
                  "weights and normalised differ in number");
    for (size_t i = 0; i < n; i++) {
        double w = number_of(cJSON_GetArrayItem(want, (int)i));

        parity_expect(c, fabs(weights[i] - w) <= abs,
                      "weight %zu is %.9g, expected %.9g", i, weights[i], w);
    }
}

static void run_prompt_weights(parity_case *c)
{
    const cJSON *entry;
    double abs = parity_number(c, "abs");

    cJSON_ArrayForEach(entry, nj_json_get(parity_config(c), "prompts"))
        check_prompt(c, entry);
    cJSON_ArrayForEach(entry, nj_json_get(parity_config(c), "weights"))
        check_weights(c, entry, abs);
}

const parity_kind parity_tokenizer[] = {
    {"tokenizer_texts", run_texts},
    {"tokenizer_padded", run_padded},
    {"prompt_weights", run_prompt_weights},
    {0},
};

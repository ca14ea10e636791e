/* Any text as a prompt, as an image option and as a weight. What is read has
 * parts with text and finite weights. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/prompt.h"
#include "text/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_parts(const nj_prompt *p)
{
    require(p->count > 0);
    for (size_t i = 0; i < p->count; i++)
        require(p->parts[i].text[0] && isfinite(p->parts[i].weight));
}

static void check_words(const nj_prompt *p)
{
    static const char *const known[] = {"a", "red boat"};
    nj_words words;

    require(nj_words_unknown(p, known, 2, &words, NULL) == NJ_OK);
    nj_words_release(&words);
}

static void check_weights(const nj_prompt *p)
{
    double *weights = nj_calloc(p->count, sizeof(*weights));

    for (size_t i = 0; i < p->count; i++)
        weights[i] = p->parts[i].weight;
    if (nj_prompt_normalise(weights, p->count, NULL) == NJ_OK) {
        for (size_t i = 0; i < p->count; i++)
            require(isfinite(weights[i]));
    }
    free(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = nj_strndup((const char *)data, n);
    nj_err err = {0};
    nj_prompt p;
    double weight = -1;
    long length = nj_prompt_split_weight(text, &weight);

    require(length >= -1 && length <= (long)strlen(text));
    if (nj_prompt_parse(text, &p, &err) == NJ_OK) {
        check_parts(&p);
        check_weights(&p);
        check_words(&p);
        nj_prompt_release(&p);
    } else {
        require(err.code == NJ_E_USAGE && err.text[0]);
    }
    if (nj_prompt_parse_image(text, &p, &err) == NJ_OK) {
        check_parts(&p);
        require(p.count == 1 && p.parts[0].image);
        nj_prompt_release(&p);
    }
    free(text);
    return 0;
}

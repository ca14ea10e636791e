/* Prompts: see prompt.h. Parts are cut at '|', then each part gives its weight
 * up; nothing here knows tokens or embeddings. */
#include "text/prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "text/chars.h"
#include "text/weight.h"

/* A stretch of the prompt that is being cut up. */
typedef struct span {
    const char *s;
    size_t n;
} span;

static span trimmed(span text)
{
    nj_chars_trim(&text.s, &text.n);
    return text;
}

static bool drop_prefix(span *text, const char *prefix)
{
    size_t n = strlen(prefix);

    if (text->n < n || memcmp(text->s, prefix, n) != 0)
        return false;
    text->s += n;
    text->n -= n;
    return true;
}

/* The last colon that can part text and weight, or NULL. */
static const char *last_colon(span text)
{
    span rest = text;
    const char *first =
        drop_prefix(&rest, "http://") || drop_prefix(&rest, "https://")
            ? rest.s
            : text.s;

    for (const char *p = text.s + text.n; p > first; p--) {
        if (p[-1] == ':')
            return p - 1;
    }
    return NULL;
}

static bool split(span *text, double *weight)
{
    const char *colon = last_colon(*text);

    if (!colon) {
        *weight = 1;
        return true;
    }
    if (!nj_weight_parse(colon + 1, (size_t)(text->s + text->n - colon - 1),
                         weight))
        return false;
    text->n = (size_t)(colon - text->s);
    return true;
}

long nj_prompt_split_weight(const char *part, double *weight)
{
    span text = {part, strlen(part)};

    return split(&text, weight) ? (long)text.n : -1;
}

/* Bytes of a text that a message shows, cut between characters. */
static int shown(span text)
{
    size_t n = text.n < 120 ? text.n : 120;

    while (n > 0 && n < text.n && ((unsigned char)text.s[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

static nj_status refuse_weight(span text, nj_err *err)
{
    const char *after = last_colon(text) + 1;
    span weight = trimmed((span){after, (size_t)(text.s + text.n - after)});

    return nj_fail(err, NJ_E_USAGE,
                   "'%.*s' after the last colon of '%.*s' is no number: write "
                   "text:weight, or add ':1' to keep the colon",
                   shown(weight), weight.s, shown(text), text.s);
}

/* Splits off the weight of a trimmed part. */
static nj_status take_weight(span *text, bool image, double *weight,
                             nj_err *err)
{
    span whole = *text;

    if (!split(text, weight)) {
        if (!image)
            return refuse_weight(whole, err);
        *weight = 1;
    }
    if (!isfinite(*weight))
        return nj_fail(err, NJ_E_USAGE, "weight of '%.*s' is not finite",
                       shown(whole), whole.s);
    *text = trimmed(*text);
    if (text->n == 0)
        return nj_fail(err, NJ_E_USAGE, "%s before the weight of '%.*s'",
                       image ? "no image path" : "no text", shown(whole),
                       whole.s);
    return NJ_OK;
}

static void release_part(nj_prompt_part *part)
{
    free(part->text);
    free(part->written);
    *part = (nj_prompt_part){0};
}

static nj_status read_part(span text, bool image, nj_prompt_part *out,
                           nj_err *err)
{
    double weight = 1;
    span whole;
    nj_status status;

    image = drop_prefix(&text, "image:") || image;
    text = trimmed(text);
    whole = text;
    status = take_weight(&text, image, &weight, err);
    if (status != NJ_OK)
        return status;
    *out = (nj_prompt_part){nj_strndup(text.s, text.n), weight, image,
                            nj_strndup(whole.s, whole.n)};
    if (out->text && out->written)
        return NJ_OK;
    release_part(out);
    return nj_fail(err, NJ_E_MEMORY, "prompt: no memory");
}

static nj_status check_text(const char *text, nj_err *err)
{
    span whole = {text, strlen(text)};

    if (!nj_utf8_valid(text, whole.n))
        return nj_fail(err, NJ_E_USAGE, "prompt '%.160s' is not valid UTF-8",
                       text);
    if (trimmed(whole).n == 0)
        return nj_fail(err, NJ_E_USAGE, "prompt is empty");
    return NJ_OK;
}

/* Appends one part of the prompt. */
static nj_status add_part(nj_prompt *out, size_t *capacity, span text,
                          nj_err *err)
{
    nj_status status;

    text = trimmed(text);
    if (text.n == 0)
        return nj_fail(err, NJ_E_USAGE, "part %zu of the prompt is empty",
                       out->count + 1);
    if (!nj_grow(&out->parts, capacity, out->count + 1, sizeof(*out->parts)))
        return nj_fail(err, NJ_E_MEMORY, "prompt: no memory");
    status = read_part(text, false, &out->parts[out->count], err);
    out->count += status == NJ_OK;
    return status;
}

nj_status nj_prompt_parse(const char *text, nj_prompt *out, nj_err *err)
{
    size_t capacity = 0;
    nj_status status = check_text(text, err);

    *out = (nj_prompt){0};
    for (const char *s = text; status == NJ_OK && s;) {
        const char *bar = strchr(s, '|');
        span part = {s, bar ? (size_t)(bar - s) : strlen(s)};

        status = add_part(out, &capacity, part, err);
        s = bar ? bar + 1 : NULL;
    }
    if (status != NJ_OK)
        nj_prompt_release(out);
    return status;
}

nj_status nj_prompt_parse_image(const char *value, nj_prompt *out, nj_err *err)
{
    nj_status status = check_text(value, err);

    *out = (nj_prompt){0};
    if (status != NJ_OK)
        return status;
    out->parts = nj_calloc(1, sizeof(*out->parts));
    if (!out->parts)
        return nj_fail(err, NJ_E_MEMORY, "prompt: no memory");
    status =
        read_part(trimmed((span){value, strlen(value)}), true, out->parts, err);
    out->count = status == NJ_OK;
    if (status != NJ_OK)
        nj_prompt_release(out);
    return status;
}

void nj_prompt_release(nj_prompt *p)
{
    for (size_t i = 0; i < p->count; i++)
        release_part(&p->parts[i]);
    free(p->parts);
    *p = (nj_prompt){0};
}

nj_status nj_prompt_normalise(double *weights, size_t n, nj_err *err)
{
    double sum = 0;
    double largest = 0;

    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        largest = fmax(largest, fabs(weights[i]));
    }
    sum = fabs(sum);
    if (!isfinite(sum))
        return nj_fail(err, NJ_E_USAGE,
                       "sum of the prompt's weights is not finite");
    if (sum < 1e-3)
        return nj_fail(err, NJ_E_USAGE,
                       "weights of the prompt's parts sum to %g in size, "
                       "expected at least 0.001",
                       sum);
    if (!isfinite(largest / sum))
        return nj_fail(err, NJ_E_USAGE,
                       "weight %g of the prompt is too large for a sum of %g",
                       largest, sum);
    for (size_t i = 0; i < n; i++)
        weights[i] /= sum;
    return NJ_OK;
}

/* Unknown words: see words.h. Prompts are cleaned as for the tokenizer, so
 * that a word counts as known in whatever form the network sees it. */
#include "text/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "base/mem.h"
#include "base/str.h"
#include "text/tokenizer.h"

static bool is_word_char(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);

    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

/* Length of the word character at s, or 0. */
static size_t word_char(const char *s, size_t n)
{
    uint32_t c = 0;
    size_t step = n ? nj_utf8_decode(s, n, &c) : 0;

    return is_word_char(c) ? step : 0;
}

/* Length of the word at s; an apostrophe counts between two characters. */
static size_t word_length(const char *s, size_t n)
{
    size_t used = 0;
    size_t step;

    while ((step = word_char(s + used, n - used)) > 0) {
        used += step;
        if (used < n && s[used] == '\'' &&
            word_char(s + used + 1, n - used - 1) > 0)
            used++;
    }
    return used;
}

static bool entry_has(const char *entry, const char *word, size_t n)
{
    for (const char *s = entry; *s;) {
        size_t length = strcspn(s, " ");

        if (length == n && memcmp(s, word, n) == 0)
            return true;
        s += length + (s[length] == ' ');
    }
    return false;
}

static bool is_listed(const char *word, size_t n, const char *const *list,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entry_has(list[i], word, n))
            return true;
    }
    return false;
}

static bool is_known(const char *word, size_t n, const char *const *known,
                     size_t count)
{
    return is_listed(word, n, known, count) ||
           (n > 2 && memcmp(word + n - 2, "'s", 2) == 0 &&
            is_listed(word, n - 2, known, count));
}

/* The words found so far and what they are held against. */
typedef struct search {
    const char *const *known;
    size_t count;
    nj_words *out;
    size_t capacity;
} search;

static bool add_word(search *s, const char *word, size_t n)
{
    nj_words *out = s->out;

    if (is_listed(word, n, (const char *const *)out->at, out->n))
        return true;
    if (!nj_grow(&out->at, &s->capacity, out->n + 1, sizeof(*out->at)))
        return false;
    out->at[out->n] = nj_strndup(word, n);
    if (!out->at[out->n])
        return false;
    out->n++;
    return true;
}

static bool search_text(search *s, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length;) {
        size_t n = word_length(text + i, length - i);

        if (n && !is_known(text + i, n, s->known, s->count) &&
            !add_word(s, text + i, n))
            return false;
        i += n ? n : 1;
    }
    return true;
}

nj_status nj_words_unknown(const nj_prompt *prompt, const char *const *known,
                           size_t count, nj_words *out, nj_err *err)
{
    search s = {known, count, out, 0};
    bool good = true;

    *out = (nj_words){0};
    for (size_t i = 0; good && i < prompt->count; i++) {
        const char *text = prompt->parts[i].text;
        char *clean;

        if (prompt->parts[i].image)
            continue;
        clean = nj_clean_text(text, strlen(text));
        good = clean && search_text(&s, clean);
        free(clean);
    }
    if (good)
        return NJ_OK;
    nj_words_release(out);
    return nj_fail(err, NJ_E_MEMORY, "words: no memory");
}

void nj_words_release(nj_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        free(words->at[i]);
    free(words->at);
    *words = (nj_words){0};
}

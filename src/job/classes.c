/* Class names: see classes.h. The embedded file has a line a class: identifier,
 * blank, synonyms parted by ", "; lines that begin with '#' are its licence. */
#include "job/classes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

extern const char nj_imagenet_classes[];

#define CLASSES   1000
#define WORDS_MAX 4096
#define NAME_MAX  128
#define SHOWN_MAX 4

/* Every synonym of every class, in the order of the file. */
struct word {
    char text[NAME_MAX];
    int id;
};

struct words {
    struct word *at;
    size_t count;
};

static char folded(char c)
{
    if (c == '_')
        return ' ';
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool same(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

static void add_word(struct words *w, const char *text, size_t n, int id)
{
    struct word *new = &w->at[w->count];

    if (n == 0 || n >= NAME_MAX || w->count == WORDS_MAX)
        return;
    w->count++;
    memcpy(new->text, text, n);
    new->text[n] = '\0';
    new->id = id;
}

/* "n01440764 tench, Tinca tinca" */
static void add_line(struct words *w, const char *line, size_t n, int id)
{
    const char *end = line + n;
    const char *p = line + strcspn(line, " ");

    add_word(w, line, (size_t)(p - line), id);
    while (p < end) {
        size_t length;

        p += *p == ',';
        p += *p == ' ';
        length = strcspn(p, ",\n");
        add_word(w, p, length, id);
        p += length;
    }
}

static bool read_words(struct words *w)
{
    const char *p = nj_imagenet_classes;
    int id = 0;

    w->at = nj_calloc(WORDS_MAX, sizeof(*w->at));
    while (w->at && *p && id < CLASSES) {
        size_t n = strcspn(p, "\n");

        if (*p != '#')
            add_line(w, p, n, id++);
        p += n + (p[n] == '\n');
    }
    return w->at != NULL;
}

/* Whether `text` holds `part` as a whole word. */
static bool holds(const char *text, const char *part)
{
    size_t n = strlen(part);

    for (const char *p = text; *p; p += strcspn(p, " "), p += *p == ' ') {
        size_t k = 0;

        while (k < n && folded(p[k]) == folded(part[k]))
            k++;
        if (k == n && n > 0 && (p[n] == '\0' || p[n] == ' '))
            return true;
    }
    return false;
}

static void add_hint(const struct words *w, const char *name, nj_str *out)
{
    const char **texts = nj_calloc(w->count, sizeof(*texts));
    const char *near = NULL;
    int shown = 0;

    for (size_t i = 0; i < w->count && shown < SHOWN_MAX; i++) {
        if (holds(w->at[i].text, name))
            nj_str_addf(out, "%s'%s'", shown++ ? ", " : " (did you mean ",
                        w->at[i].text);
    }
    for (size_t i = 0; texts && i < w->count; i++)
        texts[i] = w->at[i].text;
    if (!shown && texts)
        near = nj_nearest(name, texts, w->count);
    if (near)
        nj_str_addf(out, " (did you mean '%s'", near);
    nj_str_add(out, shown || near ? "?)" : "");
    free((void *)texts);
}

static nj_status refuse(const struct words *w, const char *name, nj_err *err)
{
    nj_str hint = {0};

    add_hint(w, name, &hint);
    nj_fail(err, NJ_E_USAGE,
            "'%s' is no number of a class, random, or an ImageNet class%s",
            name, hint.text ? hint.text : "");
    nj_str_release(&hint);
    return NJ_E_USAGE;
}

static nj_status find(const struct words *w, const char *name, int *id,
                      nj_err *err)
{
    int found = -1;

    for (size_t i = 0; i < w->count; i++) {
        if (!same(w->at[i].text, name) || w->at[i].id == found)
            continue;
        if (found >= 0)
            return nj_fail(err, NJ_E_USAGE,
                           "'%s' is the name of classes %d and %d, one of the "
                           "numbers is expected",
                           name, found, w->at[i].id);
        found = w->at[i].id;
    }
    if (found < 0)
        return refuse(w, name, err);
    *id = found;
    return NJ_OK;
}

nj_status nj_class_find(const char *name, int *id, nj_err *err)
{
    struct words w = {0};
    nj_status status = read_words(&w)
                           ? find(&w, name, id, err)
                           : nj_fail(err, NJ_E_MEMORY, "no memory for classes");

    free(w.at);
    return status;
}

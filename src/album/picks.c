/* Picks: see picks.h. */
#include "album/picks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define LIST_BYTES_MAX ((size_t)64 << 20)
#define FILE_BYTES_MAX ((size_t)1 << 30)

/* ---- lists ------------------------------------------------------------- */

static bool is_line(const char *path, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)path[i] < ' ' || path[i] == 127)
            return false;
    return n > 0 && nj_utf8_valid(path, n);
}

bool nj_picks_inside(const char *path, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t part = slash ? (size_t)(slash - path) - at : n - at;

        if (part == 0 || (part == 2 && memcmp(path + at, "..", 2) == 0))
            return false;
        at += part + 1;
        if (slash && at == n)
            return false;
    }
    return is_line(path, n);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static nj_status add_line(const char *line, size_t n, bool anywhere,
                          size_t number, nj_list *paths, nj_err *err)
{
    while (n > 0 && is_blank(line[n - 1]))
        n--;
    while (n > 0 && is_blank(line[0])) {
        line++;
        n--;
    }
    if (n == 0)
        return NJ_OK;
    if (!(anywhere ? is_line : nj_picks_inside)(line, n))
        return nj_fail(err, NJ_E_FORMAT, "line %zu: '%.*s' is no path%s",
                       number, n < 200 ? (int)n : 200, line,
                       anywhere ? "" : " inside of the folder");
    if (!nj_list_addn(paths, line, n))
        return nj_fail(err, NJ_E_MEMORY, "no memory for a list of pictures");
    return NJ_OK;
}

/* An entry of a list and its place in it. */
struct entry {
    const char *text;
    size_t at;
};

static int by_text(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = strcmp(x->text, y->text);

    return order ? order : x->at < y->at ? -1 : 1;
}

/* Appends the entries of `all` in their order, each text once. */
static nj_status add_once(const nj_list *all, nj_list *paths, nj_err *err)
{
    struct entry *sorted = nj_calloc(all->count, sizeof(*sorted));
    bool *repeated = nj_calloc(all->count, sizeof(*repeated));
    bool good = sorted && repeated;

    for (size_t i = 0; i < all->count && good; i++)
        sorted[i] = (struct entry){all->items[i], i};
    if (good && all->count)
        qsort(sorted, all->count, sizeof(*sorted), by_text);
    for (size_t i = 1; i < all->count && good; i++)
        repeated[sorted[i].at] =
            strcmp(sorted[i].text, sorted[i - 1].text) == 0;
    for (size_t i = 0; i < all->count && good; i++)
        good = repeated[i] || nj_list_add(paths, all->items[i]);
    free(sorted);
    free(repeated);
    return good ? NJ_OK
                : nj_fail(err, NJ_E_MEMORY, "no memory for a list of pictures");
}

nj_status nj_picks_parse(const char *text, size_t n, bool anywhere,
                         nj_list *paths, nj_err *err)
{
    nj_list all = {0};
    nj_status status = NJ_OK;
    size_t number = 0;

    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    while (n > 0 && status == NJ_OK) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) : n;

        status = add_line(text, line, anywhere, ++number, &all, err);
        text += line + (end != NULL);
        n -= line + (end != NULL);
    }
    if (status == NJ_OK)
        status = add_once(&all, paths, err);
    nj_list_release(&all);
    return status;
}

static nj_status read_input(nj_str *s, nj_err *err)
{
    char part[65536];
    ssize_t got;

    while ((got = read(STDIN_FILENO, part, sizeof(part))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nj_fail(err, NJ_E_IO, "cannot read standard input: %s",
                           strerror(errno));
        nj_str_addn(s, part, (size_t)got);
        if (s->length > LIST_BYTES_MAX)
            return nj_fail(err, NJ_E_FORMAT,
                           "the list on standard input is too large");
    }
    return nj_str_ok(s)
               ? NJ_OK
               : nj_fail(err, NJ_E_MEMORY, "no memory for a list of pictures");
}

nj_status nj_picks_read(const char *path, bool anywhere, nj_list *paths,
                        nj_err *err)
{
    bool input = strcmp(path, "-") == 0;
    char *bytes = NULL;
    nj_str s = {0};
    size_t n = 0;
    nj_status status;

    if (input) {
        status = read_input(&s, err);
        n = s.length;
    } else {
        status = nj_file_read(path, LIST_BYTES_MAX, &bytes, &n, err);
    }
    if (status == NJ_OK)
        status =
            nj_picks_parse(input ? s.text : bytes, n, anywhere, paths, err);
    if (status == NJ_E_FORMAT)
        nj_err_add(err, "cannot use '%s'", input ? "standard input" : path);
    nj_str_release(&s);
    free(bytes);
    return status;
}

/* ---- copies ------------------------------------------------------------ */

/* folder/name, with `-tag` before the ending unless tag is "". */
static char *name_in(const char *folder, const char *path, const char *tag)
{
    const char *name = nj_path_name(path);
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    nj_str s = {0};
    char *joined;

    nj_str_addn(&s, name, stem);
    if (tag[0])
        nj_str_addf(&s, "-%.8s", tag);
    nj_str_add(&s, name + stem);
    joined = nj_str_ok(&s) ? nj_path_join(folder, s.text) : NULL;
    nj_str_release(&s);
    return joined;
}

/* Writes, or links, to a name that is free. */
static nj_status put(const char *path, const char *target, bool link_it,
                     const char *bytes, size_t n, nj_err *err)
{
    if (link_it && link(path, target) == 0)
        return NJ_OK;
    return nj_file_write_atomic(target, bytes, n, err);
}

/* Whether the file at `target` has that sum; false also when there is none. */
static bool has_sum(const char *target, const char *sum)
{
    char other[65];

    return access(target, F_OK) == 0 &&
           nj_file_sha256(target, other, NULL) == NJ_OK &&
           strcmp(other, sum) == 0;
}

struct source {
    const char *path;
    const char *bytes;
    size_t n;
    char sum[65];
};

/* Tries the plain name, then the one with the sum. */
static nj_status place_at(const struct source *from, const char *folder,
                          bool link_it, nj_placed *placed, char **made,
                          nj_err *err)
{
    const char *tags[2] = {"", from->sum};

    for (int i = 0; i < 2; i++) {
        char *target = name_in(folder, from->path, tags[i]);
        bool free_name = target && access(target, F_OK) != 0;
        nj_status status = NJ_OK;

        if (!target)
            return nj_fail(err, NJ_E_MEMORY, "no memory for a path");
        if (!free_name && !has_sum(target, from->sum)) {
            free(target);
            continue;
        }
        if (free_name)
            status =
                put(from->path, target, link_it, from->bytes, from->n, err);
        *placed = free_name ? NJ_PLACED : NJ_PLACED_BEFORE;
        *made = target;
        return status;
    }
    return nj_fail(err, NJ_E_IO, "other files have the name of '%s' in '%s'",
                   from->path, folder);
}

nj_status nj_picks_place(const char *path, const char *folder, bool link_it,
                         nj_placed *placed, char **made, nj_err *err)
{
    struct source from = {.path = path};
    char *target = NULL;
    char *bytes;
    nj_status status = nj_file_read(path, FILE_BYTES_MAX, &bytes, &from.n, err);

    if (made)
        *made = NULL;
    if (status != NJ_OK)
        return status;
    from.bytes = bytes;
    nj_sha256(bytes, from.n, from.sum);
    status = place_at(&from, folder, link_it, placed, &target, err);
    free(bytes);
    if (status == NJ_OK && made)
        *made = target;
    else
        free(target);
    return status;
}

/* safetensors: an 8-byte length, a JSON header, the data.
 *
 * The header is read by a scanner of its own: sizes and offsets are 64-bit
 * integers, which cJSON's doubles would round, and "2.0" is not a size. The
 * scanner knows the one form a header can have and nothing else, so depth is
 * bounded by its functions. The data must be covered exactly, without holes
 * and overlaps, as the format demands
 * (https://github.com/huggingface/safetensors#format).
 */
#include "weights/weights_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "weights/names.h"

struct scan {
    const char *p;
    const char *start;
    const char *end;
    const unsigned char *data;
    uint64_t data_bytes;
    nj_weights *w;
    nj_err *err;
};

/* What an entry of the header says. */
struct fields {
    nj_view view;
    uint64_t begin;
    uint64_t end;
    bool has_dtype;
    bool has_shape;
    bool has_offsets;
};

static nj_status expected(struct scan *s, const char *what)
{
    return nj_fail(s->err, NJ_E_FORMAT, "header byte %zu: expected %s",
                   (size_t)(s->p - s->start), what);
}

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end &&
           (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static nj_status need(struct scan *s, char c)
{
    const char what[] = {'\'', c, '\'', '\0'};

    return take(s, c) ? NJ_OK : expected(s, what);
}

/* ---- strings ----------------------------------------------------------- */

static bool hex4(struct scan *s, uint32_t *out)
{
    uint32_t value = 0;

    if (s->end - s->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = *s->p++;

        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return false;
    }
    *out = value;
    return true;
}

/* After "\u"; a surrogate must come with its other half. */
static nj_status unicode_escape(struct scan *s, nj_str *out)
{
    char utf8[4];
    uint32_t c;
    uint32_t low;

    if (!hex4(s, &c))
        return expected(s, "four hex digits");
    if (c >= 0xd800 && c < 0xdc00) {
        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
            return expected(s, "the second half of a surrogate pair");
        s->p += 2;
        if (!hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
            return expected(s, "the second half of a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    } else if (c >= 0xdc00 && c <= 0xdfff) {
        return expected(s, "no lone surrogate");
    }
    if (c == 0)
        return expected(s, "no NUL in a name");
    nj_str_addn(out, utf8, nj_utf8_encode(c, utf8));
    return NJ_OK;
}

static nj_status escape(struct scan *s, nj_str *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (s->p == s->end)
        return expected(s, "an escape");
    if (*s->p == 'u') {
        s->p++;
        return unicode_escape(s, out);
    }
    at = *s->p ? strchr(letters, *s->p) : NULL;
    if (!at)
        return expected(s, "an escape of JSON");
    s->p++;
    nj_str_addc(out, meanings[at - letters]);
    return NJ_OK;
}

/* A quoted string, replacing what *out holds. The header is valid UTF-8. */
static nj_status string(struct scan *s, nj_str *out)
{
    nj_status status = need(s, '"');

    out->length = 0;
    nj_str_addn(out, "", 0);
    while (status == NJ_OK) {
        if (s->p == s->end || (unsigned char)*s->p < ' ')
            return expected(s, "the end of a string");
        if (*s->p == '"') {
            s->p++;
            break;
        }
        if (*s->p == '\\') {
            s->p++;
            status = escape(s, out);
        } else {
            nj_str_addc(out, *s->p++);
        }
    }
    if (status == NJ_OK && !nj_str_ok(out))
        return nj_fail(s->err, NJ_E_MEMORY, "no memory for a name");
    return status;
}

/* ---- numbers ----------------------------------------------------------- */

static nj_status natural(struct scan *s, uint64_t *out)
{
    const char *first;
    uint64_t value = 0;

    skip_blanks(s);
    first = s->p;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*s->p - '0'), &value))
            return expected(s, "a number below 2^64");
    }
    if (s->p == first || (s->p - first > 1 && *first == '0') ||
        (s->p < s->end && (*s->p == '.' || (*s->p | 32) == 'e')))
        return expected(s, "a whole number that is not negative");
    *out = value;
    return NJ_OK;
}

/* [n, n, ...] of at most `room` numbers. */
static nj_status naturals(struct scan *s, uint64_t *out, int room, int *count)
{
    nj_status status = need(s, '[');

    *count = 0;
    if (status != NJ_OK || take(s, ']'))
        return status;
    do {
        if (*count == room)
            return expected(s, "fewer numbers in this list");
        status = natural(s, &out[*count]);
        (*count)++;
    } while (status == NJ_OK && take(s, ','));
    return status == NJ_OK ? need(s, ']') : status;
}

/* ---- entries ----------------------------------------------------------- */

static nj_status read_dtype(struct scan *s, struct fields *f)
{
    nj_str word = {0};
    nj_status status = string(s, &word);

    f->has_dtype = false;
    for (int i = 0; status == NJ_OK && i < NJ_DTYPE_COUNT; i++) {
        if (strcmp(word.text, nj_dtype_name((nj_dtype)i)) == 0) {
            f->view.dtype = (nj_dtype)i;
            f->has_dtype = true;
        }
    }
    if (status == NJ_OK && !f->has_dtype)
        status = nj_fail(s->err, NJ_E_FORMAT, "dtype '%s' is not supported",
                         word.text);
    nj_str_release(&word);
    return status;
}

static nj_status read_shape(struct scan *s, struct fields *f)
{
    uint64_t sizes[NJ_DIMS_MAX];
    nj_status status = naturals(s, sizes, NJ_DIMS_MAX, &f->view.ndim);

    for (int i = 0; status == NJ_OK && i < f->view.ndim; i++) {
        if (sizes[i] > INT64_MAX)
            return expected(s, "sizes below 2^63");
        f->view.shape[i] = (int64_t)sizes[i];
    }
    f->has_shape = true;
    return status;
}

static nj_status read_offsets(struct scan *s, struct fields *f)
{
    uint64_t ends[2];
    int count;
    nj_status status = naturals(s, ends, 2, &count);

    if (status != NJ_OK)
        return status;
    if (count != 2)
        return expected(s, "two numbers in data_offsets");
    if (ends[0] > ends[1] || ends[1] > s->data_bytes)
        return nj_fail(s->err, NJ_E_FORMAT,
                       "data_offsets [%" PRIu64 ",%" PRIu64 "] do not lie in "
                       "the %" PRIu64 " bytes of data (cut download?)",
                       ends[0], ends[1], s->data_bytes);
    f->begin = ends[0];
    f->end = ends[1];
    f->has_offsets = true;
    return NJ_OK;
}

static nj_status read_field(struct scan *s, struct fields *f)
{
    nj_str key = {0};
    nj_status status = string(s, &key);

    if (status == NJ_OK)
        status = need(s, ':');
    if (status == NJ_OK) {
        if (strcmp(key.text, "dtype") == 0 && !f->has_dtype)
            status = read_dtype(s, f);
        else if (strcmp(key.text, "shape") == 0 && !f->has_shape)
            status = read_shape(s, f);
        else if (strcmp(key.text, "data_offsets") == 0 && !f->has_offsets)
            status = read_offsets(s, f);
        else
            status = nj_fail(s->err, NJ_E_FORMAT,
                             "unknown or repeated key '%s' (dtype, shape and "
                             "data_offsets expected)",
                             key.text);
    }
    nj_str_release(&key);
    return status;
}

static nj_status check_fields(struct scan *s, struct fields *f)
{
    uint64_t elements;
    uint64_t bytes;
    struct nj_storage storage;

    if (!f->has_dtype || !f->has_shape || !f->has_offsets)
        return nj_fail(s->err, NJ_E_FORMAT, "it has no %s",
                       !f->has_dtype   ? "dtype"
                       : !f->has_shape ? "shape"
                                       : "data_offsets");
    if (!nj_shape_elements(f->view.ndim, f->view.shape, &elements) ||
        __builtin_mul_overflow(elements, nj_dtype_size(f->view.dtype),
                               &bytes) ||
        !nj_view_set_contiguous(&f->view))
        return nj_fail(s->err, NJ_E_FORMAT, "its shape overflows");
    if (bytes != f->end - f->begin)
        return nj_fail(s->err, NJ_E_FORMAT,
                       "its shape needs %" PRIu64 " bytes, its range has "
                       "%" PRIu64,
                       bytes, f->end - f->begin);
    storage = (struct nj_storage){s->data + f->begin, elements, f->view.dtype};
    return nj_view_place(&f->view, &storage, 0, s->err);
}

static nj_status read_tensor(struct scan *s, const char *name)
{
    struct fields f = {0};
    nj_str path = {0};
    nj_status status = need(s, '{');

    if (status == NJ_OK && !take(s, '}')) {
        do
            status = read_field(s, &f);
        while (status == NJ_OK && take(s, ','));
        if (status == NJ_OK)
            status = need(s, '}');
    }
    if (status == NJ_OK)
        status = check_fields(s, &f);
    if (status != NJ_OK) {
        nj_err_add(s->err, "tensor '%s'", name);
        return status;
    }
    nj_path_add_key(&path, name, strlen(name));
    nj_str_addc(&path, ']');
    f.view.name = name;
    f.view.path = path.text;
    status = nj_str_ok(&path) ? nj_weights_add(s->w, &f.view, false, s->err)
                              : nj_fail(s->err, NJ_E_MEMORY, "no memory");
    nj_str_release(&path);
    return status;
}

/* {"key": "text", ...}: checked and left out. */
static nj_status read_metadata(struct scan *s)
{
    nj_str text = {0};
    nj_status status = need(s, '{');

    if (status == NJ_OK && !take(s, '}')) {
        do {
            status = string(s, &text);
            if (status == NJ_OK)
                status = need(s, ':');
            if (status == NJ_OK)
                status = string(s, &text);
        } while (status == NJ_OK && take(s, ','));
        if (status == NJ_OK)
            status = need(s, '}');
    }
    nj_str_release(&text);
    return status;
}

static nj_status read_header(struct scan *s)
{
    nj_str name = {0};
    nj_status status = need(s, '{');

    if (status == NJ_OK && !take(s, '}')) {
        do {
            status = string(s, &name);
            if (status == NJ_OK)
                status = need(s, ':');
            if (status == NJ_OK)
                status = strcmp(name.text, "__metadata__") == 0
                             ? read_metadata(s)
                             : read_tensor(s, name.text);
        } while (status == NJ_OK && take(s, ','));
        if (status == NJ_OK)
            status = need(s, '}');
    }
    nj_str_release(&name);
    skip_blanks(s);
    if (status == NJ_OK && s->p != s->end)
        return expected(s, "nothing after the header's object");
    return status;
}

/* ---- the whole --------------------------------------------------------- */

static size_t view_bytes(const nj_view *v)
{
    return (size_t)nj_view_elements(v) * nj_dtype_size(v->dtype);
}

/* By place; an empty tensor comes before the one that starts there. */
static int compare_places(const void *a, const void *b)
{
    const nj_view *x = *(const nj_view *const *)a;
    const nj_view *y = *(const nj_view *const *)b;
    const char *p = x->data;
    const char *q = y->data;

    if (p != q)
        return p < q ? -1 : 1;
    return (view_bytes(x) > view_bytes(y)) - (view_bytes(x) < view_bytes(y));
}

static nj_status check_coverage(const struct scan *s, const nj_view **views)
{
    const unsigned char *next = s->data;
    size_t after;

    for (size_t i = 0; i < s->w->count; i++)
        views[i] = &s->w->entries[i].view;
    qsort(views, s->w->count, sizeof(const nj_view *), compare_places);
    for (size_t i = 0; i < s->w->count; i++) {
        const unsigned char *begin = views[i]->data;

        if (begin != next)
            return nj_fail(s->err, NJ_E_FORMAT,
                           "tensor '%s' starts at byte %zu of the data, %zu "
                           "expected (%s)",
                           views[i]->name, (size_t)(begin - s->data),
                           (size_t)(next - s->data),
                           begin < next ? "overlap" : "hole");
        next = begin + view_bytes(views[i]);
    }
    after = (size_t)(s->data + s->data_bytes - next);
    if (after)
        return nj_fail(s->err, NJ_E_FORMAT, "%zu byte%s after the last tensor",
                       after, after == 1 ? "" : "s");
    return NJ_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const nj_view *const *)a)->name,
                  (*(const nj_view *const *)b)->name);
}

static nj_status check_names(const struct scan *s, const nj_view **views)
{
    qsort(views, s->w->count, sizeof(const nj_view *), compare_names);
    for (size_t i = 1; i < s->w->count; i++) {
        if (strcmp(views[i - 1]->name, views[i]->name) == 0)
            return nj_fail(s->err, NJ_E_FORMAT, "tensor '%s' occurs twice",
                           views[i]->name);
    }
    return NJ_OK;
}

static nj_status check_all(const struct scan *s)
{
    nj_status status;
    const nj_view **views = nj_calloc(s->w->count, sizeof(*views));

    if (!views)
        return nj_fail(s->err, NJ_E_MEMORY, "no memory for tensors");
    status = check_coverage(s, views);
    if (status == NJ_OK)
        status = check_names(s, views);
    free(views);
    return status;
}

nj_status nj_read_safetensors(nj_weights *w, nj_err *err)
{
    uint64_t header = 0;
    struct scan s = {.w = w, .err = err};
    nj_status status;

    w->format = NJ_WEIGHTS_SAFETENSORS;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | w->bytes[i];
    if (header > w->n - 8)
        return nj_fail(err, NJ_E_FORMAT,
                       "the header claims %" PRIu64 " bytes, the file has %zu "
                       "after its length (cut download?)",
                       header, w->n - 8);
    s.start = (const char *)w->bytes + 8;
    s.p = s.start;
    s.end = s.start + header;
    s.data = w->bytes + 8 + header;
    s.data_bytes = w->n - 8 - header;
    if (!nj_utf8_valid(s.start, (size_t)header))
        return nj_fail(err, NJ_E_FORMAT, "the header is not valid UTF-8");
    status = read_header(&s);
    return status == NJ_OK ? check_all(&s) : status;
}

/* Seed lists: see seeds.h. */
#include "job/seeds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"

void nj_seeds_release(nj_seeds *s)
{
    free(s->ranges);
    *s = (nj_seeds){0};
}

nj_status nj_seeds_copy(const nj_seeds *from, nj_seeds *to, nj_err *err)
{
    nj_seed_range *copy = nj_calloc(from->count, sizeof(*copy));

    if (!copy)
        return nj_fail(err, NJ_E_MEMORY, "no memory for seeds");
    if (from->count)
        memcpy(copy, from->ranges, from->count * sizeof(*copy));
    *to = (nj_seeds){copy, from->count};
    return NJ_OK;
}

nj_status nj_seeds_row(uint64_t first, uint64_t n, nj_seeds *out, nj_err *err)
{
    nj_seeds row = {&(nj_seed_range){first, first + n - 1}, 1};

    if (n == 0 || n - 1 > UINT64_MAX - first)
        return nj_fail(err, NJ_E_USAGE,
                       "%" PRIu64 " seeds from '%" PRIu64
                       "' on go past the largest seed, %" PRIu64,
                       n, first, UINT64_MAX);
    return nj_seeds_copy(&row, out, err);
}

static char *trimmed(const char *text, size_t n)
{
    while (n && (*text == ' ' || *text == '\t')) {
        text++;
        n--;
    }
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    return nj_strndup(text, n);
}

/* "7" or "5..9"; false when it is neither. */
static bool parse_range(char *entry, nj_seed_range *out)
{
    char *dots = strstr(entry, "..");

    if (!dots) {
        if (!nj_parse_u64(entry, &out->first))
            return false;
        out->last = out->first;
        return true;
    }
    *dots = '\0';
    return nj_parse_u64(entry, &out->first) &&
           nj_parse_u64(dots + 2, &out->last) && out->first <= out->last;
}

static nj_status add_entry(nj_seeds *s, size_t *capacity, const char *text,
                           size_t n, nj_err *err)
{
    nj_seed_range range = {0, 0};
    char *entry = trimmed(text, n);
    bool good = entry && parse_range(entry, &range);

    free(entry);
    if (!good)
        return nj_fail(err, NJ_E_USAGE,
                       "'%.*s' is not a seed (0 to %" PRIu64
                       ") or a rising range such as 5..9",
                       (int)(n < 80 ? n : 80), text, UINT64_MAX);
    if (!nj_grow(&s->ranges, capacity, s->count + 1, sizeof(range)))
        return nj_fail(err, NJ_E_MEMORY, "no memory for seeds");
    s->ranges[s->count++] = range;
    return NJ_OK;
}

static int by_first(const void *a, const void *b)
{
    const nj_seed_range *x = a;
    const nj_seed_range *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static nj_status refuse_twice(const nj_seeds *s, nj_err *err)
{
    nj_seeds sorted;
    nj_status status = nj_seeds_copy(s, &sorted, err);

    if (status != NJ_OK)
        return status;
    qsort(sorted.ranges, sorted.count, sizeof(*sorted.ranges), by_first);
    for (size_t i = 1; i < sorted.count && status == NJ_OK; i++) {
        if (sorted.ranges[i].first <= sorted.ranges[i - 1].last)
            status =
                nj_fail(err, NJ_E_USAGE, "seed '%" PRIu64 "' is given twice",
                        sorted.ranges[i].first);
    }
    nj_seeds_release(&sorted);
    return status;
}

nj_status nj_seeds_parse(const char *text, nj_seeds *out, nj_err *err)
{
    nj_seeds s = {0};
    size_t capacity = 0;
    nj_status status = NJ_OK;

    for (const char *p = text; status == NJ_OK; p++) {
        size_t n = strcspn(p, ",");

        status = add_entry(&s, &capacity, p, n, err);
        p += n;
        if (!*p)
            break;
    }
    if (status == NJ_OK)
        status = refuse_twice(&s, err);
    if (status != NJ_OK)
        nj_seeds_release(&s);
    *out = s;
    return status;
}

uint64_t nj_seeds_total(const nj_seeds *s)
{
    uint64_t total = 0;

    for (size_t i = 0; i < s->count; i++) {
        uint64_t more = s->ranges[i].last - s->ranges[i].first;

        if (__builtin_add_overflow(total, more, &total) ||
            __builtin_add_overflow(total, 1, &total))
            return UINT64_MAX;
    }
    return total;
}

uint64_t nj_seeds_at(const nj_seeds *s, uint64_t i)
{
    for (size_t k = 0; k < s->count; k++) {
        uint64_t span = s->ranges[k].last - s->ranges[k].first;

        if (i <= span)
            return s->ranges[k].first + i;
        i -= span + 1;
    }
    return 0;
}

char *nj_seeds_text(const nj_seeds *s)
{
    nj_str text = {0};

    for (size_t i = 0; i < s->count; i++) {
        const nj_seed_range *r = &s->ranges[i];

        nj_str_addf(&text, "%s%" PRIu64, i ? "," : "", r->first);
        if (r->last != r->first)
            nj_str_addf(&text, "..%" PRIu64, r->last);
    }
    return nj_str_take(&text);
}

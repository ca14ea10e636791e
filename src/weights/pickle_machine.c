/* Values, stack, memo and arguments of the pickle machine: see
 * pickle_machine.h. */
#include "weights/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

nj_status nj_machine_too_many(nj_err *err, const char *what)
{
    return nj_fail(err, NJ_E_FORMAT, "more than %zu %s", NJ_PICKLE_VALUES_MAX,
                   what);
}

/* ---- values ------------------------------------------------------------ */

nj_ref nj_pickle_new(nj_pickle *p, nj_value value, nj_err *err)
{
    if (p->count >= NJ_PICKLE_VALUES_MAX) {
        nj_machine_too_many(err, "values");
        return 0;
    }
    if (!nj_grow(&p->values, &p->capacity, p->count + 1, sizeof(*p->values))) {
        nj_fail(err, NJ_E_MEMORY, "no memory for a pickle");
        return 0;
    }
    p->values[p->count] = value;
    return (nj_ref)p->count++;
}

bool nj_pickle_append(nj_pickle *p, nj_ref list, nj_ref item, nj_err *err)
{
    nj_value *v = &p->values[list];
    size_t capacity = v->as.list.capacity;

    if (p->items >= NJ_PICKLE_VALUES_MAX) {
        nj_machine_too_many(err, "items");
        return false;
    }
    if (!nj_grow(&v->as.list.items, &capacity, v->as.list.count + (size_t)1,
                 sizeof(nj_ref)) ||
        capacity > UINT32_MAX) {
        nj_fail(err, NJ_E_MEMORY, "no memory for a pickle");
        return false;
    }
    v->as.list.capacity = (uint32_t)capacity;
    v->as.list.items[v->as.list.count++] = item;
    p->items++;
    return true;
}

static bool has_items(nj_value_kind kind)
{
    return kind == NJ_V_TUPLE || kind == NJ_V_LIST || kind == NJ_V_DICT ||
           kind == NJ_V_SET || kind == NJ_V_OBJECT;
}

bool nj_value_is_text(const nj_value *v, const char *text)
{
    return v->kind == NJ_V_TEXT && v->as.text.length == strlen(text) &&
           memcmp(v->as.text.text, text, v->as.text.length) == 0;
}

bool nj_value_is_global(const nj_value *v, const char *module, const char *name)
{
    return v->kind == NJ_V_GLOBAL &&
           v->as.global.module_length == strlen(module) &&
           v->as.global.name_length == strlen(name) &&
           memcmp(v->as.global.module, module, strlen(module)) == 0 &&
           memcmp(v->as.global.name, name, strlen(name)) == 0;
}

/* ---- stack ------------------------------------------------------------- */

nj_status nj_machine_push(struct nj_machine *m, nj_ref ref)
{
    if (m->depth >= NJ_PICKLE_VALUES_MAX)
        return nj_machine_too_many(m->err, "values on the stack");
    if (!nj_grow(&m->stack, &m->stack_capacity, m->depth + 1,
                 sizeof(*m->stack)))
        return nj_fail(m->err, NJ_E_MEMORY, "no memory for a pickle");
    m->stack[m->depth++] = ref;
    return NJ_OK;
}

nj_status nj_machine_push_new(struct nj_machine *m, nj_value value)
{
    nj_ref ref = nj_pickle_new(m->p, value, m->err);

    return ref ? nj_machine_push(m, ref) : NJ_E_FORMAT;
}

nj_status nj_machine_push_kind(struct nj_machine *m, nj_value_kind kind)
{
    return nj_machine_push_new(m, (nj_value){.kind = kind});
}

size_t nj_machine_floor(const struct nj_machine *m)
{
    return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

nj_status nj_machine_need(const struct nj_machine *m, size_t values)
{
    if (m->depth - nj_machine_floor(m) < values)
        return nj_fail(m->err, NJ_E_FORMAT, "the stack has too few values");
    return NJ_OK;
}

nj_ref nj_machine_top(const struct nj_machine *m)
{
    return m->stack[m->depth - 1];
}

nj_status nj_machine_mark(struct nj_machine *m)
{
    if (m->mark_count >= NJ_PICKLE_VALUES_MAX)
        return nj_machine_too_many(m->err, "marks");
    if (!nj_grow(&m->marks, &m->mark_capacity, m->mark_count + 1,
                 sizeof(*m->marks)))
        return nj_fail(m->err, NJ_E_MEMORY, "no memory for a pickle");
    m->marks[m->mark_count++] = m->depth;
    return NJ_OK;
}

nj_status nj_machine_take_mark(struct nj_machine *m, size_t *first)
{
    if (m->mark_count == 0)
        return nj_fail(m->err, NJ_E_FORMAT, "no MARK on the stack");
    *first = m->marks[--m->mark_count];
    return NJ_OK;
}

/* ---- arguments in the byte stream -------------------------------------- */

static void cut_off(struct nj_machine *m)
{
    if ((size_t)(m->end - m->start) == NJ_PICKLE_BYTES_MAX)
        nj_fail(m->err, NJ_E_FORMAT,
                "the pickle is longer than %zu bytes, or cut off",
                NJ_PICKLE_BYTES_MAX);
    else
        nj_fail(m->err, NJ_E_FORMAT, "the pickle is cut off");
}

nj_status nj_machine_take(struct nj_machine *m, uint64_t n,
                          const unsigned char **out)
{
    if (n > (uint64_t)(m->end - m->at)) {
        cut_off(m);
        return NJ_E_FORMAT;
    }
    *out = m->at;
    m->at += n;
    return NJ_OK;
}

nj_status nj_machine_number(struct nj_machine *m, int bytes, uint64_t *out)
{
    const unsigned char *p = NULL;
    nj_status status = nj_machine_take(m, (uint64_t)bytes, &p);

    *out = 0;
    for (int i = bytes - 1; status == NJ_OK && i >= 0; i--)
        *out = *out << 8 | p[i];
    return status;
}

nj_status nj_machine_line(struct nj_machine *m, const char **out,
                          uint32_t *length)
{
    const unsigned char *newline =
        memchr(m->at, '\n', (size_t)(m->end - m->at));

    if (!newline) {
        cut_off(m);
        return NJ_E_FORMAT;
    }
    *out = (const char *)m->at;
    *length = (uint32_t)(newline - m->at);
    m->at = newline + 1;
    if (!nj_utf8_valid(*out, *length))
        return nj_fail(m->err, NJ_E_FORMAT, "a name is not valid UTF-8");
    return NJ_OK;
}

nj_status nj_machine_string(struct nj_machine *m, int bytes, nj_value_kind kind)
{
    nj_value v = {.kind = kind};
    const unsigned char *p = NULL;
    uint64_t n;
    nj_status status = nj_machine_number(m, bytes, &n);

    if (status == NJ_OK)
        status = nj_machine_take(m, n, &p);
    if (status != NJ_OK)
        return status;
    if (kind == NJ_V_TEXT && !nj_utf8_valid((const char *)p, (size_t)n))
        return nj_fail(m->err, NJ_E_FORMAT, "a text is not valid UTF-8");
    v.as.text.text = (const char *)p;
    v.as.text.length = (uint32_t)n;
    return nj_machine_push_new(m, v);
}

nj_status nj_machine_integer(struct nj_machine *m, uint64_t n)
{
    nj_value v = {.kind = NJ_V_INT};
    const unsigned char *p = NULL;
    uint64_t bits = 0;
    nj_status status = nj_machine_take(m, n, &p);

    if (status != NJ_OK)
        return status;
    if (n > 8) {
        v.kind = NJ_V_HUGE;
        v.as.text.text = (const char *)p;
        v.as.text.length = (uint32_t)n;
        return nj_machine_push_new(m, v);
    }
    if (n > 0) {
        bits = p[n - 1] & 0x80 ? UINT64_MAX : 0;
        for (uint64_t i = n; i-- > 0;)
            bits = bits << 8 | p[i];
    }
    v.as.integer = (int64_t)bits;
    return nj_machine_push_new(m, v);
}

/* ---- memo -------------------------------------------------------------- */

/* A pickle of n bytes cannot put n times, so an index beyond is a trap: the
 * memo's array would take what the file merely claims. */
nj_status nj_machine_put(struct nj_machine *m, uint64_t index)
{
    nj_status status = nj_machine_need(m, 1);

    if (status != NJ_OK)
        return status;
    if (index >= (uint64_t)(m->end - m->start) || index >= NJ_PICKLE_VALUES_MAX)
        return nj_fail(m->err, NJ_E_FORMAT,
                       "memo index beyond the length of the pickle");
    if (index >= m->memo_count) {
        size_t count = (size_t)index + 1;

        if (!nj_grow(&m->memo, &m->memo_capacity, count, sizeof(*m->memo)))
            return nj_fail(m->err, NJ_E_MEMORY, "no memory for a pickle");
        memset(m->memo + m->memo_count, 0,
               (count - m->memo_count) * sizeof(*m->memo));
        m->memo_count = count;
    }
    m->memo[index] = nj_machine_top(m) + 1;
    return NJ_OK;
}

nj_status nj_machine_get(struct nj_machine *m, uint64_t index)
{
    if (index >= m->memo_count || m->memo[index] == 0)
        return nj_fail(m->err, NJ_E_FORMAT,
                       "the memo has nothing at the index asked for");
    return nj_machine_push(m, m->memo[index] - 1);
}

/* ---- the end ----------------------------------------------------------- */

void nj_pickle_release(nj_pickle *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (has_items(p->values[i].kind))
            free(p->values[i].as.list.items);
    }
    free(p->values);
    free(p->storages);
    free(p->tensors);
    *p = (nj_pickle){0};
}

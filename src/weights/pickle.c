/* The pickle machine's opcodes: see pickle.h. One small function an opcode,
 * found through a table. */
#include "weights/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "weights/pickle_machine.h"

#define PROTOCOL_MAX 5

/* Values that are always there. */
enum { REF_NONE, REF_TRUE, REF_FALSE };

/* `arg` makes one function serve the opcodes that differ in the width of a
 * number or in the kind of value only. */
typedef nj_status opcode(struct nj_machine *m, int arg);

/* ---- opcodes: simple values -------------------------------------------- */

static nj_status op_proto(struct nj_machine *m, int bytes)
{
    uint64_t version;
    nj_status status = nj_machine_number(m, bytes, &version);

    if (status == NJ_OK && version > PROTOCOL_MAX)
        return nj_fail(m->err, NJ_E_FORMAT,
                       "pickle protocol %u is not supported",
                       (unsigned)version);
    return status;
}

static nj_status op_frame(struct nj_machine *m, int bytes)
{
    uint64_t n;
    nj_status status = nj_machine_number(m, bytes, &n);

    if (status == NJ_OK && n > (uint64_t)(m->end - m->at))
        return nj_fail(m->err, NJ_E_FORMAT, "a frame is cut off");
    return status;
}

static nj_status op_stop(struct nj_machine *m, int arg)
{
    nj_status status = nj_machine_need(m, 1);

    (void)arg;
    if (status == NJ_OK && m->mark_count)
        return nj_fail(m->err, NJ_E_FORMAT, "STOP after an open MARK");
    m->stopped = true;
    return status;
}

static nj_status op_constant(struct nj_machine *m, int ref)
{
    return nj_machine_push(m, (nj_ref)ref);
}

static nj_status op_unsigned(struct nj_machine *m, int bytes)
{
    uint64_t n;
    nj_status status = nj_machine_number(m, bytes, &n);

    if (status != NJ_OK)
        return status;
    return nj_machine_push_new(
        m, (nj_value){.kind = NJ_V_INT, .as.integer = (int64_t)n});
}

static nj_status op_signed(struct nj_machine *m, int bytes)
{
    return nj_machine_integer(m, (uint64_t)bytes);
}

/* An integer whose length comes first. */
static nj_status op_long(struct nj_machine *m, int bytes)
{
    uint64_t n;
    nj_status status = nj_machine_number(m, bytes, &n);

    if (status == NJ_OK && n > INT32_MAX)
        return nj_fail(m->err, NJ_E_FORMAT, "an integer of negative length");
    return status == NJ_OK ? nj_machine_integer(m, n) : status;
}

static nj_status op_float(struct nj_machine *m, int bytes)
{
    const unsigned char *p = NULL;
    nj_status status = nj_machine_take(m, (uint64_t)bytes, &p);

    return status == NJ_OK ? nj_machine_push_kind(m, NJ_V_FLOAT) : status;
}

static nj_status op_text(struct nj_machine *m, int bytes)
{
    return nj_machine_string(m, bytes, NJ_V_TEXT);
}

/* Python 2 wrote names as byte strings: what is valid UTF-8 counts as text. */
static nj_status op_old_string(struct nj_machine *m, int bytes)
{
    nj_status status = nj_machine_string(m, bytes, NJ_V_BYTES);
    nj_value *v;

    if (status != NJ_OK)
        return status;
    v = &m->p->values[nj_machine_top(m)];
    if (nj_utf8_valid(v->as.text.text, v->as.text.length))
        v->kind = NJ_V_TEXT;
    return NJ_OK;
}

static nj_status op_bytes(struct nj_machine *m, int bytes)
{
    return nj_machine_string(m, bytes, NJ_V_BYTES);
}

/* ---- opcodes: stack and memo ------------------------------------------- */

static nj_status op_mark(struct nj_machine *m, int arg)
{
    (void)arg;
    return nj_machine_mark(m);
}

static nj_status op_pop(struct nj_machine *m, int values)
{
    nj_status status = nj_machine_need(m, (size_t)values);

    if (status == NJ_OK)
        m->depth -= (size_t)values;
    return status;
}

static nj_status op_pop_mark(struct nj_machine *m, int arg)
{
    size_t first = 0;
    nj_status status = nj_machine_take_mark(m, &first);

    (void)arg;
    if (status == NJ_OK)
        m->depth = first;
    return status;
}

static nj_status op_dup(struct nj_machine *m, int values)
{
    nj_status status = nj_machine_need(m, (size_t)values);

    return status == NJ_OK ? nj_machine_push(m, nj_machine_top(m)) : status;
}

static nj_status op_put(struct nj_machine *m, int bytes)
{
    uint64_t index;
    nj_status status = nj_machine_number(m, bytes, &index);

    return status == NJ_OK ? nj_machine_put(m, index) : status;
}

static nj_status op_memoize(struct nj_machine *m, int arg)
{
    (void)arg;
    return nj_machine_put(m, m->memo_count);
}

static nj_status op_get(struct nj_machine *m, int bytes)
{
    uint64_t index;
    nj_status status = nj_machine_number(m, bytes, &index);

    return status == NJ_OK ? nj_machine_get(m, index) : status;
}

/* ---- opcodes: containers ----------------------------------------------- */

static bool hashable(const nj_value *v)
{
    return v->kind != NJ_V_LIST && v->kind != NJ_V_DICT && v->kind != NJ_V_SET;
}

/* Adds the stack's values from `first` to a container. */
static nj_status add_items(struct nj_machine *m, nj_ref container, size_t first)
{
    nj_value_kind kind = m->p->values[container].kind;

    if (kind == NJ_V_DICT && (m->depth - first) % 2)
        return nj_fail(m->err, NJ_E_FORMAT, "a key without a value");
    for (size_t i = first; i < m->depth; i++) {
        bool key =
            kind == NJ_V_SET || (kind == NJ_V_DICT && (i - first) % 2 == 0);

        if (key && !hashable(&m->p->values[m->stack[i]]))
            return nj_fail(m->err, NJ_E_FORMAT,
                           "a list or dictionary as a key");
        if (!nj_pickle_append(m->p, container, m->stack[i], m->err))
            return m->err->code;
    }
    m->depth = first;
    return NJ_OK;
}

/* A new container of the values from `first`, in their place. */
static nj_status gather(struct nj_machine *m, nj_value_kind kind, size_t first)
{
    nj_ref ref = nj_pickle_new(m->p, (nj_value){.kind = kind}, m->err);
    nj_status status = ref ? add_items(m, ref, first) : m->err->code;

    return status == NJ_OK ? nj_machine_push(m, ref) : status;
}

static nj_status op_empty(struct nj_machine *m, int kind)
{
    return nj_machine_push_kind(m, (nj_value_kind)kind);
}

static nj_status op_gather(struct nj_machine *m, int kind)
{
    size_t first = 0;
    nj_status status = nj_machine_take_mark(m, &first);

    return status == NJ_OK ? gather(m, (nj_value_kind)kind, first) : status;
}

static nj_status op_tuple_of(struct nj_machine *m, int values)
{
    nj_status status = nj_machine_need(m, (size_t)values);

    return status == NJ_OK ? gather(m, NJ_V_TUPLE, m->depth - (size_t)values)
                           : status;
}

/* The values from `first` into the container just below. */
static nj_status extend(struct nj_machine *m, size_t first, nj_value_kind kind)
{
    if (first <= nj_machine_floor(m))
        return nj_fail(m->err, NJ_E_FORMAT, "the stack has too few values");
    if (m->p->values[m->stack[first - 1]].kind != kind)
        return nj_fail(m->err, NJ_E_FORMAT,
                       "items for a value of another kind");
    return add_items(m, m->stack[first - 1], first);
}

static nj_status op_extend(struct nj_machine *m, int kind)
{
    size_t first = 0;
    nj_status status = nj_machine_take_mark(m, &first);

    return status == NJ_OK ? extend(m, first, (nj_value_kind)kind) : status;
}

static nj_status op_append(struct nj_machine *m, int values)
{
    nj_status status = nj_machine_need(m, (size_t)values + 1);

    return status == NJ_OK ? extend(m, m->depth - (size_t)values,
                                    values == 1 ? NJ_V_LIST : NJ_V_DICT)
                           : status;
}

/* ---- opcodes: names, calls, objects ------------------------------------ */

static nj_status read_global(struct nj_machine *m, nj_value *v)
{
    nj_status status =
        nj_machine_line(m, &v->as.global.module, &v->as.global.module_length);

    if (status == NJ_OK)
        status =
            nj_machine_line(m, &v->as.global.name, &v->as.global.name_length);
    return status;
}

static nj_status op_global(struct nj_machine *m, int arg)
{
    nj_value v = {.kind = NJ_V_GLOBAL};
    nj_status status = read_global(m, &v);

    (void)arg;
    return status == NJ_OK ? nj_machine_push_new(m, v) : status;
}

static nj_status op_stack_global(struct nj_machine *m, int values)
{
    nj_value v = {.kind = NJ_V_GLOBAL};
    const nj_value *module;
    const nj_value *name;
    nj_status status = nj_machine_need(m, (size_t)values);

    if (status != NJ_OK)
        return status;
    name = &m->p->values[m->stack[--m->depth]];
    module = &m->p->values[m->stack[--m->depth]];
    if (module->kind != NJ_V_TEXT || name->kind != NJ_V_TEXT)
        return nj_fail(m->err, NJ_E_FORMAT, "a name that is no text");
    v.as.global.module = module->as.text.text;
    v.as.global.module_length = module->as.text.length;
    v.as.global.name = name->as.text.text;
    v.as.global.name_length = name->as.text.length;
    return nj_machine_push_new(m, v);
}

/* INST makes an object of a class: never one that is known. */
static nj_status op_inst(struct nj_machine *m, int arg)
{
    nj_value v = {.kind = NJ_V_GLOBAL};
    nj_status status = read_global(m, &v);

    (void)arg;
    return status == NJ_OK ? nj_pickle_refuse(&v, "make an object of", m->err)
                           : status;
}

/* REDUCE and NEWOBJ: the arguments are replaced by what they make. */
static nj_status replace_two(struct nj_machine *m,
                             nj_status (*make)(nj_pickle *p, nj_ref what,
                                               nj_ref arguments, nj_ref *out,
                                               nj_err *err))
{
    nj_ref made = REF_NONE;
    nj_status status = nj_machine_need(m, 2);

    if (status == NJ_OK)
        status = make(m->p, m->stack[m->depth - 2], m->stack[m->depth - 1],
                      &made, m->err);
    if (status == NJ_OK)
        m->stack[--m->depth - 1] = made;
    return status;
}

static nj_status op_reduce(struct nj_machine *m, int arg)
{
    (void)arg;
    return replace_two(m, nj_pickle_call);
}

static nj_status op_newobj(struct nj_machine *m, int arg)
{
    (void)arg;
    return replace_two(m, nj_pickle_make);
}

static nj_status op_build(struct nj_machine *m, int values)
{
    nj_status status = nj_machine_need(m, (size_t)values);

    if (status == NJ_OK)
        status = nj_pickle_set_state(m->p, m->stack[m->depth - 2],
                                     m->stack[m->depth - 1], m->err);
    if (status == NJ_OK)
        m->depth--;
    return status;
}

static nj_status op_persistent(struct nj_machine *m, int values)
{
    nj_ref made = REF_NONE;
    nj_status status = nj_machine_need(m, (size_t)values);

    if (status == NJ_OK)
        status = nj_pickle_persistent(m->p, nj_machine_top(m), &made, m->err);
    if (status == NJ_OK)
        m->stack[m->depth - 1] = made;
    return status;
}

static const struct {
    opcode *run;
    int arg;
} opcodes[256] = {
    [0x80] = {op_proto, 1},
    [0x95] = {op_frame, 8},
    ['.'] = {op_stop, 0},
    ['N'] = {op_constant, REF_NONE},
    [0x88] = {op_constant, REF_TRUE},
    [0x89] = {op_constant, REF_FALSE},
    ['K'] = {op_unsigned, 1},
    ['M'] = {op_unsigned, 2},
    ['J'] = {op_signed, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['G'] = {op_float, 8},
    [0x8c] = {op_text, 1},
    ['X'] = {op_text, 4},
    [0x8d] = {op_text, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8},
    ['U'] = {op_old_string, 1},
    ['T'] = {op_old_string, 4},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 1},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 1},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    [')'] = {op_empty, NJ_V_TUPLE},
    [']'] = {op_empty, NJ_V_LIST},
    ['}'] = {op_empty, NJ_V_DICT},
    [0x8f] = {op_empty, NJ_V_SET},
    [0x85] = {op_tuple_of, 1},
    [0x86] = {op_tuple_of, 2},
    [0x87] = {op_tuple_of, 3},
    ['t'] = {op_gather, NJ_V_TUPLE},
    ['l'] = {op_gather, NJ_V_LIST},
    ['d'] = {op_gather, NJ_V_DICT},
    [0x91] = {op_gather, NJ_V_SET},
    ['a'] = {op_append, 1},
    ['s'] = {op_append, 2},
    ['e'] = {op_extend, NJ_V_LIST},
    ['u'] = {op_extend, NJ_V_DICT},
    [0x90] = {op_extend, NJ_V_SET},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 2},
    ['i'] = {op_inst, 0},
    ['R'] = {op_reduce, 0},
    [0x81] = {op_newobj, 0},
    ['b'] = {op_build, 2},
    ['Q'] = {op_persistent, 1},
};

/* ---- running ----------------------------------------------------------- */

static nj_status add_constants(nj_pickle *p, nj_err *err)
{
    /* The first value is None, whose index also means failure. */
    nj_pickle_new(p, (nj_value){.kind = NJ_V_NONE}, err);
    if (!nj_pickle_new(p, (nj_value){.kind = NJ_V_BOOL, .as.integer = 1},
                       err) ||
        !nj_pickle_new(p, (nj_value){.kind = NJ_V_BOOL}, err))
        return NJ_E_MEMORY;
    return NJ_OK;
}

static nj_status run(struct nj_machine *m)
{
    while (!m->stopped) {
        const unsigned char *at = m->at;
        nj_status status;

        if (m->at == m->end)
            return nj_fail(m->err, NJ_E_FORMAT, "the pickle ends without STOP");
        m->at++;
        if (opcodes[*at].run)
            status = opcodes[*at].run(m, opcodes[*at].arg);
        else
            status = nj_fail(m->err, NJ_E_FORMAT,
                             "opcode 0x%02x is not one that torch writes", *at);
        if (status != NJ_OK)
            return nj_err_add(m->err, "pickle, byte %zu",
                              (size_t)(at - m->start));
    }
    return NJ_OK;
}

nj_status nj_pickle_run(nj_pickle *p, const unsigned char *bytes, size_t n,
                        nj_err *err)
{
    nj_err own;
    struct nj_machine m = {.p = p,
                           .start = bytes,
                           .at = bytes,
                           .end = bytes + n,
                           .err = err ? err : &own};
    nj_status status;

    if (n > NJ_PICKLE_BYTES_MAX)
        m.end = bytes + NJ_PICKLE_BYTES_MAX;
    status = add_constants(p, m.err);
    if (status == NJ_OK)
        status = run(&m);
    if (status == NJ_OK) {
        p->root = nj_machine_top(&m);
        p->used = (size_t)(m.at - m.start);
    }
    free(m.stack);
    free(m.marks);
    free(m.memo);
    return status;
}

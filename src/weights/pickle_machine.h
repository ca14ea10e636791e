/* The state of a running pickle: stack, marks, memo and what is left of the
 * bytes. pickle.c has the opcodes that work on it. Everything here is bounded
 * by NJ_PICKLE_VALUES_MAX. */
#ifndef NJ_WEIGHTS_PICKLE_MACHINE_H
#define NJ_WEIGHTS_PICKLE_MACHINE_H

#include "weights/pickle.h"

struct nj_machine {
    nj_pickle *p;
    const unsigned char *start;
    const unsigned char *at;
    const unsigned char *end;
    nj_ref *stack;
    size_t depth;
    size_t stack_capacity;
    size_t *marks; /* depths of the stack */
    size_t mark_count;
    size_t mark_capacity;
    nj_ref *memo; /* value + 1, 0: never put */
    size_t memo_count;
    size_t memo_capacity;
    bool stopped;
    nj_err *err;
};

/* "more than N things". */
nj_status nj_machine_too_many(nj_err *err, const char *what);

/* ---- stack ------------------------------------------------------------- */

nj_status nj_machine_push(struct nj_machine *m, nj_ref ref) NJ_MUST_USE;
nj_status nj_machine_push_new(struct nj_machine *m, nj_value value) NJ_MUST_USE;
nj_status nj_machine_push_kind(struct nj_machine *m,
                               nj_value_kind kind) NJ_MUST_USE;

/* Lowest depth that opcodes may take from: values below the last mark are
 * not theirs. */
size_t nj_machine_floor(const struct nj_machine *m);

/* An error unless that many values may be taken. */
nj_status nj_machine_need(const struct nj_machine *m,
                          size_t values) NJ_MUST_USE;
nj_ref nj_machine_top(const struct nj_machine *m);

nj_status nj_machine_mark(struct nj_machine *m) NJ_MUST_USE;

/* The values above the last mark stay on the stack at *first; the mark is
 * gone. The caller sets the depth back to *first. */
nj_status nj_machine_take_mark(struct nj_machine *m, size_t *first) NJ_MUST_USE;

/* ---- memo -------------------------------------------------------------- */

nj_status nj_machine_put(struct nj_machine *m, uint64_t index) NJ_MUST_USE;
nj_status nj_machine_get(struct nj_machine *m, uint64_t index) NJ_MUST_USE;

/* ---- arguments in the byte stream -------------------------------------- */

nj_status nj_machine_take(struct nj_machine *m, uint64_t n,
                          const unsigned char **out) NJ_MUST_USE;

/* A little-endian number of that many bytes. */
nj_status nj_machine_number(struct nj_machine *m, int bytes,
                            uint64_t *out) NJ_MUST_USE;

/* Pushes text or bytes whose length comes first, in `bytes` bytes. */
nj_status nj_machine_string(struct nj_machine *m, int bytes,
                            nj_value_kind kind) NJ_MUST_USE;

/* Pushes a two's complement integer of n bytes. */
nj_status nj_machine_integer(struct nj_machine *m, uint64_t n) NJ_MUST_USE;

/* Text up to a newline. */
nj_status nj_machine_line(struct nj_machine *m, const char **out,
                          uint32_t *length) NJ_MUST_USE;

#endif

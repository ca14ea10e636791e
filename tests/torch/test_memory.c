/* The heap of large tensors: memory is whole, is used again, and does not fall
 * to pieces. */
#include "torch/th_test.h"

enum { SLOTS = 40, ROUNDS = 2000 };

struct slot {
    th_scope *scope;
    th_tensor *tensor;
    float value;
};

static unsigned next(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static void fill(struct slot *slot, unsigned *state)
{
    const int64_t n = 1000 + next(state) % 300000;

    slot->scope = th_scope_new(NULL);
    slot->value = (float)(next(state) % 1000);
    slot->tensor =
        th_full(slot->scope, NJ_F32, cpu, 1, &n, (double)slot->value);
}

/* Nobody wrote into it meanwhile. */
static void empty(struct slot *slot)
{
    const size_t n = th_elements(slot->tensor);
    float *values = malloc(n * sizeof(*values));

    th_read_f32(slot->scope, slot->tensor, values, n);
    OK(slot->scope);
    for (size_t i = 0; i < n; i++)
        assert_true(values[i] == slot->value);
    free(values);
    th_scope_free(slot->scope);
    slot->scope = NULL;
}

static void tensors_do_not_overlap(void **state)
{
    struct slot slots[SLOTS] = {{0}};
    unsigned seed = 7;
    int64_t before;

    (void)state;
    th_keep_memory();
    before = th_host_count(false).now;
    for (int i = 0; i < ROUNDS; i++) {
        struct slot *slot = &slots[next(&seed) % SLOTS];

        if (slot->scope)
            empty(slot);
        else
            fill(slot, &seed);
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].scope)
            empty(&slots[i]);
    assert_int_equal(th_host_count(false).now, before);
}

static th_tensor *mebibytes(th_scope *s, int64_t n)
{
    const int64_t count = n << 18;

    return th_full(s, NJ_F32, cpu, 1, &count, 1);
}

/* Neighbours that are free are one piece again. */
static void free_pieces_join(void **state)
{
    int64_t held;

    (void)state;
    th_keep_memory();
    for (int round = 0; round < 3; round++) {
        th_scope *parts[4];
        th_scope *whole = th_scope_new(NULL);

        for (int i = 0; i < 4; i++) {
            parts[i] = th_scope_new(NULL);
            mebibytes(parts[i], 8);
        }
        held = th_host_count(true).held;
        for (int i = 0; i < 4; i++)
            th_scope_free(parts[(2 * i + 1) % 5 % 4]);
        mebibytes(whole, 31);
        OK(whole);
        th_scope_free(whole);
        /* Where memory is not counted both are 0. */
        assert_int_equal(th_host_count(false).held, held);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_do_not_overlap),
        cmocka_unit_test(free_pieces_join),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

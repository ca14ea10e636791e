/* Legacy files as Python 2 and torch 0.3 wrote them, built here opcode by
 * opcode: names are byte strings, an OrderedDict gets its pairs as arguments,
 * a storage may be a piece of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "weights/weights_internal.h"

#define BYTES_MAX 1024

struct file {
    unsigned char bytes[BYTES_MAX];
    size_t n;
};

static void add(struct file *f, const void *bytes, size_t n)
{
    assert_true(f->n + n <= BYTES_MAX);
    memcpy(f->bytes + f->n, bytes, n);
    f->n += n;
}

#define ADD(f, text) add((f), (text), sizeof(text) - 1)

static void add_head(struct file *f)
{
    ADD(f, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
    ADD(f, "\x80\x02M\xe9\x03.");
    ADD(f, "\x80\x02}q\x00(U\x0dlittle_endianq\x01\x88u.");
}

static void add_storage(struct file *f)
{
    static const int64_t count = 4;
    static const float values[4] = {10, 11, 12, 13};

    ADD(f, "\x80\x02]U\x05"
           "00001"
           "a.");
    add(f, &count, sizeof(count));
    add(f, values, sizeof(values));
}

/* One tensor 'a' of two elements at offset 1; `piece` is the last member of
 * the storage's id. */
static void build(struct file *f, const char *piece, size_t piece_length)
{
    f->n = 0;
    add_head(f);
    ADD(f, "\x80\x02"
           "ccollections\nOrderedDict\n](](U\x01"
           "a");
    ADD(f, "ctorch._utils\n_rebuild_tensor\n((U\x07storage");
    ADD(f, "ctorch\nFloatStorage\nU\x05"
           "00001"
           "U\x03"
           "cpuK\x04");
    add(f, piece, piece_length);
    ADD(f, "tQK\x01K\x02\x85K\x01\x85tRee\x85R.");
    add_storage(f);
}

static void reads_what_python_2_wrote(void **state)
{
    static const float want[2] = {11, 12};
    struct file f;
    nj_weights *w = NULL;
    nj_err err = {0};
    const nj_view *v;

    (void)state;
    build(&f, "N", 1);
    if (nj_weights_open_memory(f.bytes, f.n, &w, &err) != NJ_OK)
        fail_msg("%s", err.text);
    assert_int_equal(nj_weights_kind(w), NJ_WEIGHTS_TORCH_LEGACY);
    v = nj_weights_find(w, "a");
    assert_non_null(v);
    assert_int_equal(v->ndim, 1);
    assert_memory_equal(v->data, want, sizeof(want));
    nj_weights_free(w);
}

static void reads_a_piece_of_a_storage(void **state)
{
    static const char piece[] = "(U\x01vK\x01K\x03t";
    static const float want[2] = {12, 13};
    struct file f;
    nj_weights *w = NULL;
    nj_err err = {0};

    (void)state;
    build(&f, piece, sizeof(piece) - 1);
    if (nj_weights_open_memory(f.bytes, f.n, &w, &err) != NJ_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(nj_weights_find(w, "a")->data, want, sizeof(want));
    nj_weights_free(w);
}

static void refuses_a_piece_that_leaves_its_storage(void **state)
{
    static const char too_long[] = "(U\x01vK\x02K\x03t";
    static const char too_short[] = "(U\x01vK\x02K\x02t";
    struct file f;
    nj_weights *w = NULL;
    nj_err err = {0};

    (void)state;
    build(&f, too_long, sizeof(too_long) - 1);
    assert_int_equal(nj_weights_open_memory(f.bytes, f.n, &w, &err),
                     NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "piece outside"));
    build(&f, too_short, sizeof(too_short) - 1);
    assert_int_equal(nj_weights_open_memory(f.bytes, f.n, &w, &err),
                     NJ_E_FORMAT);
    assert_non_null(strstr(err.text, "needs element 2 of a storage of 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_python_2_wrote),
        cmocka_unit_test(reads_a_piece_of_a_storage),
        cmocka_unit_test(refuses_a_piece_that_leaves_its_storage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

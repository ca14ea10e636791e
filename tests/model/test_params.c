/* Parameters: what is said about tensors that do not fit, and how those that
 * do are converted. */
#include "model/model_test.h"
#include "model/params.h"

static const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};

#define VIEW(n, ...)                                                           \
    {                                                                          \
        .name = (n), .data = numbers, .dtype = NJ_F32, __VA_ARGS__             \
    }

/* a.weight [2,1,2,1], a.bias [2], b.rows [2,2], b.more [2,2] */
static const nj_view views[] = {
    VIEW("a.weight", .ndim = 4, .shape = {2, 1, 2, 1}, .stride = {2, 2, 1, 1}),
    VIEW("a.bias", .ndim = 1, .shape = {2}, .stride = {1}),
    VIEW("b.rows", .ndim = 2, .shape = {2, 2}, .stride = {2, 1}),
    VIEW("b.more", .ndim = 2, .shape = {2, 2}, .stride = {1, 2}),
};

struct net {
    int64_t out; /* rows that a.weight is asked for */
    const char *last;
    th_tensor *weight;
    th_tensor *bias;
    th_tensor *rows;
};

static void build(nj_params *p, void *to)
{
    struct net *n = to;
    const char *names[2] = {"rows", n->last};
    size_t before = nj_params_enter(p, "%c", 'a');

    n->weight = nj_params_take(p, "weight", NJ_SHAPE(n->out, 1, 2, 1));
    n->bias = nj_params_take_as(p, NJ_F64, "bias", NJ_SHAPE(2));
    nj_params_leave(p, before);
    before = nj_params_enter(p, "b");
    n->rows = nj_params_take_rows(p, names, 2, NJ_SHAPE(2, 2));
    nj_params_leave(p, before);
}

static void expect_error(const nj_weights *w, struct net net,
                         const char *const *ignored, const char *text)
{
    const nj_blueprint plan = {build, &net, ignored};
    nj_err err = {0};

    assert_int_equal(nj_params_check(w, &plan, &err),
                     text ? NJ_E_FORMAT : NJ_OK);
    assert_string_equal(err.text, text ? text : "");
}

static void names_the_first_wrong_tensor(void **state)
{
    nj_weights *w = weights_of(views, 4);

    (void)state;
    expect_error(w, (struct net){.out = 2, .last = "more"}, NULL, NULL);
    expect_error(w, (struct net){.out = 3, .last = "none"}, NULL,
                 "tensor 'a.weight' has shape [2,1,2,1], expected [3,1,2,1]");
    expect_error(w, (struct net){.out = 2, .last = "none"}, NULL,
                 "tensor 'b.none' is missing, expected shape [2,2]");
    nj_weights_free(w);
}

static void names_a_tensor_too_many(void **state)
{
    static const char *const last[] = {"extra", NULL};
    static const char *const first[] = {"c", NULL};
    static const char *const other[] = {"tra", "c.extra2", "ex", NULL};
    const char *text = "tensor 'c.extra' does not belong to this network";
    struct net net = {.out = 2, .last = "more"};
    nj_view more[5];
    nj_weights *w;

    (void)state;
    memcpy(more, views, sizeof(views));
    more[4] = more[1];
    more[4].name = "c.extra";
    w = weights_of(more, 5);
    expect_error(w, net, NULL, text);
    expect_error(w, net, other, text);
    expect_error(w, net, last, NULL);
    expect_error(w, net, first, NULL);
    nj_weights_free(w);
}

static void refuses_integers(void **state)
{
    static const char header[] =
        "{\"a.weight\":{\"dtype\":\"I32\",\"shape\":[2,1,2,1],"
        "\"data_offsets\":[0,16]}}";
    const uint64_t length = sizeof(header) - 1;
    char path[] = "/tmp/nj_model_test_XXXXXX";
    FILE *f = fdopen(mkstemp(path), "wb");
    nj_weights *w;

    (void)state;
    assert_non_null(f);
    assert_int_equal(fwrite(&length, sizeof(length), 1, f), 1);
    assert_int_equal(fwrite(header, 1, length, f), length);
    assert_int_equal(fwrite(numbers, 1, 16, f), 16);
    fclose(f);
    w = open_weights(path);
    unlink(path);
    expect_error(w, (struct net){.out = 2, .last = "more"}, NULL,
                 "tensor 'a.weight' has dtype I32, expected floating point");
    nj_weights_free(w);
}

static void converts_only_what_fits(void **state)
{
    th_scope *s = *state;
    nj_weights *w = weights_of(views, 4);
    struct net net = {.out = 3, .last = "more"};
    const nj_blueprint plan = {build, &net, NULL};
    const nj_target target = {s, NJ_BF16, cpu};
    nj_err err = {0};

    assert_int_equal(nj_params_fill(w, &plan, &target, &err), NJ_E_FORMAT);
    assert_int_equal(th_live(), 0);
    net.out = 2;
    assert_int_equal(nj_params_fill(w, &plan, &target, &err), NJ_OK);
    nj_weights_free(w); /* nothing is borrowed from the file */
    assert_int_equal(th_dtype(net.weight), NJ_BF16);
    assert_int_equal(th_dtype(net.bias), NJ_F64);
    EXPECT(s, net.weight, 0, 1, 2, 3, 4);
    EXPECT(s, net.bias, 0, 1, 2);
    EXPECT(s, net.rows, 0, 1, 2, 3, 4, 1, 3, 2, 4);
}

static void peeks_at_shapes(void **state)
{
    nj_weights *w = weights_of(views, 4);
    const nj_view *v;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_params_peek(w, "a.bias", 1, &v, &err), NJ_OK);
    assert_int_equal(v->shape[0], 2);
    assert_int_equal(nj_params_peek(w, "a.bias", 2, &v, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, "tensor 'a.bias' has shape [2], expected 2 "
                                  "dimensions of 1 to 16777216");
    assert_int_equal(nj_params_peek(w, "c", 2, &v, &err), NJ_E_FORMAT);
    assert_string_equal(err.text, "tensor 'c' is missing");
    nj_weights_free(w);
}

static void long_names_are_an_error(void **state)
{
    nj_params p = {0};
    char name[NJ_PARAMS_NAME_MAX + 1];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(nj_params_enter(&p, "a"), 0);
    assert_string_equal(p.prefix, "a.");
    assert_int_equal(nj_params_enter(&p, "%s", name), 2);
    assert_string_equal(p.prefix, "a.");
    assert_int_equal(p.err.code, NJ_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(names_the_first_wrong_tensor),
        TH_TEST(names_a_tensor_too_many),
        TH_TEST(refuses_integers),
        TH_TEST(converts_only_what_fits),
        TH_TEST(peeks_at_shapes),
        TH_TEST(long_names_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

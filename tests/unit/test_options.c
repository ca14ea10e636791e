/* The option table: defaults of the 256 notebook, strict reading, origins,
 * JSON and help from one place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "job/options.h"

static nj_options o;
static nj_list rest;
static nj_err err;

static int set_up(void **state)
{
    (void)state;
    return nj_options_init(&o, &err) == NJ_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    nj_options_release(&o);
    nj_list_release(&rest);
    return 0;
}

/* Reads a command line of up to 8 arguments ended by NULL. */
static nj_status parse(const char *first, ...)
{
    char *argv[8];
    int argc = 0;
    va_list args;

    va_start(args, first);
    for (const char *a = first; a; a = va_arg(args, const char *))
        argv[argc++] = (char *)(uintptr_t)a;
    va_end(args);
    return nj_options_parse(&o, NJ_CMD_GENERATE, argc, argv, &rest, &err);
}

static void defaults_are_the_notebooks(void **state)
{
    const nj_settings *s = &o.settings;

    (void)state;
    assert_string_equal(s->timestep_respacing, "1000");
    assert_int_equal(s->sampler, NJ_DDPM);
    assert_int_equal(s->plms_order, 2);
    assert_true(s->eta == 0 && s->skip_timesteps == 0);
    assert_true(s->clip_guidance_scale == 1000 && s->tv_scale == 150);
    assert_true(s->range_scale == 50 && s->sat_scale == 0);
    assert_true(s->cutn == 16 && s->cutn_batches == 1 && s->cut_pow == 1);
    assert_int_equal(s->cutouts, NJ_CUTOUTS_CROWSON);
    assert_int_equal(s->gradient, NJ_GRADIENT_X);
    assert_true(s->clamp_max == 0 && !s->clip_denoised && !s->skip_augs);
    assert_int_equal(s->class_id, NJ_CLASS_NONE);
    assert_true(s->batch_size == 1 && s->save_every == 0 && o.n == 1);
    assert_string_equal(o.device, "auto");
    assert_null(o.init_image);
    assert_false(nj_options_given(&o, "cutn"));
}

static void reads_every_form(void **state)
{
    (void)state;
    assert_int_equal(parse("a cat", "--cutn", "4", "--tv_scale=0.5", "-o",
                           "x y", "--fast", NULL),
                     NJ_OK);
    assert_int_equal(rest.count, 1);
    assert_string_equal(rest.items[0], "a cat");
    assert_int_equal(o.settings.cutn, 4);
    assert_true(o.settings.tv_scale == 0.5 && o.fast);
    assert_string_equal(o.out, "x y");
    assert_int_equal(parse("-n3", "--no-fast", "--class", "random", "--sampler",
                           "plms", NULL),
                     NJ_OK);
    assert_int_equal(o.n, 3);
    assert_false(o.fast);
    assert_int_equal(o.settings.class_id, NJ_CLASS_RANDOM);
    assert_int_equal(o.settings.sampler, NJ_PLMS);
    assert_int_equal(
        parse("--seed", "18446744073709551615", "--", "--cutn", NULL), NJ_OK);
    assert_true(o.seed == UINT64_MAX);
    assert_string_equal(rest.items[1], "--cutn");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(parse("--cutn", "-3", NULL), NJ_E_USAGE);
    assert_string_equal(err.text, "option '--cutn': '-3' is not a whole "
                                  "number from 1 to 1024");
    assert_int_equal(parse("--eta=2", NULL), NJ_E_USAGE);
    assert_string_equal(err.text,
                        "option '--eta': '2' is not a number from 0 to 1");
    assert_int_equal(parse("--sampler", "dpm", NULL), NJ_E_USAGE);
    assert_string_equal(err.text, "option '--sampler': 'dpm' is not ddpm, "
                                  "ddim or plms");
    assert_int_equal(parse("--cutm", "3", NULL), NJ_E_USAGE);
    assert_string_equal(err.text,
                        "unknown option '--cutm' (did you mean '--cutn'?)");
    assert_int_equal(parse("--out", "--quiet", NULL), NJ_E_USAGE);
    assert_string_equal(err.text, "option '--out' needs a value");
    assert_int_equal(parse("--class", "1.5", NULL), NJ_E_USAGE);
    assert_string_equal(err.text,
                        "option '--class': '1.5' is not a whole number from 0 "
                        "to 1000000, none or random");
    assert_int_equal(parse("--class", "tabbby", NULL), NJ_E_USAGE);
    assert_string_equal(err.text,
                        "option '--class': 'tabbby' is no number of a class, "
                        "random, or an ImageNet class (did you mean 'tabby'?)");
}

static void weaker_origins_never_win(void **state)
{
    const nj_option *cutn = nj_option_find("cutn", 4);

    (void)state;
    assert_int_equal(parse("--cutn", "5", NULL), NJ_OK);
    assert_int_equal(nj_options_set(&o, cutn, "9", NJ_FROM_CARD, &err), NJ_OK);
    assert_int_equal(o.settings.cutn, 5);
    assert_int_equal(nj_options_origin(&o, "cutn"), NJ_FROM_COMMAND);
    assert_int_equal(nj_options_set(&o, cutn, "x", NJ_FROM_CARD, &err),
                     NJ_E_USAGE);
}

static void lists_grow_within_one_origin(void **state)
{
    const nj_option *list = nj_option_find("image-prompt", 12);

    (void)state;
    assert_int_equal(nj_options_set(&o, list, "j.png", NJ_FROM_JOB, &err),
                     NJ_OK);
    assert_int_equal(
        parse("--image-prompt", "a.png", "--image-prompt", "b.png:2", NULL),
        NJ_OK);
    assert_int_equal(o.image_prompt.count, 2);
    assert_string_equal(o.image_prompt.items[0], "a.png");
}

/* Parses an object and sets all its keys. */
static nj_status set_json(const char *text, nj_origin from)
{
    cJSON *json;
    const cJSON *item;
    nj_status status = nj_json_parse(text, strlen(text), &json, &err);

    if (status != NJ_OK)
        return status;
    cJSON_ArrayForEach(item, json)
    {
        if (status == NJ_OK)
            status = nj_options_set_json(&o, item->string, item, from, &err);
    }
    cJSON_Delete(json);
    return status;
}

static void reads_json(void **state)
{
    (void)state;
    assert_int_equal(set_json("{\"cutn\":8,\"tv_scale\":0.25,\"fast\":true,"
                              "\"clamp_max\":null,\"seeds\":[1,\"5..6\"],"
                              "\"timestep_respacing\":50,\"class\":\"random\","
                              "\"image_prompt\":[\"a\",\"b\"]}",
                              NJ_FROM_JOB),
                     NJ_OK);
    assert_true(o.settings.cutn == 8 && o.settings.tv_scale == 0.25);
    assert_true(o.fast && o.settings.clamp_max == 0);
    assert_int_equal(nj_seeds_total(&o.seeds), 3);
    assert_string_equal(o.settings.timestep_respacing, "50");
    assert_int_equal(o.image_prompt.count, 2);
}

static void refuses_wrong_json(void **state)
{
    static const char *const bad[] = {
        "{\"cutn\":8.5}",
        "{\"cutn\":\"x\"}",
        "{\"cutn\":[1]}",
        "{\"cutn\":1e999}",
        "{\"fast\":2}",
        "{\"stpes\":1}",
        "{\"help\":true}",
        "{\"seed\":1e300}",
        "{\"seed\":-1}",
        "{\"eta\":1e999}",
        "{\"sampler\":\"\"}",
        "{\"seeds\":[]}",
        "{\"seed\":18446744073709551615}",
        "{\"out\":\"\"}",
        "{\"image_prompt\":[{}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(set_json(bad[i], NJ_FROM_JOB), NJ_E_USAGE);
    assert_int_equal(set_json("{\"cut_m\":1}", NJ_FROM_JOB), NJ_E_USAGE);
    assert_string_equal(err.text, "unknown key 'cut_m' (did you mean 'cutn'?)");
}

/* -0 and 0 make the same picture, so they must be the same in its record. */
static void knows_one_zero(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(parse("--eta", "-0", NULL), NJ_OK);
    text = nj_options_text(&o, nj_option_find("eta", 3));
    assert_string_equal(text, "0");
    free(text);
}

static void json_and_back_is_the_same(void **state)
{
    nj_options other;
    cJSON *json = cJSON_CreateObject();
    cJSON *again = cJSON_CreateObject();
    const cJSON *item;
    char *a;
    char *b;

    (void)state;
    assert_int_equal(parse("--eta", "0.1", "--class", "7", "--image-prompt",
                           "line\nbreak.png", NULL),
                     NJ_OK);
    assert_true(nj_options_to_json(&o, NJ_OF_JOB, json));
    assert_int_equal(nj_options_init(&other, &err), NJ_OK);
    cJSON_ArrayForEach(item, json) assert_int_equal(
        nj_options_set_json(&other, item->string, item, NJ_FROM_JOB, &err),
        NJ_OK);
    assert_true(nj_options_to_json(&other, NJ_OF_JOB, again));
    a = cJSON_Print(json);
    b = cJSON_Print(again);
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "line\\nbreak.png"));
    cJSON_free(a);
    cJSON_free(b);
    cJSON_Delete(json);
    cJSON_Delete(again);
    nj_options_release(&other);
}

static void copies_own_their_texts(void **state)
{
    nj_options copy;

    (void)state;
    assert_int_equal(
        parse("--out", "a", "--clip", "c", "--seeds", "1..3", NULL), NJ_OK);
    assert_int_equal(nj_options_copy(&o, &copy, &err), NJ_OK);
    assert_ptr_not_equal(copy.out, o.out);
    assert_string_equal(copy.clip.items[0], "c");
    assert_int_equal(nj_seeds_total(&copy.seeds), 3);
    nj_options_release(&copy);
}

static void help_fits_80_columns(void **state)
{
    nj_str help = {0};

    (void)state;
    nj_options_help(&help, NJ_CMD_GENERATE);
    for (const char *p = help.text; *p;) {
        size_t n = strcspn(p, "\n");

        assert_true(n < 80);
        p += n + 1;
    }
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);
        char name[80];

        if (!(option->commands & NJ_CMD_GENERATE))
            continue;
        snprintf(name, sizeof(name), "--%s", option->name);
        assert_non_null(strstr(help.text, name));
    }
    nj_str_release(&help);
}

/* Every row is complete, so that help, JSON and parsing agree. */
static void rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *a = nj_option_at(i);
        const nj_option *first;

        assert_non_null(a->help);
        assert_true(a->commands != 0);
        /* A second row of a name is for other commands alone. */
        first = nj_option_find(a->name, strlen(a->name));
        assert_true(first == a || (!(first->commands & a->commands) &&
                                   !(a->traits & NJ_OF_JOB)));
        assert_true((a->type == NJ_OPT_FLAG) == (a->value == NULL) ||
                    a->type == NJ_OPT_CHOICE);
        assert_true(!a->good || a->expected);
        if (i)
            assert_true(a->group >= nj_option_at(i - 1)->group);
    }
}

/* A command line of generate is one of plan. */
static void plan_takes_what_generate_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *row = nj_option_at(i);

        if ((row->commands & NJ_CMD_GENERATE) && !(row->commands & NJ_CMD_PLAN))
            fail_msg("plan has no --%s", row->name);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_the_notebooks),
        TEST(reads_every_form),
        TEST(says_what_is_wrong),
        TEST(weaker_origins_never_win),
        TEST(lists_grow_within_one_origin),
        TEST(reads_json),
        TEST(refuses_wrong_json),
        TEST(knows_one_zero),
        TEST(json_and_back_is_the_same),
        TEST(copies_own_their_texts),
        TEST(help_fits_80_columns),
        TEST(rows_are_sound),
        TEST(plan_takes_what_generate_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

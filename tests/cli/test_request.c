/* Requests: job files, prompt lists, alternatives and sweeps become groups of
 * a job with the right settings, names and order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake/fake_run.h"
#include "job/target.h"

static char file[4096];
static char list[4096];

static int set_up(void **state)
{
    fake_set_up(state);
    snprintf(file, sizeof(file), "%s/job.json", folder);
    snprintf(list, sizeof(list), "%s/list.txt", folder);
    return 0;
}

static void write_text(const char *text)
{
    fake_write(file, text, strlen(text));
}

static void write_list(const char *text)
{
    fake_write(list, text, strlen(text));
}

static const char *prompt_at(size_t group, size_t prompt)
{
    return j.job.groups[group].prompts[prompt].text;
}

static const nj_settings *settings_of(size_t group)
{
    return &j.job.groups[group].options.settings;
}

static void job_files_have_shared_defaults(void **state)
{
    (void)state;
    write_text("{\"cutn\":8,\"eta\":0.5,\"seeds\":[1,\"4..5\"],\"jobs\":["
               "{\"prompt\":\"a\"},"
               "{\"prompts\":[\"b\",\"{c|d}\"],\"cutn\":9,\"seed\":7}]}");
    assert_int_equal(OPEN(file, "--eta", "0.25"), NJ_OK);
    assert_int_equal(j.job.group_count, 2);
    assert_int_equal(settings_of(0)->cutn, 8);
    assert_int_equal(settings_of(1)->cutn, 9);
    assert_true(settings_of(1)->eta == 0.25);
    assert_int_equal(j.job.groups[1].prompt_count, 3);
    assert_string_equal(prompt_at(1, 2), "d");
    assert_int_equal(nj_seeds_total(&j.job.groups[0].seeds), 3);
}

static void the_command_line_wins_over_a_job_file(void **state)
{
    (void)state;
    write_text("{\"prompt\":\"a\",\"cutn\":8,\"seed\":\"3\"}");
    assert_int_equal(OPEN("--cutn", "5", file, "--seeds", "1..2"), NJ_OK);
    assert_int_equal(settings_of(0)->cutn, 5);
    assert_int_equal(j.plan.count, 2);
}

/* The message must also name the file. */
static void refused_with(const char *text, const char *says, const char *first,
                         const char *second)
{
    const char *line[] = {first, second, NULL};

    if (fake_job_open(&j, folder, line) == NJ_OK)
        fail_msg("%s: not refused", text);
    if (!strstr(j.err.text, says) || !strstr(j.err.text, file))
        fail_msg("%s: %s", text, j.err.text);
    fake_job_release(&j);
}

static void bad_job_files_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"{\"prompt\":\"a\",\"cutm\":1}", "unknown key 'cutm'"},
        {"{\"prompt\":3}", "key 'prompt': a text is expected"},
        {"{\"prompt\":[\"a\"]}", "key 'prompt': a text is expected"},
        {"{\"prompts\":[3]}", "key 'prompts': a text is expected"},
        {"{\"jobs\":[{\"prompt\":\"a\"},{\"prompt\":\"b\",\"eta\":2}]}",
         "job 2: key 'eta'"},
        {"{\"jobs\":[{\"jobs\":[]}]}", "job 1"},
        {"{\"jobs\":3}", "key 'jobs'"},
        {"{\"prompt\":\"a\"} x", "text after"},
        {"{\"prompt\":\"a\",\"prompt\":\"b\"}", "occurs twice"},
        {"{\"jobs\":[{\"prompt\":\"a\",\"threads\":2},{\"prompt\":\"b\"}]}",
         "'threads' holds for the whole job, but it is '2' ("},
        {"{\"jobs\":[{\"prompt\":\"a\",\"threads\":2},"
         "{\"prompt\":\"b\",\"threads\":3}]}",
         "job.json: job 1) and '3' ("},
        {"{\"prompt\":\"a\",\"sweep\":[1]}", "key 'sweep'"},
        {"{\"prompt\":\"a\",\"sweep\":{\"cutn\":[]}}", "key 'sweep'"},
        {"{\"prompt\":\"a\",\"sweep\":{\"cutn\":[0]}}",
         "key 'sweep': '0' is not a whole"},
        {"{\"jobs\":[{\"prompt\":\"a\",\"sweep\":{\"prompt\":[\"b\"]}}]}",
         "job 1: key 'sweep': 'prompt' is not the name of an option"},
        {"{}", "a prompt is expected, under 'prompt'"},
        {"{\"jobs\":[]}", "a prompt is expected, under 'prompt'"},
        {"{\"prompt\":\"\"}", "prompt '': prompt is empty"},
        {"{\"jobs\":[{\"prompt\":\"a\"},{\"prompt\":\"image:none.png\"}]}",
         "job 2: prompt 'image:none.png'"},
        {"{\"prompt\":\"a\",\"seed\":1,\"seeds\":2}",
         "keys 'seed' and 'seeds' are both given"},
        {"{\"prompt\":\"a\",\"seed\":\"18446744073709551614\",\"n\":3}",
         "key 'seed': 3 seeds"},
        {"{\"jobs\":[{\"prompt\":\"a\",\"skip_timesteps\":99}]}",
         "job 1: key 'skip_timesteps'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text(bad[i].text);
        refused_with(bad[i].text, bad[i].says, file, NULL);
    }
}

/* Whatever it begins with, a file named .json is no prompt list. */
static void files_named_json_are_job_files(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"[]", "a job is an object"},
        {"[{\"prompt\":\"a\"},\n{\"prompt\":\"b\"}]", "a job is an object"},
        {"\"a boat\"", "a job is an object"},
        {"a boat\n", "a job file is expected"},
        {"", "a job file is expected"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text(bad[i].text);
        refused_with(bad[i].text, bad[i].says, file, NULL);
        refused_with(bad[i].text, bad[i].says, "--prompts", file);
    }
}

/* A double is the same for 2^53 and 2^53 + 1. */
static void large_seeds_are_strings(void **state)
{
    static const char *const bad[] = {
        "{\"prompt\":\"a\",\"seed\":9007199254740993}",
        "{\"prompt\":\"a\",\"seed\":9007199254740992}",
        "{\"prompt\":\"a\",\"seed\":1e300}",
        "{\"prompt\":\"a\",\"seeds\":9007199254740993}",
        "{\"prompt\":\"a\",\"seeds\":[1,9007199254740993]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text(bad[i]);
        refused_with(bad[i], "are written as strings", file, NULL);
    }
    write_text("{\"prompt\":\"a\",\"seeds\":[9007199254740991,"
               "\"9007199254740993\"]}");
    assert_int_equal(OPEN(file), NJ_OK);
    assert_true(j.plan.images[0].seed == 9007199254740991);
    assert_true(j.plan.images[1].seed == 9007199254740993);
}

static void prompt_lists_have_comments_and_options(void **state)
{
    (void)state;
    write_list("# a night\n\n  a boat  \r\nb -- --cutn 9 --seeds \"3, 4\"\n"
               "a house\nc -- -n 2");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_int_equal(j.job.group_count, 3);
    assert_int_equal(j.job.groups[0].prompt_count, 2);
    assert_string_equal(prompt_at(0, 0), "a boat");
    assert_string_equal(prompt_at(0, 1), "a house");
    assert_string_equal(prompt_at(1, 0), "b");
    assert_int_equal(settings_of(1)->cutn, 9);
    assert_int_equal(nj_seeds_total(&j.job.groups[1].seeds), 2);
    assert_int_equal(j.plan.count, 2 + 2 + 2);
    fake_job_release(&j);
    write_list("a--b\na\t--\t--cutn 9\n--a b--\n");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_string_equal(prompt_at(0, 0), "a--b");
    assert_string_equal(prompt_at(0, 1), "--a b--");
    assert_string_equal(prompt_at(1, 0), "a");
    assert_int_equal(settings_of(1)->cutn, 9);
}

static void a_list_may_begin_with_a_brace(void **state)
{
    (void)state;
    write_list("{red|blue} boat\na house\n");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_int_equal(j.job.groups[0].prompt_count, 3);
    assert_string_equal(prompt_at(0, 1), "blue boat");
    fake_job_release(&j);
    write_list("\n{ \"prompt\": \"a\"}");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_string_equal(prompt_at(0, 0), "a");
}

/* Each prompt once, where it stands first. */
static void repeated_prompts_are_one(void **state)
{
    (void)state;
    write_list("d\nb\na\nb\nc\nd\nb\na\n");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_int_equal(j.job.groups[0].prompt_count, 4);
    assert_string_equal(prompt_at(0, 0), "d");
    assert_string_equal(prompt_at(0, 1), "b");
    assert_string_equal(prompt_at(0, 2), "a");
    assert_string_equal(prompt_at(0, 3), "c");
}

/* Editors of Windows put a byte order mark before a text. */
static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    write_text("\xef\xbb\xbf{\"prompt\":\"a\",\"cutn\":9}");
    assert_int_equal(OPEN(file), NJ_OK);
    assert_int_equal(settings_of(0)->cutn, 9);
    assert_string_equal(prompt_at(0, 0), "a");
    fake_job_release(&j);
    write_list("\xef\xbb\xbf# a night\r\na boat\r\n");
    assert_int_equal(OPEN("--prompts", list), NJ_OK);
    assert_int_equal(j.job.groups[0].prompt_count, 1);
    assert_string_equal(prompt_at(0, 0), "a boat");
}

static void bad_prompt_lists_say_where(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"# x\n\n{a|}", "list.txt: line 3: prompt '': prompt is empty"},
        {"a\nbo\xff\x61t\n", "list.txt: line 2: prompt 'bo\\xffat': it is not"},
        {"a\nimage:none.png\n", "list.txt: line 2: prompt 'image:none.png'"},
        {"a\nb\na:0 -- -n 2", "list.txt: line 3: prompt 'a:0'"},
        {"a -- --sweep cutn=1", "'--sweep', which only a command line may"},
        {"a\nb -- --seed 1 --seeds 2", "list.txt: line 2: keys 'seed' and"},
        {"", "list.txt: a prompt is expected, one a line"},
        {"a\nb -- --cutn 0\n", "line 2: option '--cutn'"},
        {"a -- --json\n", "line 1: unknown option '--json'"},
        {"a -- \"open\n", "line 1: a quote has no end"},
        {"a -- word\n", "'word' is not an option"},
        {"a\na tree --\n", "line 2: options are expected behind '--'"},
        {"a\n-- --cutn 3\n", "line 2: a prompt is expected before '--'"},
        {"a boat --cutn 9\n",
         "line 1: ' -- ' is expected before the option '--cu"},
        {"a --eta=1 -- -n 2",
         "line 1: ' -- ' is expected before the option '--et"},
        {"--\n", "line 1: a prompt is expected before '--'"},
        {"# nothing\n", "list.txt: a prompt is expected, one a line"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_list(bad[i].text);
        assert_int_not_equal(OPEN("--prompts", list), NJ_OK);
        if (!strstr(j.err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].text, j.err.text);
        fake_job_release(&j);
    }
}

static char *name_at(size_t number)
{
    char *name = NULL;

    assert_int_equal(
        nj_target_name(&j.job, &j.plan.images[number], 4, NULL, &name, NULL),
        NJ_OK);
    return name;
}

static void sweeps_multiply_and_name(void **state)
{
    char *name;

    (void)state;
    assert_int_equal(OPEN("a", "b", "--seeds", "1..2", "--sweep", "cutn=4,8",
                          "--sweep", "tv_scale=0,0.5,1"),
                     NJ_OK);
    assert_int_equal(j.job.group_count, 6);
    assert_int_equal(j.plan.count, 24);
    assert_int_equal(settings_of(0)->cutn, 4);
    assert_true(settings_of(1)->tv_scale == 0.5);
    assert_int_equal(settings_of(5)->cutn, 8);
    name = name_at(2);
    assert_non_null(
        strstr(name, "_cutn--4_tv-scale--0.5_iteration--00004_seed--1.png"));
    free(name);
}

static void sweeps_in_job_files_may_hold_commas(void **state)
{
    (void)state;
    write_text("{\"prompt\":\"a\",\"sweep\":{\"timestep_respacing\":"
               "[\"10,5\",\"25\"],\"sampler\":[\"ddpm\"]}}");
    assert_int_equal(OPEN(file), NJ_OK);
    assert_int_equal(j.job.group_count, 2);
    assert_int_equal(j.job.groups[0].iterations, 15);
    assert_int_equal(j.job.groups[1].iterations, 25);
}

static void bad_sweeps_are_refused(void **state)
{
    static const char *const bad[] = {"cutn",     "cutm=1,2", "out=a,b",
                                      "seed=1,2", "cutn=1,x", "cutn="};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(OPEN("a", "--sweep", bad[i]), NJ_E_USAGE);
        assert_non_null(strstr(j.err.text, "--sweep"));
        fake_job_release(&j);
    }
    assert_int_equal(
        OPEN("a", "--sweep", "tv-scale=1,2", "--sweep", "tv_scale=3"),
        NJ_E_USAGE);
    assert_non_null(strstr(j.err.text, "'tv-scale' is swept twice"));
    fake_job_release(&j);
    write_text("{\"sweep\":{\"cutn\":[1,2]},"
               "\"jobs\":[{\"prompt\":\"a\",\"sweep\":{\"cutn\":[3]}}]}");
    refused_with("cutn", "job 1: key 'sweep': 'cutn' is swept twice", file,
                 NULL);
}

static void orders(void **state)
{
    (void)state;
    assert_int_equal(OPEN("a", "b", "--seeds", "1..2", "--order", "prompt"),
                     NJ_OK);
    assert_int_equal(j.plan.images[1].prompt, 0);
    assert_int_equal(j.plan.images[1].seed, 2);
    fake_job_release(&j);
    write_text("{\"jobs\":[{\"prompt\":\"a\",\"seeds\":\"1..3\"},"
               "{\"prompt\":\"b\",\"seed\":9}]}");
    assert_int_equal(OPEN(file), NJ_OK);
    assert_int_equal(j.plan.images[1].group, 1);
    assert_int_equal(j.plan.images[2].seed, 2);
}

/* Parts with other settings but the same prompt and seed get names of their
 * own, the same ones whatever else is in the job. */
static void equal_names_are_told_apart(void **state)
{
    (void)state;
    write_text("{\"seed\":1,\"jobs\":[{\"prompt\":\"a\"},"
               "{\"prompt\":\"a\",\"cutn\":9},{\"prompt\":\"a\"}]}");
    assert_int_equal(OPEN(file), NJ_OK);
    assert_false(j.job.groups[0].prompts[0].tagged);
    assert_true(j.job.groups[1].prompts[0].tagged);
    assert_false(j.job.groups[2].prompts[0].tagged);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    assert_int_equal(tally.planned, 2);
    assert_int_equal(tally.made, 2);
    fake_job_release(&j);
    assert_int_equal(OPEN("a", "--cutn", "9", "--seed", "1"), NJ_OK);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    assert_int_equal(tally.skipped, 1);
}

/* A record is a job: what it describes is there already. */
static void records_are_jobs(void **state)
{
    nj_record_source source = {0};
    nj_engine_facts facts = {.device = "cpu", .libtorch = "x"};
    nj_engine_picture picture = {.iterations = 5, .last = true};
    nj_list files = {0};
    char *json;
    char *line;

    (void)state;
    assert_int_equal(
        OPEN("\\{a|b\\} cat", "--seed", "18446744073709551615", "--cutn", "3"),
        NJ_OK);
    assert_string_equal(prompt_at(0, 0), "{a|b} cat");
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    source.job = &j.job;
    source.facts = &facts;
    assert_int_equal(nj_record_files(&j.job, &files, NULL), NJ_OK);
    assert_int_equal(nj_sums_start(&files, &source.sums, NULL), NJ_OK);
    assert_int_equal(nj_record_make(&source, &j.plan.images[0], &picture, &json,
                                    &line, NULL),
                     NJ_OK);
    nj_sums_free(source.sums);
    nj_list_release(&files);
    fake_job_release(&j);
    write_text(json);
    free(json);
    free(line);
    assert_int_equal(OPEN(file), NJ_OK);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    assert_int_equal(tally.made, 0);
    assert_int_equal(tally.skipped, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(job_files_have_shared_defaults),
        TEST(the_command_line_wins_over_a_job_file),
        TEST(bad_job_files_say_where),
        TEST(files_named_json_are_job_files),
        TEST(large_seeds_are_strings),
        TEST(prompt_lists_have_comments_and_options),
        TEST(a_list_may_begin_with_a_brace),
        TEST(repeated_prompts_are_one),
        TEST(a_byte_order_mark_is_skipped),
        TEST(bad_prompt_lists_say_where),
        TEST(sweeps_multiply_and_name),
        TEST(sweeps_in_job_files_may_hold_commas),
        TEST(bad_sweeps_are_refused),
        TEST(orders),
        TEST(equal_names_are_told_apart),
        TEST(records_are_jobs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The bundled demo model, as a newcomer meets it: an installed program without
 * weights, its defaults from the card, and words that it does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/json.h"
#include "fake/fake_run.h"
#include "album/folder.h"

/* bin/ and share/ as after an installation, with cards and the demo model but
 * without other weights, whatever the checkout's models folder holds. */
static int set_up(void **state)
{
    fake_set_up(state);
    return fake_shell("mkdir -p bin share/nightjar/models && "
                      "cp '%s'/nightjar '%s'/libnightjar_engine.so bin && "
                      "cp -r '%s'/models/*.json '%s'/models/demo "
                      "share/nightjar/models 2>&1",
                      NJ_BINARY_DIR, NJ_BINARY_DIR, NJ_SOURCE_DIR,
                      NJ_SOURCE_DIR);
}

/* Two steps: what is on the picture does not matter. */
static void generate(const char *arguments)
{
    if (fake_shell("env -u NIGHTJAR_MODELS XDG_DATA_HOME=none bin/nightjar "
                   "generate --timestep-respacing 2 --threads 1 %s 2>&1",
                   arguments) != 0)
        fail_msg("%s: %s", arguments, said);
}

static void says_that_it_is_the_demo(void **state)
{
    (void)state;
    generate("'a red boat on the sea at sunset' --seed 1 -o a");
    expect_said("no model weights are installed, the small demo model is used");
    expect_said("scripts/fetch-models.sh 256x256_diffusion_uncond ViT-B-16");
    assert_null(strstr(said, "was not trained on"));
}

static void takes_the_cards_defaults(void **state)
{
    char a[4096];
    nj_about about;
    cJSON *record;

    (void)state;
    generate("'a red boat' --seed 1 -o b");
    snprintf(a, sizeof(a), "%s/b", folder);
    assert_int_equal(nj_about_read(fake_only(a, "seed--1"), &about, NULL),
                     NJ_OK);
    assert_int_equal(
        nj_json_parse(about.record, strlen(about.record), &record, NULL),
        NJ_OK);
    assert_true(nj_json_number(record, "width", 0) == 64);
    assert_true(nj_json_number(record, "cutn", 0) == 4);
    assert_true(nj_json_number(record, "clamp_max", 0) == 0.1);
    assert_true(nj_json_number(record, "tv_scale", 1) == 0);
    /* A given option is stronger than the card. */
    assert_string_equal(nj_json_string(record, "timestep_respacing", ""), "2");
    cJSON_Delete(record);
    nj_about_release(&about);
}

static void points_out_unknown_words(void **state)
{
    (void)state;
    generate("'a purple castle at night' 'a castle, a dragon' --seed 1 -o c");
    expect_said("model 'demo' was not trained on: purple, castle, dragon\n");
}

/* More pictures at once than any machine has memory for. */
static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    assert_int_equal(
        fake_shell("env -u NIGHTJAR_MODELS XDG_DATA_HOME=none bin/nightjar "
                   "generate 'a red boat' --seed 1 --batch-size 256 "
                   "--width 4096 --height 4096 -o d 2>&1"),
        2);
    expect_said("GB of memory are needed and");
    expect_said("would fit");
    assert_int_equal(fake_shell("test ! -e d"), 0);
}

/* Files of the same name are the same to the byte, unless CLIP saw the cutouts
 * in parts: that is in the record. */
static void saving_memory_changes_no_byte(void **state)
{
    (void)state;
    generate("'a red boat' --seed 1 --cutn 4 --memory fast -o e");
    generate("'a red boat' --seed 1 --cutn 4 --memory small -o f");
    assert_int_equal(
        fake_shell("diff -r -x nightjar.jsonl -x .nightjar.lock e f"), 0);
    assert_int_equal(
        fake_shell("cd e && env -u NIGHTJAR_MODELS XDG_DATA_HOME=none "
                   "../bin/nightjar reproduce --memory small *.png 2>&1"),
        0);
    expect_said("identical: every byte of the file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_that_it_is_the_demo),
        cmocka_unit_test(takes_the_cards_defaults),
        cmocka_unit_test(points_out_unknown_words),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(saving_memory_changes_no_byte),
    };

    return cmocka_run_group_tests(tests, set_up, fake_tear_down);
}

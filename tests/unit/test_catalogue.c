/* The catalogue: the tree's cards are sound; files are found, measured and
 * verified; wrong cards are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/path.h"
#include "weights/card.h"
#include "weights/catalogue.h"

#define MODELS NJ_SOURCE_DIR "/models"

struct fixture {
    char home[64];
    char other[64];
};

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = nj_path_join(folder, name);
    nj_err err = {0};

    assert_int_equal(nj_file_write_atomic(path, text, strlen(text), &err),
                     NJ_OK);
    free(path);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    strcpy(f->home, "/tmp/nightjar-home-XXXXXX");
    strcpy(f->other, "/tmp/nightjar-other-XXXXXX");
    if (!mkdtemp(f->home) || !mkdtemp(f->other))
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[256];
    int code;

    snprintf(command, sizeof(command), "rm -rf '%s' '%s'", f->home, f->other);
    code = system(command);
    free(f);
    return code;
}

static nj_status open_both(const struct fixture *f, nj_catalogue **c,
                           nj_err *err)
{
    const char *folders[] = {f->home, f->other, "/nowhere/at/all"};

    return nj_catalogue_open(folders, 3, c, err);
}

static void the_trees_cards_are_sound(void **state)
{
    static const char *const folders[] = {MODELS};
    int kinds[NJ_MODEL_KINDS] = {0};
    nj_catalogue *c = NULL;
    nj_err err = {0};

    (void)state;
    if (nj_catalogue_open(folders, 1, &c, &err) != NJ_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < nj_catalogue_count(c); i++) {
        const nj_model *m = nj_catalogue_at(c, i);
        nj_unet_card unet;

        kinds[m->kind]++;
        assert_true(m->licence[0] && (m->source[0] || !m->url_count));
        assert_true(m->title[0] || !m->url_count);
        for (size_t u = 0; u < m->url_count; u++)
            assert_memory_equal(m->urls[u], "https://", 8);
        for (size_t k = 0; k < i; k++) {
            const char *other = nj_catalogue_at(c, k)->sha256;

            assert_true(!m->sha256[0] || strcmp(m->sha256, other) != 0);
        }
        if (m->kind == NJ_MODEL_UNET)
            assert_int_equal(nj_unet_card_read(m->card_path, &unet, &err),
                             NJ_OK);
    }
    assert_true(kinds[NJ_MODEL_UNET] >= 7);
    assert_true(kinds[NJ_MODEL_CLIP] >= 9);
    assert_true(kinds[NJ_MODEL_UPSCALER] >= 2);
    assert_int_equal(kinds[NJ_MODEL_LPIPS], 2);
    assert_int_equal(kinds[NJ_MODEL_SECONDARY], 1);
    assert_true(kinds[NJ_MODEL_VOCABULARY] >= 1);
    nj_catalogue_free(c);
}

static void models_are_found_by_name_and_file(void **state)
{
    static const char *const folders[] = {MODELS};
    nj_catalogue *c = NULL;
    nj_err err = {0};
    const nj_model *m;

    (void)state;
    assert_int_equal(nj_catalogue_open(folders, 1, &c, &err), NJ_OK);
    m = nj_catalogue_find(c, NJ_MODEL_CLIP, "ViT-B-16");
    assert_non_null(m);
    assert_string_equal(m->file, "ViT-B-16.pt");
    assert_true(m->bytes == 350837078);
    assert_ptr_equal(nj_catalogue_find(c, NJ_MODEL_ANY, "ViT-B-16.pt"), m);
    assert_null(nj_catalogue_find(c, NJ_MODEL_UNET, "ViT-B-16"));
    assert_string_equal(
        nj_catalogue_find(c, NJ_MODEL_LPIPS, "vgg16-397923af")->name, "vgg16");
    assert_string_equal(nj_catalogue_nearest(c, NJ_MODEL_CLIP, "ViT-B-17"),
                        "ViT-B-16");
    assert_null(nj_catalogue_nearest(c, NJ_MODEL_CLIP, "something else"));
    assert_null(nj_catalogue_find(c, NJ_MODEL_UNET, "256x256_diffusion_uncond")
                    ->defaults);
    assert_true(
        nj_json_number(
            nj_catalogue_find(c, NJ_MODEL_UNET, "512x512_diffusion")->defaults,
            "width", 0) == 512);
    nj_catalogue_free(c);
}

#define CARD(name, bytes, sha)                                                 \
    "{\"name\":\"" name "\",\"clip\":{\"file\":\"" name                        \
    ".pt\",\"bytes\":" bytes ",\"sha256\":" sha "}}"

static void files_are_looked_for_in_turn(void **state)
{
    const struct fixture *f = *state;
    nj_catalogue *c = NULL;
    nj_err err = {0};
    char *want;

    write_text(f->home, "a.json", CARD("a", "7", "null"));
    write_text(f->home, "a.pt", "cut");
    write_text(f->other, "a.pt", "weights");
    write_text(f->other, "b.json", CARD("b", "7", "null"));
    write_text(f->home, "b.pt", "cut");
    write_text(f->other, "c.json", CARD("c", "null", "null"));
    write_text(f->home, "other.json", "{\"size\":1}");
    assert_int_equal(open_both(f, &c, &err), NJ_OK);
    assert_int_equal(nj_catalogue_count(c), 3);
    want = nj_path_join(f->other, "a.pt");
    assert_string_equal(nj_catalogue_at(c, 0)->path, want);
    assert_int_equal(nj_catalogue_at(c, 0)->state, NJ_MODEL_PRESENT);
    free(want);
    assert_int_equal(nj_catalogue_at(c, 1)->state, NJ_MODEL_WRONG_SIZE);
    assert_true(nj_catalogue_at(c, 1)->found_bytes == 3);
    want = nj_path_join(f->home, "c.pt");
    assert_string_equal(nj_catalogue_at(c, 2)->path, want);
    assert_int_equal(nj_catalogue_at(c, 2)->state, NJ_MODEL_ABSENT);
    free(want);
    nj_catalogue_free(c);
}

static void a_folder_may_be_a_card(void **state)
{
    const struct fixture *f = *state;
    nj_catalogue *c = NULL;
    nj_err err = {0};
    char *folder = nj_path_join(f->home, "demo");

    assert_int_equal(nj_make_folders(folder, &err), NJ_OK);
    write_text(folder, "card.json",
               "{\"name\":\"demo\",\"licence\":\"MIT\","
               "\"defaults\":{\"cutn\":4},"
               "\"unet\":{\"file\":\"unet.pt\"},"
               "\"clip\":{\"file\":\"clip.pt\",\"licence\":\"CC0-1.0\"}}");
    write_text(folder, "unet.pt", "weights");
    assert_int_equal(open_both(f, &c, &err), NJ_OK);
    assert_int_equal(nj_catalogue_count(c), 2);
    assert_int_equal(nj_catalogue_at(c, 0)->kind, NJ_MODEL_UNET);
    assert_int_equal(nj_catalogue_at(c, 0)->state, NJ_MODEL_PRESENT);
    assert_string_equal(nj_catalogue_at(c, 0)->licence, "MIT");
    assert_non_null(nj_catalogue_at(c, 0)->defaults);
    assert_string_equal(nj_catalogue_at(c, 1)->licence, "CC0-1.0");
    assert_int_equal(nj_catalogue_at(c, 1)->state, NJ_MODEL_ABSENT);
    free(folder);
    nj_catalogue_free(c);
}

static nj_model_verdict verdict_of(const nj_model *m)
{
    nj_model_verdict verdict = NJ_MODEL_UNKNOWN;
    char hex[65];
    nj_err err = {0};

    assert_int_equal(nj_model_verify(m, &verdict, hex, &err), NJ_OK);
    assert_int_equal(strlen(hex), 64);
    return verdict;
}

static void sums_are_compared(void **state)
{
    const struct fixture *f = *state;
    char hex[65];
    char card[256];
    char record[128];
    nj_catalogue *c = NULL;
    nj_err err = {0};

    nj_sha256("weights", 7, hex);
    snprintf(card, sizeof(card), CARD("a", "7", "\"%s\""), hex);
    write_text(f->home, "a.json", card);
    write_text(f->home, "a.pt", "weights");
    write_text(f->home, "b.json", CARD("b", "7", "null"));
    write_text(f->home, "b.pt", "weights");
    assert_int_equal(open_both(f, &c, &err), NJ_OK);
    assert_int_equal(verdict_of(nj_catalogue_at(c, 0)), NJ_MODEL_GOOD);
    assert_int_equal(verdict_of(nj_catalogue_at(c, 1)), NJ_MODEL_UNKNOWN);
    snprintf(record, sizeof(record), "%s  b.pt\n", hex);
    write_text(f->home, "b.pt.sha256", record);
    assert_int_equal(verdict_of(nj_catalogue_at(c, 1)), NJ_MODEL_TRUSTED);
    write_text(f->home, "a.pt", "weightz");
    write_text(f->home, "b.pt", "weightz");
    assert_int_equal(verdict_of(nj_catalogue_at(c, 0)), NJ_MODEL_DIFFERS);
    assert_int_equal(verdict_of(nj_catalogue_at(c, 1)), NJ_MODEL_DIFFERS);
    nj_catalogue_free(c);
}

static void wrong_cards_are_named(void **state)
{
    static const char *const cases[][2] = {
        {"{\"clip\":{\"file\":\"a.pt\"}}", "no 'name'"},
        {"{\"name\":\"a\",\"clip\":{}}", "'file' is wrong"},
        {"{\"name\":\"a\",\"clip\":{\"file\":\"../a.pt\"}}", "'file' is wrong"},
        {"{\"name\":\"a\",\"clip\":{\"file\":\"a.pt\",\"bytes\":1.5}}",
         "'bytes' is wrong"},
        {"{\"name\":\"a\",\"clip\":{\"file\":\"a.pt\",\"sha256\":\"ab\"}}",
         "'sha256' is wrong"},
        {"{\"name\":\"a\",\"clip\":{\"file\":\"a.pt\",\"urls\":[1]}}",
         "'urls' is wrong"},
        {"{\"name\":", "JSON"},
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nj_catalogue *c = NULL;
        nj_err err = {0};

        write_text(f->home, "wrong.json", cases[i][0]);
        assert_int_equal(open_both(f, &c, &err), NJ_E_FORMAT);
        assert_non_null(strstr(err.text, "wrong.json"));
        if (!strstr(err.text, cases[i][1]))
            fail_msg("'%s' says nothing of %s", err.text, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trees_cards_are_sound),
        cmocka_unit_test(models_are_found_by_name_and_file),
        cmocka_unit_test_setup_teardown(files_are_looked_for_in_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_may_be_a_card, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sums_are_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_cards_are_named, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The preset files say what the notebooks say: every default of the notebooks
 * as far as nightjar has an option for it, and docs/presets.md on the rest.
 * Also: which origin wins, and what a record keeps of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "fake/fake_run.h"
#include "image/png.h"
#include "job/preset.h"
#include "job/record.h"

#define U256 "256x256_diffusion_uncond"
#define U512 "512x512_diffusion_uncond_finetune_008100"

/* Groups of presets. */
#define KC    "kc256 kc256-2021-08 kc512 kc512-2021-08 kc512-late kc512-cond "
#define KC512 "kc512 kc512-2021-08 kc512-late kc512-cond "
#define Q09   "quick-2021-09 quick-2021-09-512 "
#define Q11   "quick-2021-11 quick-2021-11-256 "
#define QUICK Q09 Q11
#define OTHER "dango disco5 "
#define ALL   KC "kc-secondary " QUICK OTHER

/* The defaults of the notebooks, by the tables that were kept of them: c1
 * Crowson's 256x256, c2 Crowson's 512x512 and secondary, c3 Russell's, c4
 * Disco. A preset's file has these values and no others. */
static const struct row {
    const char *presets;
    const char *option;
    const char *value;
} rows[] = {
    /* weights and CLIP */
    {"kc256 kc256-2021-08 quick-2021-09 quick-2021-11-256 ", "unet", U256},
    {"kc512 kc512-2021-08 kc512-late kc-secondary quick-2021-09-512 "
     "quick-2021-11 dango disco5 ",
     "unet", U512},
    {"kc512-cond ", "unet", "512x512_diffusion"},
    {KC "kc-secondary " QUICK, "clip", "ViT-B-16"},
    {"disco5 ", "clip", "ViT-B-32\nViT-B-16\nRN50"},
    {"dango ", "clip", "ViT-B-32:0.5\nViT-B-16:0.5"},
    {"kc-secondary disco5 ", "secondary-model", "secondary_model_imagenet_2"},
    /* sampler and steps */
    {KC "kc-secondary " Q11 "dango ", "sampler", "ddpm"},
    {Q09 "disco5 ", "sampler", "ddim"},
    {KC, "timestep-respacing", "1000"},
    {"kc-secondary ", "timestep-respacing", "100"},
    {Q09, "timestep-respacing", "ddim50"},
    {Q11, "timestep-respacing", "50"},
    {"dango ", "timestep-respacing", "24,48,64"},
    {"disco5 ", "timestep-respacing", "ddim250"},
    {QUICK, "eta", "0.5"},
    {"disco5 ", "eta", "0.8"},
    {KC "kc-secondary ", "skip-timesteps", "0"},
    {Q09, "skip-timesteps", "6"},
    {Q11, "skip-timesteps", "8"},
    {"dango ", "skip-timesteps", "12"},
    {"disco5 ", "skip-timesteps", "10"},
    {"disco5 ", "width", "1280"},
    {"disco5 ", "height", "768"},
    {ALL, "clip-denoised", "false"},
    {ALL, "class", "random"},
    /* start */
    {ALL, "init-fit", "stretch"},
    {KC "kc-secondary " QUICK, "init-scale", "0"},
    {"disco5 ", "init-scale", "1000"},
    {Q09 "disco5 ", "perlin-init", "false"},
    {Q11, "perlin-init", "true"},
    {QUICK "disco5 ", "perlin-mode", "mixed"},
    {"disco5 ", "symmetry", "none"},
    {"disco5 ", "transformation-percent", ".09"},
    /* losses */
    {KC "kc-secondary ", "clip-guidance-scale", "1000"},
    {Q09 OTHER, "clip-guidance-scale", "5000"},
    {Q11, "clip-guidance-scale", "15000"},
    {KC Q09 "dango ", "tv-scale", "150"},
    {Q11, "tv-scale", "2500"},
    {"kc-secondary disco5 ", "tv-scale", "0"},
    {"kc256 kc512 kc512-late ", "range-scale", "50"},
    {"kc256-2021-08 kc512-2021-08 kc512-cond kc-secondary ", "range-scale",
     "0"},
    {Q09 OTHER, "range-scale", "150"},
    {Q11, "range-scale", "100"},
    {ALL, "sat-scale", "0"},
    {"kc-secondary ", "blend", "none"},
    /* Russell's and Disco's take it by the blend, which differs for the range
     * loss alone and switches it off: --compat notebook does that. */
    {ALL, "gradient", "x"},
    {KC "kc-secondary ", "clamp-max", "0"},
    {Q09 OTHER, "clamp-max", "0.05"},
    {Q11, "clamp-max", "0.035"},
    /* cutouts */
    {KC "kc-secondary ", "cutouts", "crowson"},
    {QUICK, "cutouts", "russell"},
    {OTHER, "cutouts", "disco"},
    {"kc256 kc256-2021-08 kc-secondary " QUICK, "cutn", "16"},
    {"kc512 kc512-late ", "cutn", "32"},
    {"kc512-2021-08 ", "cutn", "40"},
    {"kc512-cond ", "cutn", "48"},
    {"kc256 kc256-2021-08 kc512 kc512-2021-08 kc512-cond kc-secondary ",
     "cutn-batches", "1"},
    {"kc512-late " QUICK, "cutn-batches", "2"},
    {OTHER, "cutn-batches", "4"},
    {"kc256 kc256-2021-08 kc-secondary ", "cut-pow", "1"},
    {KC512, "cut-pow", "0.5"},
    {"disco5 ", "cut-overview", "[12]*400+[4]*600"},
    {"disco5 ", "cut-innercut", "[4]*400+[12]*600"},
    {"disco5 ", "cut-ic-pow", "1"},
    {"disco5 ", "cut-icgray-p", "[0.2]*400+[0]*600"},
    {"dango ", "cut-overview", "6"},  /* 20 % of 32 */
    {"dango ", "cut-innercut", "26"}, /* the rest */
    {"dango ", "cut-ic-pow", "0.5"},
    {"dango ", "cut-icgray-p", "0.2"},
    {KC "kc-secondary dango ", "augmentations", "none"},
    {Q09, "augmentations", "2021-09"},
    {Q11, "augmentations", "2021-11"},
    {QUICK "disco5 ", "skip-augs", "false"},
    {QUICK "disco5 ", "fuzzy-prompt", "false"},
    {QUICK "disco5 ", "rand-mag", "0.05"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Rows of those tables that are no preset value: docs/presets.md says why. */
static const char *const explained[] = {
    "`seed`",
    "`batch_size`",
    "`n_batches`",
    "`init_image`",
    "`diffusion_steps`",
    "`rescale_timesteps`",
    "`randomize_class`",
    "`clamp_grad`",
    "`use_checkpoint`",
    "`use_fp16`",
    "`display_rate`",
    "`intermediate_saves`",
    "`cond_fn_with_grad`",
    "`skip_timesteps` with an image",
    "saved",
    "image prompts",
    "size",
    "augmentations of video modes",
    "CLIP_Guided_Diffusion",
    "rotated",
    "NaN",
};

static nj_list folders;

static int find_folders(void **state)
{
    (void)state;
    return nj_list_add(&folders, NJ_SOURCE_DIR "/models") ? 0 : -1;
}

static int forget_folders(void **state)
{
    (void)state;
    nj_list_release(&folders);
    return 0;
}

static bool names(const char *list, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = list; (p = strstr(p, name)); p += n) {
        if ((p == list || p[-1] == ' ') && p[n] == ' ')
            return true;
    }
    return false;
}

static int wrong;

static void check_value(const nj_options *o, const char *preset,
                        const nj_option *option)
{
    char *value = nj_options_text(o, option);
    bool given = nj_options_origin(o, option->name) == NJ_FROM_PRESET;
    const char *wanted = NULL;

    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].option, option->name) == 0 &&
            names(rows[i].presets, preset)) {
            assert_null(wanted); /* the table says it once */
            wanted = rows[i].value;
        }
    }
    if (given != (wanted != NULL) ||
        (given && (!value || strcmp(value, wanted) != 0))) {
        print_error("%s %s: '%s', '%s' expected\n", preset, option->name,
                    given && value ? value : "not given",
                    wanted ? wanted : "not given");
        wrong++;
    }
    free(value);
}

static void check_preset(const char *name)
{
    nj_preset preset;
    nj_options o;
    nj_err err = {0};

    assert_int_equal(nj_options_init(&o, &err), NJ_OK);
    if (nj_preset_open(&folders, name, &preset, &err) != NJ_OK ||
        nj_preset_apply(&preset, &o, &err) != NJ_OK)
        fail_msg("%s", err.text);
    assert_true(preset.title[0] && preset.source[0]);
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);

        if (nj_option_find(option->name, strlen(option->name)) == option)
            check_value(&o, name, option);
    }
    nj_options_release(&o);
    nj_preset_release(&preset);
}

static void presets_are_the_notebooks(void **state)
{
    nj_list all = {0};

    (void)state;
    assert_int_equal(nj_preset_names(&folders, &all, NULL), NJ_OK);
    assert_int_equal(all.count, 14);
    wrong = 0;
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.items[i], "demo") != 0)
            check_preset(all.items[i]);
    }
    assert_int_equal(wrong, 0);
    nj_list_release(&all);
}

/* The demo's preset and its card say the same. */
static void demo_is_the_card(void **state)
{
    cJSON *card;
    nj_preset preset;
    const cJSON *item;

    (void)state;
    assert_int_equal(
        nj_json_read(NJ_SOURCE_DIR "/models/demo/card.json", &card, NULL),
        NJ_OK);
    assert_int_equal(nj_preset_open(&folders, "demo", &preset, NULL), NJ_OK);
    cJSON_ArrayForEach(item, nj_json_get(card, "defaults"))
    {
        if (strcmp(item->string, "batch_size") != 0)
            assert_true(cJSON_Compare(
                item, nj_json_get(preset.json, item->string), true));
    }
    nj_preset_release(&preset);
    cJSON_Delete(card);
}

static void the_page_explains_the_rest(void **state)
{
    nj_list all = {0};
    char *text;
    size_t n;
    int missing = 0;

    (void)state;
    assert_int_equal(nj_file_read(NJ_SOURCE_DIR "/docs/presets.md", 1 << 20,
                                  &text, &n, NULL),
                     NJ_OK);
    for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
        if (!strstr(text, explained[i])) {
            print_error("docs/presets.md does not mention %s\n", explained[i]);
            missing++;
        }
    }
    assert_int_equal(nj_preset_names(&folders, &all, NULL), NJ_OK);
    for (size_t i = 0; i < all.count; i++) {
        char marked[64];

        snprintf(marked, sizeof(marked), "`%s`", all.items[i]);
        if (!strstr(text, marked)) {
            print_error("docs/presets.md does not have %s\n", marked);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
    nj_list_release(&all);
    free(text);
}

/* ---- origins ----------------------------------------------------------- */

static void write_text(const char *name, const char *text)
{
    fake_write(fake_path(folder, name), text, strlen(text));
}

static int set_up(void **state)
{
    static const char mine[] =
        "{\"about\":{\"title\":\"mine\"},\"cutn\":7,\"tv_scale\":3,"
        "\"width\":96,\"timestep_respacing\":\"ddim10\",\"class\":\"random\"}";
    static const char job[] =
        "{\"preset\":\"mine\",\"prompt\":\"a\",\"tv_scale\":4,\"width\":128}";

    fake_set_up(state);
    assert_int_equal(nj_make_folders(fake_path(folder, "presets"), NULL),
                     NJ_OK);
    write_text("presets/mine.json", mine);
    write_text("presets/nested.json", "{\"preset\":\"mine\"}");
    write_text("presets/bad.json", "{\"cutm\":1}");
    write_text("presets/gone.json",
               "{\"unet\":\"no-such-net\",\"clip\":[\"no-clip\",\"b\"]}");
    write_text("job.json", job);
    return 0;
}

#define OPEN_HERE(...) OPEN("--models-dir", folder, __VA_ARGS__)

static nj_origin origin(const char *name)
{
    return nj_options_origin(&j.job.groups[0].options, name);
}

/* default < card < preset < job file < command line */
static void the_stronger_origin_wins(void **state)
{
    const nj_settings *s;

    (void)state;
    assert_int_equal(OPEN_HERE(fake_path(folder, "job.json"), "--width", "160",
                               "--eta", "1"),
                     NJ_OK);
    s = &j.job.groups[0].options.settings;
    assert_true(s->clip_guidance_scale == 1000);
    assert_int_equal(origin("clip-guidance-scale"), NJ_FROM_DEFAULT);
    assert_int_equal(s->height, 64);
    assert_int_equal(origin("height"), NJ_FROM_CARD);
    assert_int_equal(s->cutn, 7); /* the card says 4 */
    assert_string_equal(s->timestep_respacing, "ddim10");
    assert_int_equal(origin("cutn"), NJ_FROM_PRESET);
    assert_true(s->tv_scale == 4);
    assert_int_equal(origin("tv-scale"), NJ_FROM_JOB);
    assert_int_equal(s->width, 160);
    assert_int_equal(origin("width"), NJ_FROM_COMMAND);
    /* A random class of a preset is no mistake for a net without classes. */
    assert_int_equal(s->class_id, NJ_CLASS_NONE);
}

static void presets_can_be_swept(void **state)
{
    (void)state;
    write_text("presets/other.json", "{\"cutn\":9}");
    assert_int_equal(
        OPEN_HERE("a", "--sweep", "preset=mine,other", "--seed", "1"), NJ_OK);
    assert_int_equal(j.job.group_count, 2);
    assert_int_equal(j.job.groups[0].options.settings.cutn, 7);
    assert_int_equal(j.job.groups[1].options.settings.cutn, 9);
}

static void refused(const char *preset, const char *says)
{
    nj_status status = OPEN_HERE("a", "--preset", preset);

    if (status == NJ_OK || !strstr(j.err.text, says))
        fail_msg("'%s' does not say '%s'", j.err.text, says);
    fake_job_release(&j);
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    refused("mime", "option '--preset': 'mime' is no preset (did you mean "
                    "'mine'?)");
    refused("nested", "names another preset");
    refused("bad", "unknown key 'cutm'");
    refused("../presets/mine", "is no preset");
}

/* All of them at once, so that one command fetches them. */
static void names_missing_networks(void **state)
{
    nj_options o;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_options_init(&o, &err), NJ_OK);
    o.preset = strdup("gone");
    o.models_dir = strdup(folder);
    assert_int_equal(nj_preset_resolve(&o, NULL, &err), NJ_E_USAGE);
    assert_non_null(
        strstr(err.text, "scripts/fetch-models.sh no-such-net no-clip b,"));
    nj_options_release(&o);
}

/* The picture is what its values are, wherever they came from. */
static void identity_knows_no_origin(void **state)
{
    (void)state;
    assert_int_equal(OPEN_HERE("a", "--seed", "1", "--preset", "mine"), NJ_OK);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    assert_int_equal(tally.made, 1);
    fake_job_release(&j);
    assert_int_equal(OPEN_HERE("a", "--seed", "1", "--cutn", "7", "--tv-scale",
                               "3", "--width", "96", "--timestep-respacing",
                               "ddim10"),
                     NJ_OK);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    assert_int_equal(tally.skipped, 1);
}

static void records_keep_origins(void **state)
{
    char *text;
    cJSON *json;
    const cJSON *record;
    const cJSON *origins;

    (void)state;
    assert_int_equal(
        OPEN_HERE("a", "--seed", "1", "--preset", "mine", "--cut-pow", "2"),
        NJ_OK);
    assert_int_equal(fake_job_run(&j, NULL, &tally), NJ_OK);
    text = fake_png_text(fake_only(out, ".png"), NJ_RECORD_KEYWORD);
    assert_int_equal(nj_json_parse(text, strlen(text), &json, NULL), NJ_OK);
    record = nj_json_get(json, "record");
    origins = nj_json_get(record, "from");
    assert_null(nj_json_get(json, "preset"));
    assert_string_equal(nj_json_string(record, "preset", ""), "mine");
    assert_string_equal(nj_json_string(origins, "cutn", ""), "preset");
    assert_string_equal(nj_json_string(origins, "cut_pow", ""), "command");
    assert_string_equal(nj_json_string(origins, "height", ""), "card");
    assert_null(nj_json_get(origins, "eta"));
    cJSON_Delete(json);
    free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fake_tear_down)

int main(void)
{
    const struct CMUnitTest files[] = {
        cmocka_unit_test(presets_are_the_notebooks),
        cmocka_unit_test(demo_is_the_card),
        cmocka_unit_test(the_page_explains_the_rest),
    };
    const struct CMUnitTest origins[] = {
        TEST(the_stronger_origin_wins), TEST(presets_can_be_swept),
        TEST(refuses_what_is_wrong),    TEST(names_missing_networks),
        TEST(identity_knows_no_origin), TEST(records_keep_origins),
    };
    int failed = cmocka_run_group_tests(files, find_folders, forget_folders);

    return failed + cmocka_run_group_tests(origins, NULL, NULL);
}

/* Bad input: whatever can be known before weights are loaded is refused before,
 * with exit status 2 and one line on standard error that names what was wrong,
 * without a file written or libtorch loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "bad_input.h"
#include "fake/fake_files.h"

static char *folder;

static void spoil_files(void)
{
    static const unsigned char bomb[] = {
        0x89, 'P',  'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
        13,   'I',  'H', 'D', 'R',  0,    1,    0x86, 0xa0, 0,    1,
        0x86, 0xa0, 8,   2,   0,    0,    0,    0x15, 0x3f, 0x3f, 0x3f};
    static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
    char bytes[64] = {0};

    fake_models(folder);
    fake_png(fake_path(folder, "init.png"), 64, 64);
    fake_png(fake_path(folder, "small.png"), 32, 32);
    fake_write(fake_path(folder, "text.png"), "no picture", 10);
    fake_write(fake_path(folder, "cut.png"), bomb, 20);
    fake_write(fake_path(folder, "bomb.png"), bomb, sizeof(bomb));
    fake_write(fake_path(folder, "empty.pt"), "", 0);
    memcpy(bytes, "PK\003\004", 4);
    fake_write(fake_path(folder, "cut.pt"), bytes, sizeof(bytes));
    bytes[0] = 60;
    memset(bytes + 1, 0, 7);
    fake_write(fake_path(folder, "cut.safetensors"), bytes, 20);
    fake_write(fake_path(folder, "huge.safetensors"), huge, sizeof(huge) - 1);
    fake_write(fake_path(folder, "bad.json"), "{", 1);
    fake_write(fake_path(folder, "wrong.json"),
               "{\"unet\":{\"image_size\":\"big\"}}", 29);
    fake_write(fake_path(folder, "twice.json"), "{\"a\":1,\"a\":2}", 13);
}

/* card.json with another setting among its defaults. */
static void spoil_card(void)
{
    char *text;
    char *cut;
    char all[2048];
    size_t n;

    assert_int_equal(
        nj_file_read(fake_path(folder, "card.json"), 4096, &text, &n, NULL),
        NJ_OK);
    cut = strstr(text, "\"cutn\"");
    assert_non_null(cut);
    *cut = '\0';
    snprintf(all, sizeof(all), "%s\"cutm\":4}}", text);
    fake_write(fake_path(folder, "default.json"), all, strlen(all));
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    folder = fake_folder();
    spoil_files();
    spoil_card();
    assert_int_equal(mkdir(fake_path(folder, "models"), 0777), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_remove(folder);
    free(folder);
    return 0;
}

/* $NIGHTJAR_MODELS of what is run. */
static const char *models = "models";

/* Runs the program in the scratch folder; its output goes to files beside. */
static int run(char **argv, const char *logs)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        int out =
            open(fake_path(logs, "out"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
        int err =
            open(fake_path(logs, "err"), O_CREAT | O_TRUNC | O_WRONLY, 0600);

        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        setenv("NIGHTJAR_MODELS", models, 1);
        setenv("LD_DEBUG", "files", 1);
        setenv("LD_DEBUG_OUTPUT", fake_path(logs, "ld"), 1);
        if (chdir(folder) == 0)
            execv(argv[0], argv);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int complaints;

static void complain(const struct bad *bad, const char *what, const char *text)
{
    for (size_t i = 0; bad->args[i]; i++)
        print_error("%s ", bad->args[i]);
    print_error("%s: %s\n", what, text);
    complaints++;
}

static bool is_one_line(const char *text)
{
    size_t n = strcspn(text, "\n");

    return strncmp(text, "nightjar: ", 10) == 0 && text[n] == '\n' &&
           text[n + 1] == '\0';
}

static void check_texts(const struct bad *bad, int status, const char *out,
                        const char *err)
{
    if (status != 2)
        complain(bad, "exit status is not 2", err);
    if (out[0])
        complain(bad, "standard output is not empty", out);
    if (!is_one_line(err))
        complain(bad, "not one line", err);
    if (!strstr(err, bad->names))
        complain(bad, "does not name the option", err);
    if (!strstr(err, bad->says))
        complain(bad, "does not say what was expected", err);
}

static void check(const struct bad *bad, char **argv)
{
    char *logs = fake_folder();
    size_t before = fake_count(folder);
    int status = run(argv, logs);
    char *out = fake_read(fake_path(logs, "out"), NULL);
    char *err = fake_read(fake_path(logs, "err"), NULL);
    char *loaded = fake_read(fake_only(logs, "ld."), NULL);

    check_texts(bad, status, out, err);
    if (fake_count(folder) != before ||
        access(fake_path(folder, "out"), F_OK) == 0 ||
        access(fake_path(folder, "new"), F_OK) == 0)
        complain(bad, "a file or folder was left", err);
    assert_non_null(strstr(loaded, "libcjson"));
    if (strstr(loaded, "libtorch") || strstr(loaded, "libnightjar_engine"))
        complain(bad, "libtorch was loaded", err);
    free(loaded);
    free(out);
    free(err);
    fake_remove(logs);
    free(logs);
}

static size_t add_args(char **argv, size_t n, const char *const *args)
{
    for (; *args; args++)
        argv[n++] = (char *)(uintptr_t)*args;
    argv[n] = NULL;
    return n;
}

static void refuses_bad_values(void **state)
{
    static const char *const good[] = {
        "generate",      "--unet",    "unet.safetensors",
        "--unet-config", "card.json", "--out",
        "out",           NULL};
    static const char *const clip[] = {"--clip", "clip.safetensors", NULL};
    static const char *const prompt[] = {"a red boat", NULL};

    (void)state;
    complaints = 0;
    for (size_t i = 0; i < sizeof(bad_values) / sizeof(bad_values[0]); i++) {
        const struct bad *bad = &bad_values[i];
        char *argv[32] = {(char *)(uintptr_t)(NJ_BINARY_DIR "/nightjar")};
        size_t n = add_args(argv, 1, good);

        if (strcmp(bad->args[0], "--clip") != 0)
            n = add_args(argv, n, clip);
        if (bad->args[0][0] == '-')
            n = add_args(argv, n, prompt);
        add_args(argv, n, bad->args);
        check(bad, argv);
    }
    assert_int_equal(complaints, 0);
    assert_true(sizeof(bad_values) / sizeof(bad_values[0]) >= 60);
}

static void refuses_bad_lines(void **state)
{
    (void)state;
    complaints = 0;
    for (size_t i = 0; i < sizeof(whole_lines) / sizeof(whole_lines[0]); i++) {
        char *argv[32] = {(char *)(uintptr_t)(NJ_BINARY_DIR "/nightjar")};

        add_args(argv, 1, whole_lines[i].args);
        check(&whole_lines[i], argv);
    }
    assert_int_equal(complaints, 0);
}

/* The demo model would be taken instead, for a whole night. */
static void refuses_a_models_folder_that_is_not_there(void **state)
{
    static const struct bad lines[] = {
        {{"generate", "x", "--out", "out"}, "$NIGHTJAR_MODELS", "'nowhere' is"},
        {{"plan", "x"}, "$NIGHTJAR_MODELS", "'nowhere' is not a folder"},
        {{"models"}, "$NIGHTJAR_MODELS", "'nowhere' is not a folder"},
        {{"presets"}, "$NIGHTJAR_MODELS", "'nowhere' is not a folder"},
    };

    (void)state;
    complaints = 0;
    models = "nowhere";
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char *argv[32] = {(char *)(uintptr_t)(NJ_BINARY_DIR "/nightjar")};

        add_args(argv, 1, lines[i].args);
        check(&lines[i], argv);
    }
    models = "models";
    assert_int_equal(complaints, 0);
}

/* A card that does not describe its file: found when the network is opened, so
 * libtorch is there; the first wrong tensor, what it is and what it should be.
 */
static const struct unfit {
    const char *flag; /* of the card */
    const char *instead;
    const char *tensor;
    const char *found;
} unfit[] = {
    {"\"num_channels\": 32", "\"num_channels\": 64", "'time_embed.0.weight'",
     "shape [128,32], expected [256,64]"},
    {"\"learn_sigma\": true", "\"learn_sigma\": false", "'out.2.weight'",
     "shape [6,32,3,3], expected [3,32,3,3]"},
    {"\"class_cond\": false", "\"class_cond\": true", "'label_emb.weight'",
     "is missing, expected shape [1000,128]"},
};

#define NETWORKS NJ_SOURCE_DIR "/tests/fixtures/endtoend/networks/"

static void write_unfit_card(const struct unfit *u)
{
    char *text = NULL;
    char *at;
    char all[4096];
    size_t n;

    assert_int_equal(nj_file_read(NETWORKS "card.json", 4096, &text, &n, NULL),
                     NJ_OK);
    at = strstr(text, u->flag);
    assert_non_null(at);
    *at = '\0';
    snprintf(all, sizeof(all), "%s%s%s", text, u->instead,
             at + strlen(u->flag));
    fake_write(fake_path(folder, "unfit.json"), all, strlen(all));
    free(text);
}

static void refuses_cards_of_other_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        static const char *const args[] = {"generate",
                                           "a",
                                           "--unet",
                                           NETWORKS "unet.pt",
                                           "--unet-config",
                                           "unfit.json",
                                           "--clip",
                                           NETWORKS "clip.safetensors",
                                           "--out",
                                           "unfit",
                                           NULL};
        char *argv[16] = {(char *)(uintptr_t)(NJ_BINARY_DIR "/nightjar")};
        char *logs = fake_folder();
        char *err;

        write_unfit_card(&unfit[i]);
        add_args(argv, 1, args);
        assert_int_equal(run(argv, logs), 2);
        err = fake_read(fake_path(logs, "err"), NULL);
        if (!strstr(err, unfit[i].tensor) || !strstr(err, unfit[i].found))
            fail_msg("not said: %s %s in: %s", unfit[i].tensor, unfit[i].found,
                     err);
        free(err);
        assert_int_equal(access(fake_path(folder, "unfit"), F_OK), -1);
        fake_remove(logs);
        free(logs);
    }
}

/* --help and --version print, exit with 0 and load no libtorch either. */
static void help_loads_nothing(void **state)
{
    static const char *const lines[][3] = {
        {"--help"},           {"--version"},
        {"help", "generate"}, {"generate", "--help"},
        {"models", "-h"},     {"version"}};

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char *argv[8] = {(char *)(uintptr_t)(NJ_BINARY_DIR "/nightjar")};
        char *logs = fake_folder();
        char *text;

        add_args(argv, 1, lines[i]);
        assert_int_equal(run(argv, logs), 0);
        text = fake_read(fake_path(logs, "out"), NULL);
        assert_non_null(strstr(text, "nightjar"));
        free(text);
        text = fake_read(fake_only(logs, "ld."), NULL);
        assert_null(strstr(text, "libtorch"));
        free(text);
        fake_remove(logs);
        free(logs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(refuses_bad_lines),
        cmocka_unit_test(refuses_a_models_folder_that_is_not_there),
        cmocka_unit_test(refuses_cards_of_other_networks),
        cmocka_unit_test(help_loads_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

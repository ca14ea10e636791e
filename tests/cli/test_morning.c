/* rank, pick, index and search as commands: what they leave in folders, and
 * what they do again. */
#include "morning_bench.h"

static bool is_there(const char *in, const char *name)
{
    return access(fake_path(in, name), F_OK) == 0;
}

/* ---- rank and pick ------------------------------------------------------- */

static void ranks_by_the_prompt(void **state)
{
    (void)state;
    paint_night();
    expect(RUN("rank", night, CLIP, "--names"), 0,
           "a.png\nc.png\nb.png\nd.png");
    assert_int_equal(fake_log.pictures_embedded, 4);
    assert_int_equal(fake_log.texts_embedded, 2);
    assert_true(is_there(night, "nightjar.ranking.jsonl"));
    expect(RUN("rank", night, CLIP, "--names", "--top", "1"), 0, "a.png\n");
    assert_null(strstr(said, "c.png"));
    assert_int_equal(fake_log.pictures_embedded, 4);
    expect(RUN("rank", night, CLIP, "--names", "--top", "1", "--by", "prompt"),
           0, "a.png\nc.png\n");
    assert_null(strstr(said, "b.png"));
    expect(RUN("rank", night, CLIP, "--csv"), 0,
           "place,file,score,prompt,seed,duplicate_of,cosine_1\r\n1,a.png,0.");
    expect(RUN("rank", night, CLIP, "--json"), 0,
           "{\"place\":1,\"file\":\"a.png\",\"score\":0.");
}

static void the_gallery_shows_the_scores(void **state)
{
    char *page;
    size_t n;

    (void)state;
    paint_night();
    assert_int_equal(RUN("gallery", night), 0);
    assert_int_equal(
        nj_file_read(fake_path(night, "index.html"), 1 << 24, &page, &n, NULL),
        NJ_OK);
    assert_null(strstr(page, "\"score\":0."));
    free(page);
    assert_int_equal(RUN("rank", night, CLIP), 0);
    assert_int_equal(RUN("gallery", night), 0);
    assert_int_equal(
        nj_file_read(fake_path(night, "index.html"), 1 << 24, &page, &n, NULL),
        NJ_OK);
    assert_non_null(strstr(page, "\"score\":0."));
    free(page);
}

static void several_clips_are_averaged(void **state)
{
    (void)state;
    paint_night();
    expect(RUN("rank", night, CLIP, CLIP, "--json"), 0, "\"cosines\":[0.");
    expect(RUN("rank", night, CLIP, CLIP, "--names"), 0,
           "a.png\nc.png\nb.png\nd.png");
}

static void one_of_two_alike_counts(void **state)
{
    static const uint8_t nearly[3] = {246, 11, 9};

    (void)state;
    paint_night();
    paint("copy.png", "a red boat", 1, nearly);
    expect(RUN("rank", night, CLIP, "--top", "2", "--names"), 0, "c.png\n");
    expect(RUN("rank", night, CLIP, "--json"), 0, "\"duplicate_of\":");
    expect(RUN("rank", night, CLIP, "--near", "1.01"), 0, " 0 of them nearly");
}

static void leaves_out_what_is_not_a_result(void **state)
{
    (void)state;
    paint_night();
    assert_int_equal(rename(fake_path(night, "d.png"),
                            fake_path(night, "prompt--x_iteration--00004_seed-"
                                             "-1_out.png")),
                     0);
    fake_png(fake_path(night, "stranger.png"), 8, 8);
    expect(RUN("rank", night, CLIP), 0, "3 pictures ranked");
    expect(0, 0, "1 without a prompt");
}

static void picks_the_best_and_keeps_the_rest(void **state)
{
    struct stat st;

    (void)state;
    paint_night();
    expect(RUN("pick", night), 2, "run nightjar rank on it first");
    assert_int_equal(RUN("rank", night, CLIP), 0);
    expect(RUN("pick", night, "--top", "50%"), 0, "2 pictures copied");
    assert_true(is_there(night, "picks/a.png"));
    assert_true(is_there(night, "picks/c.png"));
    assert_true(is_there(night, "a.png"));
    assert_false(is_there(night, "picks/b.png"));
    expect(RUN("pick", night, "--top", "50%"), 0, "2 were there already");
    expect(RUN("pick", night, "--top", "1", "--link", "--out",
               fake_path(folder, "links")),
           0, "1 picture linked");
    assert_int_equal(stat(fake_path(folder, "links/a.png"), &st), 0);
    assert_int_equal(st.st_nlink, 2);
}

/* Another picture of the name is left alone. */
static void never_overwrites(void **state)
{
    char out[256];

    (void)state;
    snprintf(out, sizeof(out), "%s/out", folder);
    paint_night();
    fake_write(fake_path(night, "picks.txt"), "a.png\ngone.png\n", 15);
    assert_int_equal(mkdir(out, 0777), 0);
    fake_write(fake_path(out, "a.png"), "mine", 4);
    expect(RUN("pick", night, "--out", out), 3, "1 failed");
    assert_int_equal(fake_count(out), 2);
    assert_non_null(fake_only(out, "a-"));
}

static void says_which_list_is_empty(void **state)
{
    (void)state;
    paint_night();
    fake_write(fake_path(night, "picks.txt"), "\n", 1);
    expect(RUN("pick", night), 2, "picks.txt: a picture is expected, one a");
    fake_write(fake_path(folder, "own.txt"), "", 0);
    expect(RUN("pick", night, fake_path(folder, "own.txt")), 2,
           "own.txt: a picture is expected, one a line");
}

/* ---- index and search ---------------------------------------------------- */

static void finds_by_text_and_by_picture(void **state)
{
    char query[4096];

    (void)state;
    paint_night();
    assert_int_equal(mkdir(fake_path(night, "in"), 0777), 0);
    paint("in/e.png", "blue", 1, blue);
    expect(RUN("index", night, CLIP), 0, "5 pictures in the index");
    expect(RUN("search", night, "green", CLIP, "--top", "1", "--names"), 0,
           "c.png\n");
    expect(RUN("search", night, "red:1 | blue:-0.5", CLIP, "--top", "2",
               "--names"),
           0, "a.png\nb.png\n");
    snprintf(query, sizeof(query), "image:%s", fake_path(night, "d.png"));
    expect(RUN("search", night, query, CLIP, "--top", "1", "--json"), 0,
           "{\"file\":\"d.png\",\"score\":1.000");
    expect(RUN("search", night, "green", CLIP, "--min-score", "0.9"), 0,
           "c.png");
    assert_null(strstr(said, "a.png"));
    expect(RUN("search", night, "blue", CLIP, "--top", "2", "--out",
               fake_path(folder, "hits"), "--link"),
           0, "in/e.png");
    assert_int_equal(fake_count(fake_path(folder, "hits")), 2);
    expect(RUN("search", night, "red:1 | red:-1", CLIP), 2, "cancel out");
}

/* Only what changed is looked at; what is gone is not found. */
static void keeps_the_index_up_to_date(void **state)
{
    (void)state;
    paint_night();
    assert_int_equal(RUN("index", night, CLIP), 0);
    assert_int_equal(fake_log.pictures_embedded, 4);
    expect(RUN("index", night, CLIP), 0, "0 new or changed, 4 known");
    assert_int_equal(fake_log.pictures_embedded, 4);
    paint("new.png", "x", 1, blue);
    assert_int_equal(RUN("index", night, CLIP), 0);
    assert_int_equal(fake_log.pictures_embedded, 5);
    paint("a.png", "a red boat, longer", 1, green);
    unlink(fake_path(night, "c.png"));
    expect(RUN("search", night, "green", CLIP, "--names"), 0, "d.png");
    assert_null(strstr(said, "c.png"));
    expect(RUN("index", night, CLIP), 0, "1 new or changed, 3 known, 1 gone");
    assert_int_equal(fake_log.pictures_embedded, 6);
    expect(RUN("search", night, "green", CLIP, "--names", "--top", "1"), 0,
           "a.png");
}

/* A sheet holds what is found by itself already. */
static void leaves_contact_sheets_out(void **state)
{
    (void)state;
    paint_night();
    assert_int_equal(RUN("sheet", night), 0);
    expect(RUN("index", night, CLIP), 0, "4 pictures in the index");
    assert_non_null(strstr(said, "contact sheets are left out"));
    expect(RUN("search", night, "red", CLIP, "--names"), 0, "a.png");
    assert_null(strstr(said, "sheet.png"));
}

static void exports_for_numpy(void **state)
{
    static const char start[] = "\x93NUMPY\x01\x00";
    char *bytes;
    size_t n;

    (void)state;
    paint_night();
    assert_int_equal(
        RUN("index", night, CLIP, "--export", fake_path(folder, "all")), 0);
    assert_int_equal(
        nj_file_read(fake_path(folder, "all.npy"), 1 << 20, &bytes, &n, NULL),
        NJ_OK);
    assert_memory_equal(bytes, start, 8);
    assert_non_null(strstr(bytes + 10, "'shape': (4, 4)"));
    assert_int_equal(n, 10 + (uint8_t)bytes[8] + 256 * (uint8_t)bytes[9] + 64);
    assert_int_equal((10 + (uint8_t)bytes[8]) % 64, 0);
    free(bytes);
    assert_int_equal(
        nj_file_read(fake_path(folder, "all.txt"), 1 << 20, &bytes, &n, NULL),
        NJ_OK);
    assert_string_equal(bytes, "a.png\nb.png\nc.png\nd.png\n");
    free(bytes);
}

/* A file that says it holds vectors of this network, with others in it. */
static void store_width(const char *picture, size_t width)
{
    static float numbers[64] = {1};
    const char *path = fake_path(night, picture);
    nj_embedded row = {.path = picture, .vector = numbers};
    char sum[65];
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    row.bytes = (uint64_t)st.st_size;
    row.changed = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    assert_int_equal(
        nj_file_sha256(fake_path(folder, "clip.safetensors"), sum, NULL),
        NJ_OK);
    unlink(fake_path(night, NJ_EMBEDDINGS_FILE));
    assert_int_equal(nj_embeddings_append(fake_path(night, NJ_EMBEDDINGS_FILE),
                                          sum, width, &row, 1, NULL),
                     NJ_OK);
}

static void refuses_vectors_of_another_width(void **state)
{
    (void)state;
    paint("a.png", "a red boat", 1, red);
    for (size_t width = 1; width <= 64; width += 63) {
        store_width("a.png", width);
        expect(RUN("rank", night, CLIP), 1, "damaged embeddings");
        expect(RUN("search", night, "red", CLIP), 1, "damaged embeddings");
    }
    unlink(fake_path(night, NJ_EMBEDDINGS_FILE));
    expect(RUN("rank", night, CLIP), 0, "1 picture ranked");
    expect(RUN("index", night, CLIP), 0, "1 picture in the index");
}

static void die_after_some(int pictures)
{
    if (pictures >= 72)
        raise(SIGKILL);
}

/* 64 pictures are on the disk, the next ones are lost and made again. */
static void killed_while_indexing_it_goes_on(void **state)
{
    char name[32];
    int status;

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "%03d.png", i);
        fake_png(fake_path(night, name), 4 + i, 4);
    }
    if (fork() == 0) {
        fake_plan.on_embed = die_after_some;
        RUN("index", night, CLIP);
        _exit(0);
    }
    wait(&status);
    assert_true(WIFSIGNALED(status));
    expect(RUN("search", night, "red", CLIP, "--top", "100", "--names"), 0,
           "063.png");
    assert_null(strstr(said, "064.png"));
    expect(RUN("index", night, CLIP), 0, "36 new or changed, 64 known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_by_the_prompt),
        TEST(the_gallery_shows_the_scores),
        TEST(several_clips_are_averaged),
        TEST(one_of_two_alike_counts),
        TEST(leaves_out_what_is_not_a_result),
        TEST(picks_the_best_and_keeps_the_rest),
        TEST(never_overwrites),
        TEST(says_which_list_is_empty),
        TEST(finds_by_text_and_by_picture),
        TEST(keeps_the_index_up_to_date),
        TEST(leaves_contact_sheets_out),
        TEST(exports_for_numpy),
        TEST(refuses_vectors_of_another_width),
        TEST(killed_while_indexing_it_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

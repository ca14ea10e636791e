/* Files for tests: see fake_files.h. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "fake/fake_files.h"

#include <dirent.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "image/png.h"

static void must(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

char *fake_folder(void)
{
    char name[] = "/tmp/nightjar-test-XXXXXX";
    char *copy;

    must(mkdtemp(name) != NULL, "mkdtemp");
    copy = strdup(name);
    must(copy != NULL, "strdup");
    return copy;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fake_remove(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fake_path(const char *folder, const char *name)
{
    static char paths[8][4096];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void fake_write(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    must(f != NULL, path);
    must(fwrite(bytes, 1, n, f) == n, path);
    must(fclose(f) == 0, path);
}

char *fake_read(const char *path, size_t *n)
{
    char *bytes = NULL;
    size_t length;

    must(path != NULL, "one file of that name");
    must(nj_file_read(path, 1 << 26, &bytes, &length, NULL) == NJ_OK, path);
    if (n)
        *n = length;
    return bytes;
}

char *fake_png_text(const char *path, const char *keyword)
{
    size_t n;
    char *bytes = fake_read(path, &n);
    char *text = NULL;

    must(nj_png_find_text((const uint8_t *)bytes, n, keyword, &text, NULL) ==
             NJ_OK,
         path);
    must(text != NULL, keyword);
    free(bytes);
    return text;
}

static void write_safetensors(const char *path, const char *header, size_t data)
{
    size_t n = strlen(header);
    uint64_t length = n;
    char *bytes = calloc(8 + n + data, 1);

    must(bytes != NULL, "calloc");
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, n);
    fake_write(path, bytes, 8 + n + data);
    free(bytes);
}

static void write_card(const char *path, const char *classes)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "{\"name\":\"fake\",\"unet\":{\"file\":\"unet.safetensors\","
             "\"image_size\":64,\"num_channels\":32,\"num_res_blocks\":1,"
             "\"channel_mult\":\"1,1,2\",\"attention_resolutions\":\"16\","
             "\"num_head_channels\":16,\"learn_sigma\":true,%s"
             "\"rescale_timesteps\":true,\"diffusion_steps\":1000},"
             "\"defaults\":{\"timestep_respacing\":\"ddim5\","
             "\"cutn\":4}}",
             classes);
    fake_write(path, text, strlen(text));
}

void fake_models(const char *folder)
{
    static const char vocabulary[] = "#version: fake\na b\nr e\nre d</w>\n";

    write_safetensors(fake_path(folder, "unet.safetensors"),
                      "{\"input_blocks.0.0.weight\":{\"dtype\":\"F32\","
                      "\"shape\":[2,3,3,3],\"data_offsets\":[0,216]}}",
                      216);
    write_safetensors(fake_path(folder, "clip.safetensors"),
                      "{\"token_embedding.weight\":{\"dtype\":\"F32\","
                      "\"shape\":[517,1],\"data_offsets\":[0,2068]},"
                      "\"positional_embedding\":{\"dtype\":\"F32\","
                      "\"shape\":[16,1],\"data_offsets\":[2068,2132]}}",
                      2132);
    write_card(fake_path(folder, "card.json"), "");
    write_card(fake_path(folder, "card_class.json"),
               "\"class_cond\":true,\"num_classes\":10,");
    fake_write(fake_path(folder, "bpe_simple_vocab_16e6.txt"), vocabulary,
               sizeof(vocabulary) - 1);
}

void fake_png(const char *path, int width, int height)
{
    size_t n = (size_t)width * (size_t)height * 3;
    nj_picture p = {width, height, 3, calloc(n, 1)};
    uint8_t *bytes;
    size_t length;

    must(p.pixels != NULL, "calloc");
    must(nj_png_encode(&p, NULL, 0, &bytes, &length, NULL) == NJ_OK, "png");
    fake_write(path, bytes, length);
    free(bytes);
    free(p.pixels);
}

static size_t files_seen;
static size_t pictures_seen;

static int count_one(const char *path, const struct stat *st, int type,
                     struct FTW *ftw)
{
    const char *dot = strrchr(path, '.');

    (void)st;
    (void)ftw;
    pictures_seen += dot && strcmp(dot, ".png") == 0;
    files_seen += type != FTW_D && type != FTW_DP && type != FTW_NS;
    return 0;
}

size_t fake_count(const char *folder)
{
    files_seen = 0;
    pictures_seen = 0;
    nftw(folder, count_one, 16, FTW_PHYS);
    return files_seen;
}

size_t fake_pictures(const char *folder)
{
    (void)fake_count(folder);
    return pictures_seen;
}

const char *fake_only(const char *folder, const char *part)
{
    DIR *dir = opendir(folder);
    const char *found = NULL;
    const struct dirent *entry;
    size_t hits = 0;

    while (dir && (entry = readdir(dir))) {
        if (!strstr(entry->d_name, part))
            continue;
        found = fake_path(folder, entry->d_name);
        hits++;
    }
    if (dir)
        closedir(dir);
    return hits == 1 ? found : NULL;
}

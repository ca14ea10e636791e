/* The half of tests/cli/endtoend.sh that a shell cannot do: reads a case of
 * kind `endtoend` and compares pictures with those it expects.
 *
 *     endtoend_case arguments CASE     options of `generate`, NUL after each
 *     endtoend_case compare CASE OUT   pictures in OUT; exit 1 when one is off
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "image/picture.h"

struct endtoend {
    const char *folder;
    cJSON *json;
    const cJSON *config;
};

/* CASE/<a>/<b>; the caller frees it. */
static char *path_in(const struct endtoend *e, const char *a, const char *b)
{
    char *below = nj_path_join(a, b);
    char *path = below ? nj_path_join(e->folder, below) : NULL;

    free(below);
    return path;
}

static nj_status open_case(const char *folder, struct endtoend *e, nj_err *err)
{
    char *path = nj_path_join(folder, "case.json");
    nj_status status = path ? nj_json_read(path, &e->json, err)
                            : nj_fail(err, NJ_E_MEMORY, "no memory");

    free(path);
    e->folder = folder;
    e->config = nj_json_get(e->json, "config");
    if (status == NJ_OK &&
        strcmp(nj_json_string(e->json, "kind", ""), "endtoend") != 0)
        return nj_fail(err, NJ_E_FORMAT, "'%s' is no case of kind endtoend",
                       folder);
    return status;
}

/* ---- arguments --------------------------------------------------------- */

static void print_argument(const char *text)
{
    fputs(text, stdout);
    putchar('\0');
}

static void print_path(const char *option, char *path)
{
    if (!path)
        return;
    print_argument(option);
    print_argument(path);
    free(path);
}

/* A setting of the same name in the configuration; null leaves it out. */
static void print_setting(const struct endtoend *e, const char *option,
                          const char *key)
{
    const cJSON *value = nj_json_get(e->config, key);
    char *text;

    if (!value || cJSON_IsNull(value))
        return;
    text = cJSON_IsString(value) ? cJSON_GetStringValue(value)
                                 : cJSON_PrintUnformatted(value);
    print_argument(option);
    print_argument(text);
    if (!cJSON_IsString(value))
        cJSON_free(text);
}

static void print_settings(const struct endtoend *e)
{
    static const char *const settings[][2] = {
        {"--width", "width"},
        {"--height", "height"},
        {"--timestep-respacing", "respacing"},
        {"--sampler", "sampler"},
        {"--eta", "eta"},
        {"--skip-timesteps", "skip_timesteps"},
        {"--clip-guidance-scale", "clip_guidance_scale"},
        {"--tv-scale", "tv_scale"},
        {"--range-scale", "range_scale"},
        {"--sat-scale", "sat_scale"},
        {"--cutn", "cutn"},
        {"--cutn-batches", "cutn_batches"},
        {"--cut-pow", "cut_pow"},
        {"--clamp-max", "clamp_max"},
        {"--class", "class"},
        {"--cutouts", "cutouts"},
        {"--gradient", "gradient"},
    };

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        print_setting(e, settings[i][0], settings[i][1]);
    if (strcmp(nj_json_string(e->config, "cutouts", ""), "russell") == 0)
        print_argument("--skip-augs");
}

static void print_seeds(const struct endtoend *e)
{
    const cJSON *seeds = nj_json_get(e->config, "seeds");
    const cJSON *seed;
    nj_str list = {0};

    cJSON_ArrayForEach(seed, seeds)
        nj_str_addf(&list, "%s%s", list.length ? "," : "", seed->valuestring);
    print_argument("--seeds");
    print_argument(list.text ? list.text : "");
    print_argument("--batch-size");
    printf("%d", cJSON_GetArraySize(seeds));
    putchar('\0');
    nj_str_release(&list);
}

/* networks/<the card's `object`.file> */
static char *network(const struct endtoend *e, const cJSON *card,
                     const char *object)
{
    return path_in(e, nj_json_string(e->config, "networks", ""),
                   nj_json_string(nj_json_get(card, object), "file", ""));
}

static nj_status print_arguments(const struct endtoend *e, nj_err *err)
{
    const char *networks = nj_json_string(e->config, "networks", "");
    const char *init = nj_json_string(e->config, "init_image", NULL);
    char *path =
        path_in(e, networks, nj_json_string(e->config, "card", "card.json"));
    cJSON *card = NULL;
    nj_status status = path ? nj_json_read(path, &card, err)
                            : nj_fail(err, NJ_E_MEMORY, "no memory");

    if (status == NJ_OK) {
        print_argument(nj_json_string(e->config, "prompt", ""));
        print_path("--unet", network(e, card, "unet"));
        print_path("--clip", network(e, card, "clip"));
        print_path("--unet-config", nj_path_join("", path));
        if (init)
            print_path("--init-image", path_in(e, "", init));
        print_settings(e);
        print_seeds(e);
    }
    free(path);
    cJSON_Delete(card);
    return status;
}

/* ---- pictures ---------------------------------------------------------- */

/* The one picture of that seed in a folder; the caller frees it. */
static nj_status find_picture(const char *folder, const char *seed, char **out,
                              nj_err *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char end[40];
    int found = 0;

    snprintf(end, sizeof(end), "_seed--%s.png", seed);
    *out = NULL;
    while (dir && (entry = readdir(dir))) {
        size_t n = strlen(entry->d_name);

        if (n < strlen(end) ||
            strcmp(entry->d_name + n - strlen(end), end) != 0)
            continue;
        free(*out);
        *out = nj_path_join(folder, entry->d_name);
        found++;
    }
    if (dir)
        closedir(dir);
    if (found == 1 && *out)
        return NJ_OK;
    free(*out);
    *out = NULL;
    return nj_fail(err, NJ_E_FORMAT, "%d pictures of seed %s in '%s', not 1",
                   found, seed, folder);
}

static nj_status read_pictures(const struct endtoend *e, const cJSON *want,
                               const char *folder, nj_picture both[2],
                               nj_err *err)
{
    char *path = path_in(e, "", nj_json_string(want, "file", ""));
    char *made = NULL;
    nj_status status =
        path ? nj_picture_read(path, NJ_PICTURE_PIXELS_MAX, &both[0], err)
             : nj_fail(err, NJ_E_MEMORY, "no memory");

    if (status == NJ_OK)
        status = find_picture(folder, want->string, &made, err);
    if (status == NJ_OK)
        status = nj_picture_read(made, NJ_PICTURE_PIXELS_MAX, &both[1], err);
    if (status == NJ_OK &&
        (both[0].width != both[1].width || both[0].height != both[1].height ||
         both[1].channels != 3 || both[0].channels != 3))
        status = nj_fail(err, NJ_E_FORMAT,
                         "'%s' is %d x %d with %d channels, not %d x %d RGB",
                         made, both[1].width, both[1].height, both[1].channels,
                         both[0].width, both[0].height);
    free(path);
    free(made);
    return status;
}

static nj_status compare(const struct endtoend *e, const cJSON *want,
                         const nj_picture both[2], nj_err *err)
{
    size_t n = (size_t)both[0].width * (size_t)both[0].height * 3;
    double most = nj_json_number(want, "max_difference", 0);
    double share = nj_json_number(want, "share_of_bytes_that_may_differ", 0);
    size_t differing = 0;
    int largest = 0;

    for (size_t i = 0; i < n; i++) {
        int d = abs(both[0].pixels[i] - both[1].pixels[i]);

        largest = d > largest ? d : largest;
        differing += d != 0;
    }
    printf("%s seed %s: largest difference %d of %g, %.2e of the bytes differ "
           "of %g\n",
           e->folder, want->string, largest, most,
           (double)differing / (double)n, share);
    if (largest > most || (double)differing > share * (double)n)
        return nj_fail(err, NJ_E_NUMERIC, "seed %s is off", want->string);
    return NJ_OK;
}

static nj_status compare_all(const struct endtoend *e, const char *folder,
                             nj_err *err)
{
    const cJSON *pictures = nj_json_get(e->json, "pictures");
    const cJSON *want;
    nj_status status = NJ_OK;

    if (cJSON_GetArraySize(pictures) < 1)
        return nj_fail(err, NJ_E_FORMAT, "the case expects no picture");
    cJSON_ArrayForEach(want, pictures)
    {
        nj_picture both[2] = {{0}, {0}};
        nj_status one = read_pictures(e, want, folder, both, err);

        if (one == NJ_OK)
            one = compare(e, want, both, err);
        status = one == NJ_OK ? status : one;
        nj_picture_release(&both[0]);
        nj_picture_release(&both[1]);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct endtoend e = {0};
    nj_err err = {0};
    nj_status status;

    if (!(argc == 3 && strcmp(argv[1], "arguments") == 0) &&
        !(argc == 4 && strcmp(argv[1], "compare") == 0)) {
        fprintf(stderr, "usage: endtoend_case arguments CASE | "
                        "compare CASE OUT\n");
        return 2;
    }
    status = open_case(argv[2], &e, &err);
    if (status == NJ_OK)
        status = argc == 3 ? print_arguments(&e, &err)
                           : compare_all(&e, argv[3], &err);
    cJSON_Delete(e.json);
    if (status != NJ_OK)
        fprintf(stderr, "%s: %s\n", argv[2], err.text);
    return status == NJ_OK ? 0 : 1;
}

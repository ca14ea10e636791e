/* The cards of some folders: see catalogue.h. A card's JSON tree is kept, so
 * that texts and flags are borrowed from it. */
#include "weights/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define RECORD_MAX 4096

/* One card: a JSON file with a model or several. */
struct card {
    char *path;
    char *folder; /* where its files may lie beside it */
    cJSON *json;
};

struct nj_catalogue {
    struct card *cards;
    size_t card_count;
    size_t card_capacity;
    nj_model *models;
    size_t count;
    size_t capacity;
    char *home; /* the first folder: where new files go */
};

static const char *const kind_names[NJ_MODEL_KINDS] = {
    [NJ_MODEL_UNET] = "unet",           [NJ_MODEL_CLIP] = "clip",
    [NJ_MODEL_UPSCALER] = "upscaler",   [NJ_MODEL_LPIPS] = "lpips",
    [NJ_MODEL_SECONDARY] = "secondary", [NJ_MODEL_VOCABULARY] = "vocabulary",
};

const char *nj_model_kind_name(nj_model_kind kind)
{
    return (unsigned)kind < NJ_MODEL_KINDS ? kind_names[kind] : "any";
}

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for model cards");
}

/* ---- one model --------------------------------------------------------- */

static nj_status read_sum(const cJSON *object, nj_model *m, nj_err *err)
{
    size_t n;

    m->sha256 = nj_json_string(object, "sha256", "");
    n = strlen(m->sha256);
    if (n != 0 && (n != 64 || strspn(m->sha256, "0123456789abcdef") != n))
        return nj_fail(err, NJ_E_FORMAT,
                       "'sha256' is wrong: expected 64 lower-case hex digits "
                       "or null");
    return NJ_OK;
}

static nj_status read_size(const cJSON *object, nj_model *m, nj_err *err)
{
    const cJSON *bytes = nj_json_get(object, "bytes");

    if (bytes && !cJSON_IsNull(bytes) && !nj_json_u64(bytes, &m->bytes))
        return nj_fail(err, NJ_E_FORMAT,
                       "'bytes' is wrong: expected a whole number or null");
    return NJ_OK;
}

/* A name without a folder: what a card says must not lead elsewhere. */
static nj_status read_file_name(const cJSON *object, nj_model *m, nj_err *err)
{
    m->file = nj_json_string(object, "file", "");
    if (!m->file[0] || m->file[0] == '.' || strchr(m->file, '/'))
        return nj_fail(err, NJ_E_FORMAT,
                       "'file' is wrong: expected a name without a folder");
    return NJ_OK;
}

static nj_status read_urls(const cJSON *object, nj_model *m, nj_err *err)
{
    const cJSON *urls = nj_json_get(object, "urls");
    const cJSON *url;
    const char **list;

    if (!urls || cJSON_IsNull(urls))
        return NJ_OK;
    if (!cJSON_IsArray(urls))
        return nj_fail(err, NJ_E_FORMAT, "'urls' is wrong: expected a list");
    list = nj_calloc((size_t)cJSON_GetArraySize(urls), sizeof(*list));
    if (!list)
        return no_memory(err);
    m->urls = list;
    cJSON_ArrayForEach(url, urls)
    {
        if (!cJSON_IsString(url))
            return nj_fail(err, NJ_E_FORMAT,
                           "'urls' is wrong: expected a list of texts");
        list[m->url_count++] = url->valuestring;
    }
    return NJ_OK;
}

/* A text of the model's own object, else of the whole card. */
static const char *text_of(const cJSON *card, const cJSON *object,
                           const char *key)
{
    return nj_json_string(object, key, nj_json_string(card, key, ""));
}

static nj_status read_model(const struct card *card, const cJSON *object,
                            nj_model *m, nj_err *err)
{
    const cJSON *defaults = nj_json_get(card->json, "defaults");
    nj_status status = read_file_name(object, m, err);

    m->name = nj_json_string(card->json, "name", "");
    m->title = text_of(card->json, object, "title");
    m->licence = text_of(card->json, object, "licence");
    m->source = text_of(card->json, object, "source");
    m->note = text_of(card->json, object, "note");
    m->format = nj_json_string(object, "format", "");
    m->card_path = card->path;
    m->flags = object;
    m->defaults = cJSON_IsObject(defaults) ? defaults : NULL;
    if (status == NJ_OK)
        status = read_size(object, m, err);
    if (status == NJ_OK)
        status = read_sum(object, m, err);
    if (status == NJ_OK)
        status = read_urls(object, m, err);
    return status;
}

static void release_model(nj_model *m)
{
    free((void *)(uintptr_t)m->urls);
    free((char *)(uintptr_t)m->path);
}

/* ---- cards ------------------------------------------------------------- */

static const struct card *card_named(const nj_catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->card_count; i++) {
        if (strcmp(nj_json_string(c->cards[i].json, "name", ""), name) == 0)
            return &c->cards[i];
    }
    return NULL;
}

static nj_status add_models(nj_catalogue *c, const struct card *card,
                            nj_err *err)
{
    for (int kind = 0; kind < NJ_MODEL_KINDS; kind++) {
        const cJSON *object = nj_json_get(card->json, kind_names[kind]);
        nj_model *m;
        nj_status status;

        if (!cJSON_IsObject(object))
            continue;
        if (!nj_grow(&c->models, &c->capacity, c->count + 1,
                     sizeof(*c->models)))
            return no_memory(err);
        m = &c->models[c->count++];
        *m = (nj_model){.kind = (nj_model_kind)kind};
        status = read_model(card, object, m, err);
        if (status != NJ_OK)
            return nj_err_add(err, "card '%s', %s", card->path,
                              kind_names[kind]);
    }
    return NJ_OK;
}

static void release_card(struct card *card)
{
    free(card->path);
    free(card->folder);
    cJSON_Delete(card->json);
}

/* Other JSON files may lie in a models folder: a card is an object that
 * describes a network. */
static bool is_card(const cJSON *json)
{
    for (int kind = 0; kind < NJ_MODEL_KINDS; kind++) {
        if (cJSON_IsObject(nj_json_get(json, kind_names[kind])))
            return true;
    }
    return false;
}

/* Takes `path`. */
static nj_status add_card(nj_catalogue *c, const char *folder, char *path,
                          nj_err *err)
{
    struct card card = {.path = path, .folder = nj_strdup(folder)};
    nj_status status =
        card.folder ? nj_json_read(path, &card.json, err) : no_memory(err);
    const char *name = nj_json_string(card.json, "name", "");
    bool wanted = status == NJ_OK && is_card(card.json);

    if (wanted && !name[0])
        status = nj_fail(err, NJ_E_FORMAT, "card '%s' has no 'name'", path);
    if (status != NJ_OK || !wanted || card_named(c, name)) {
        release_card(&card);
        return status;
    }
    if (!nj_grow(&c->cards, &c->card_capacity, c->card_count + 1,
                 sizeof(*c->cards))) {
        release_card(&card);
        return no_memory(err);
    }
    c->cards[c->card_count] = card;
    return add_models(c, &c->cards[c->card_count++], err);
}

/* ---- folders ----------------------------------------------------------- */

static bool ends_in_json(const char *name)
{
    size_t n = strlen(name);

    return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

static bool is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* NAME.json, or NAME/card.json; other entries are no cards. */
static nj_status read_folder_entry(nj_catalogue *c, const char *folder,
                                   const char *name, nj_err *err)
{
    char *path = nj_path_join(folder, name);
    char *inner = path ? nj_path_join(path, "card.json") : NULL;
    nj_status status = NJ_OK;

    if (!inner) {
        free(path);
        return no_memory(err);
    }
    if (ends_in_json(name) && is_regular(path)) {
        status = add_card(c, folder, path, err);
        path = NULL;
    } else if (is_regular(inner)) {
        status = add_card(c, path, inner, err);
        inner = NULL;
    }
    free(path);
    free(inner);
    return status;
}

static nj_status read_folder(nj_catalogue *c, const char *folder, nj_err *err)
{
    nj_status status = NJ_OK;
    const struct dirent *entry;
    DIR *d = opendir(folder);

    if (!d && (errno == ENOENT || errno == ENOTDIR))
        return NJ_OK;
    if (!d)
        return nj_fail(err, NJ_E_IO, "cannot open the folder '%s': %s", folder,
                       strerror(errno));
    while (status == NJ_OK && (entry = readdir(d))) {
        if (entry->d_name[0] != '.')
            status = read_folder_entry(c, folder, entry->d_name, err);
    }
    closedir(d);
    return status;
}

/* ---- files ------------------------------------------------------------- */

/* Takes the file in that folder when it is there. */
static nj_status look_in(nj_model *m, const char *folder, nj_err *err)
{
    struct stat st;
    char *path = nj_path_join(folder, m->file);

    if (!path)
        return no_memory(err);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(path);
        return NJ_OK;
    }
    free((char *)(uintptr_t)m->path);
    m->path = path;
    m->found_bytes = (uint64_t)st.st_size;
    m->state = m->bytes && m->bytes != m->found_bytes ? NJ_MODEL_WRONG_SIZE
                                                      : NJ_MODEL_PRESENT;
    return NJ_OK;
}

static const char *folder_of(const nj_catalogue *c, const nj_model *m)
{
    for (size_t i = 0; i < c->card_count; i++) {
        if (c->cards[i].path == m->card_path)
            return c->cards[i].folder;
    }
    return c->home;
}

/* Beside the card, then in each folder; a file of the right size wins over
 * one of a wrong size found before. */
static nj_status find_file(const nj_catalogue *c, nj_model *m,
                           const char *const *folders, size_t count,
                           nj_err *err)
{
    nj_status status = look_in(m, folder_of(c, m), err);

    for (size_t i = 0;
         status == NJ_OK && m->state != NJ_MODEL_PRESENT && i < count; i++)
        status = look_in(m, folders[i], err);
    if (status == NJ_OK && !m->path) {
        m->path = nj_path_join(c->home, m->file);
        if (!m->path)
            return no_memory(err);
    }
    return status;
}

static int compare_models(const void *a, const void *b)
{
    const nj_model *x = a;
    const nj_model *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return strcmp(x->name, y->name);
}

static nj_status fill(nj_catalogue *c, const char *const *folders, size_t count,
                      nj_err *err)
{
    nj_status status = NJ_OK;

    c->home = nj_strdup(count ? folders[0] : ".");
    if (!c->home)
        return no_memory(err);
    for (size_t i = 0; status == NJ_OK && i < count; i++)
        status = read_folder(c, folders[i], err);
    for (size_t i = 0; status == NJ_OK && i < c->count; i++)
        status = find_file(c, &c->models[i], folders, count, err);
    if (status == NJ_OK && c->count)
        qsort(c->models, c->count, sizeof(*c->models), compare_models);
    return status;
}

nj_status nj_catalogue_open(const char *const *folders, size_t count,
                            nj_catalogue **out, nj_err *err)
{
    nj_catalogue *c = nj_calloc(1, sizeof(*c));
    nj_status status = c ? fill(c, folders, count, err) : no_memory(err);

    if (status != NJ_OK) {
        nj_catalogue_free(c);
        return status;
    }
    *out = c;
    return NJ_OK;
}

void nj_catalogue_free(nj_catalogue *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        release_model(&c->models[i]);
    for (size_t i = 0; i < c->card_count; i++)
        release_card(&c->cards[i]);
    free(c->models);
    free(c->cards);
    free(c->home);
    free(c);
}

/* ---- looking up -------------------------------------------------------- */

size_t nj_catalogue_count(const nj_catalogue *c)
{
    return c->count;
}

const nj_model *nj_catalogue_at(const nj_catalogue *c, size_t i)
{
    return &c->models[i];
}

static bool is_called(const nj_model *m, const char *name)
{
    const char *dot = strrchr(m->file, '.');
    size_t stem = dot ? (size_t)(dot - m->file) : strlen(m->file);

    return strcmp(m->name, name) == 0 || strcmp(m->file, name) == 0 ||
           (strlen(name) == stem && memcmp(m->file, name, stem) == 0);
}

const nj_model *nj_catalogue_find(const nj_catalogue *c, nj_model_kind kind,
                                  const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if ((kind == NJ_MODEL_ANY || c->models[i].kind == kind) &&
            is_called(&c->models[i], name))
            return &c->models[i];
    }
    return NULL;
}

const char *nj_catalogue_nearest(const nj_catalogue *c, nj_model_kind kind,
                                 const char *name)
{
    const char **names = nj_calloc(c->count, sizeof(*names));
    const char *nearest;
    size_t n = 0;

    if (!names)
        return NULL;
    for (size_t i = 0; i < c->count; i++) {
        if (kind == NJ_MODEL_ANY || c->models[i].kind == kind)
            names[n++] = c->models[i].name;
    }
    nearest = nj_nearest(name, names, n);
    free(names);
    return nearest;
}

/* ---- sums -------------------------------------------------------------- */

/* The sum in PATH.sha256, in the form of sha256sum; "" when there is none. */
static nj_status recorded_sum(const nj_model *m, char hex[65], nj_err *err)
{
    nj_str path = {0};
    char *text = NULL;
    size_t n = 0;
    nj_status status = NJ_OK;

    hex[0] = '\0';
    nj_str_addf(&path, "%s.sha256", m->path);
    if (!nj_str_ok(&path))
        status = no_memory(err);
    else if (is_regular(path.text))
        status = nj_file_read(path.text, RECORD_MAX, &text, &n, err);
    if (text && strspn(text, "0123456789abcdef") == 64) {
        memcpy(hex, text, 64);
        hex[64] = '\0';
    }
    free(text);
    nj_str_release(&path);
    return status;
}

nj_status nj_model_verify(const nj_model *m, nj_model_verdict *verdict,
                          char hex[65], nj_err *err)
{
    char want[65];
    nj_status status = nj_file_sha256(m->path, hex, err);

    if (status != NJ_OK)
        return status;
    if (m->sha256[0]) {
        *verdict =
            strcmp(hex, m->sha256) == 0 ? NJ_MODEL_GOOD : NJ_MODEL_DIFFERS;
        return NJ_OK;
    }
    status = recorded_sum(m, want, err);
    if (status != NJ_OK)
        return status;
    if (!want[0])
        *verdict = NJ_MODEL_UNKNOWN;
    else
        *verdict = strcmp(hex, want) == 0 ? NJ_MODEL_TRUSTED : NJ_MODEL_DIFFERS;
    return NJ_OK;
}

/* Model files by path or name: see models_locate.h. */
#include "job/models_locate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"

#define VOCABULARY_FILES 3
static const char *const vocabulary_files[VOCABULARY_FILES] = {
    "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt",
    "vocab.txt"}; /* the last one is the demo model's */

static bool exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for model names");
}

const nj_model *nj_model_present(const nj_catalogue *c, nj_model_kind kind,
                                 const char *name)
{
    const nj_model *m = nj_catalogue_find(c, kind, name);

    return m && m->state == NJ_MODEL_PRESENT ? m : NULL;
}

static nj_status missing_model(const nj_catalogue *c, nj_model_kind kind,
                               const char *name, nj_err *err)
{
    const nj_model *known = nj_catalogue_find(c, kind, name);
    const char *near = nj_catalogue_nearest(c, kind, name);

    if (known && known->state == NJ_MODEL_WRONG_SIZE)
        return nj_fail(err, NJ_E_USAGE,
                       "'%s' has %llu bytes, %llu expected: fetch it again "
                       "with scripts/fetch-models.sh %s",
                       known->path, (unsigned long long)known->found_bytes,
                       (unsigned long long)known->bytes, known->name);
    if (known)
        return nj_fail(err, NJ_E_USAGE,
                       "'%s' is not in the models folder: fetch it with "
                       "scripts/fetch-models.sh %s",
                       name, known->name);
    return nj_fail(err, NJ_E_USAGE, "'%s' is no file and no known model%s%s%s",
                   name, near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
}

nj_status nj_model_locate(const nj_catalogue *c, const nj_list *folders,
                          nj_model_kind kind, const char *name, char **out,
                          nj_err *err)
{
    const nj_model *m;

    /* A folder that happens to have a model's name is not meant. */
    if (exists(name) &&
        !(nj_is_folder(name) && nj_model_present(c, kind, name))) {
        *out = nj_strdup(name);
        return *out ? NJ_OK : no_memory(err);
    }
    for (size_t i = 0; i < folders->count; i++) {
        *out = nj_path_join(folders->items[i], name);
        if (!*out)
            return no_memory(err);
        if (name[0] != '/' && nj_is_file(*out))
            return NJ_OK;
        free(*out);
        *out = NULL;
    }
    m = nj_model_present(c, kind, name);
    if (!m)
        return missing_model(c, kind, name, err);
    *out = nj_strdup(m->path);
    return *out ? NJ_OK : no_memory(err);
}

bool nj_model_same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* Names such as unet.safetensors are common: only the size tells a copy. */
static bool is_copy(const nj_model *m, const char *path)
{
    struct stat st;

    return m->bytes == 0 ||
           (stat(path, &st) == 0 && (uint64_t)st.st_size == m->bytes);
}

const nj_model *nj_model_of_file(const nj_catalogue *c, nj_model_kind kind,
                                 const char *path)
{
    const nj_model *named;

    for (size_t i = 0; i < nj_catalogue_count(c); i++) {
        const nj_model *m = nj_catalogue_at(c, i);

        if (m->kind == kind && nj_model_same_file(m->path, path))
            return m;
    }
    named = nj_catalogue_find(c, kind, nj_path_name(path));
    return named && is_copy(named, path) ? named : NULL;
}

/* A vocabulary file in the folder of `beside`. */
static char *vocabulary_beside(const char *beside)
{
    char *folder = nj_path_folder(beside);
    char *path = NULL;

    for (size_t i = 0; folder && i < VOCABULARY_FILES; i++) {
        path = nj_path_join(folder, vocabulary_files[i]);
        if (path && exists(path))
            break;
        free(path);
        path = NULL;
    }
    free(folder);
    return path;
}

nj_status nj_model_vocabulary(const nj_catalogue *c, const nj_list *folders,
                              const char *clip_path, char **out, nj_err *err)
{
    const nj_model *clip = nj_model_of_file(c, NJ_MODEL_CLIP, clip_path);
    const nj_model *own =
        clip ? nj_model_present(c, NJ_MODEL_VOCABULARY, clip->name) : NULL;

    *out = own ? nj_strdup(own->path) : vocabulary_beside(clip_path);
    for (size_t i = 0; i < folders->count && !*out; i++) {
        char *inside = nj_path_join(folders->items[i], "x");

        *out = inside ? vocabulary_beside(inside) : NULL;
        free(inside);
    }
    if (!*out)
        return nj_fail(err, NJ_E_USAGE,
                       "CLIP's vocabulary '%s' is not in the models folder: "
                       "scripts/setup.sh puts it there",
                       vocabulary_files[0]);
    return NJ_OK;
}

/* Sums: see sums.h. */
#include "job/sums.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/thread.h"

struct file {
    char *path;
    struct stat before; /* when the run began */
    char hex[65];
    nj_status status;
    nj_err err;
};

struct nj_sums {
    struct file *files;
    size_t count;
    size_t done; /* under lock */
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_t thread;
    bool running;
};

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void *work(void *user)
{
    nj_sums *s = user;

    for (size_t i = 0; i < s->count; i++) {
        struct file *f = &s->files[i];

        f->status = nj_file_sha256(f->path, f->hex, &f->err);
        pthread_mutex_lock(&s->lock);
        s->done = i + 1;
        pthread_cond_broadcast(&s->more);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static nj_status add(nj_sums *s, const char *path, nj_err *err)
{
    struct file *f = &s->files[s->count];

    f->path = nj_strdup(path);
    if (!f->path)
        return nj_fail(err, NJ_E_MEMORY, "no memory for sums");
    s->count++;
    if (stat(path, &f->before) != 0)
        return nj_fail(err, NJ_E_IO, "cannot examine '%s': %s", path,
                       strerror(errno));
    return NJ_OK;
}

nj_status nj_sums_start(const nj_list *paths, nj_sums **out, nj_err *err)
{
    nj_sums *s = nj_calloc(1, sizeof(*s));
    nj_status status = NJ_OK;

    *out = NULL;
    if (s)
        s->files = nj_calloc(paths->count, sizeof(*s->files));
    if (!s || !s->files) {
        free(s);
        return nj_fail(err, NJ_E_MEMORY, "no memory for sums");
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    for (size_t i = 0; i < paths->count && status == NJ_OK; i++)
        status = add(s, paths->items[i], err);
    if (status == NJ_OK) {
        s->running = nj_thread_start(&s->thread, work, s);
        /* Without a thread the sums are computed here: late is better than
         * never. */
        if (!s->running)
            work(s);
        *out = s;
        return NJ_OK;
    }
    nj_sums_free(s);
    return status;
}

void nj_sums_free(nj_sums *s)
{
    if (!s)
        return;
    if (s->running)
        pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->count; i++)
        free(s->files[i].path);
    pthread_cond_destroy(&s->more);
    pthread_mutex_destroy(&s->lock);
    free(s->files);
    free(s);
}

nj_status nj_sums_get(nj_sums *s, size_t i, const char **hex, uint64_t *bytes,
                      nj_err *err)
{
    const struct file *f = &s->files[i];

    pthread_mutex_lock(&s->lock);
    while (s->done <= i)
        pthread_cond_wait(&s->more, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (f->status != NJ_OK)
        return nj_fail(err, f->status, "%s", f->err.text);
    *hex = f->hex;
    *bytes = (uint64_t)f->before.st_size;
    return NJ_OK;
}

nj_status nj_sums_check_unchanged(const nj_sums *s, nj_err *err)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct file *f = &s->files[i];
        struct stat now;

        if (stat(f->path, &now) != 0)
            return nj_fail(err, NJ_E_IO, "cannot examine '%s': %s", f->path,
                           strerror(errno));
        if (!same(&f->before, &now))
            return nj_fail(err, NJ_E_IO,
                           "'%s' was changed while the job was running",
                           f->path);
    }
    return NJ_OK;
}

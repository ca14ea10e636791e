/* Videos: see video.h. One thread works off a queue; everything it shares with
 * the run loop is under one lock. */
#define _GNU_SOURCE /* gettid */
#include "run/video.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/thread.h"
#include "image/animation.h"
#include "run/process.h"

#define NICE      10 /* of the thread, and so of the encoder it starts */
#define VIDEO_MAX ((size_t)4 << 30)
#define LOG_MAX   300

struct task {
    struct task *next;
    nj_video_frames frames;
    nj_video_result result;
};

struct nj_videos {
    const nj_video_encoder *encoder;
    char *folder;
    int fps;
    struct task *open; /* of pictures under way */

    pthread_t thread;
    bool running; /* the thread was started */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    struct task *waiting;
    struct task *done;
    bool busy;
    bool cancelled; /* give up what is being made */
    bool ending;
    pid_t child; /* the encoder that runs, or 0 */
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for videos");
}

static void append(struct task **list, struct task *t)
{
    while (*list)
        list = &(*list)->next;
    t->next = NULL;
    *list = t;
}

static struct task *take_first(struct task **list)
{
    struct task *t = *list;

    if (t)
        *list = t->next;
    return t;
}

static void free_task(struct task *t)
{
    if (!t)
        return;
    if (t->frames.fd >= 0)
        close(t->frames.fd);
    free(t->result.path);
    free(t);
}

/* ---- frames ------------------------------------------------------------ */

static struct task *open_task(const nj_videos *v, size_t number)
{
    struct task *t = v->open;

    while (t && t->result.number != number)
        t = t->next;
    return t;
}

static nj_status begin_task(nj_videos *v, size_t number, int width, int height,
                            struct task **out, nj_err *err)
{
    struct task *t = nj_calloc(1, sizeof(*t));
    nj_status status = t ? nj_file_open_unnamed(v->folder, &t->frames.fd, err)
                         : no_memory(err);

    if (status != NJ_OK) {
        free(t);
        return status;
    }
    t->frames.width = width;
    t->frames.height = height;
    t->frames.fps = v->fps;
    t->result.number = number;
    append(&v->open, t);
    *out = t;
    return NJ_OK;
}

nj_status nj_videos_frame(nj_videos *v, size_t number, int width, int height,
                          const uint8_t *rgb, nj_err *err)
{
    struct task *t = open_task(v, number);
    nj_status status =
        t ? NJ_OK : begin_task(v, number, width, height, &t, err);

    if (status != NJ_OK)
        return status;
    t->frames.count++;
    status = nj_file_write_all(t->frames.fd, v->folder, rgb,
                               (size_t)width * (size_t)height * 3, err);
    return status == NJ_OK ? NJ_OK : nj_err_add(err, "a frame of a video");
}

void nj_videos_drop(nj_videos *v)
{
    while (v->open)
        free_task(take_first(&v->open));
}

static void take_out(struct task **list, const struct task *t)
{
    while (*list != t)
        list = &(*list)->next;
    *list = t->next;
}

nj_status nj_videos_finish(nj_videos *v, size_t number, const char *picture,
                           nj_err *err)
{
    struct task *t = open_task(v, number);

    if (!t)
        return NJ_OK;
    t->result.path = nj_video_path(picture, v->encoder->format);
    if (!t->result.path)
        return no_memory(err);
    take_out(&v->open, t);
    pthread_mutex_lock(&v->lock);
    append(&v->waiting, t);
    pthread_cond_broadcast(&v->changed);
    pthread_mutex_unlock(&v->lock);
    return NJ_OK;
}

bool nj_videos_there(const nj_videos *v, const char *picture)
{
    char *path = nj_video_path(picture, v->encoder->format);
    bool there = path && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* ---- making one, in the thread ----------------------------------------- */

static bool is_cancelled(nj_videos *v)
{
    bool cancelled;

    pthread_mutex_lock(&v->lock);
    cancelled = v->cancelled;
    pthread_mutex_unlock(&v->lock);
    return cancelled;
}

static nj_status add_frames(nj_videos *v, const nj_video_frames *f,
                            nj_animation *a, uint8_t *rgb, nj_err *err)
{
    size_t n = (size_t)f->width * (size_t)f->height * 3;
    nj_status status = NJ_OK;

    for (size_t i = 0; i < f->count && status == NJ_OK; i++) {
        size_t done = 0;

        if (is_cancelled(v))
            return nj_fail(err, NJ_E_INTERRUPTED, "stopped");
        while (done < n) {
            ssize_t got =
                pread(f->fd, rgb + done, n - done, (off_t)(i * n + done));

            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return nj_fail(err, NJ_E_IO,
                               "cannot read the frames of a video");
            done += (size_t)got;
        }
        status = nj_animation_add(a, rgb, err);
    }
    return status;
}

static nj_status animate(nj_videos *v, const nj_video_frames *f,
                         uint8_t **bytes, size_t *n, nj_err *err)
{
    uint8_t *rgb = nj_calloc((size_t)f->width * (size_t)f->height, 3);
    nj_animation *a = NULL;
    nj_status status =
        rgb ? nj_animation_new(f->width, f->height, f->fps, &a, err)
            : no_memory(err);

    if (status == NJ_OK)
        status = add_frames(v, f, a, rgb, err);
    if (status == NJ_OK)
        status = nj_animation_finish(a, bytes, n, err);
    nj_animation_free(a);
    free(rgb);
    return status;
}

/* Waits for the encoder; the result is waitpid's status. Its number may be
 * another process's as soon as it was taken away, so it is forgotten in the
 * same breath, and whoever wants to kill it finds it or nothing. */
static int take_away(nj_videos *v, pid_t pid)
{
    int status = 0;

    nj_process_await(pid);
    pthread_mutex_lock(&v->lock);
    waitpid(pid, &status, 0);
    v->child = 0;
    pthread_mutex_unlock(&v->lock);
    return status;
}

/* Waits for the encoder; what it complained about is in the log. */
static nj_status wait_for(nj_videos *v, pid_t pid, FILE *log, nj_err *err)
{
    char text[LOG_MAX] = "";
    int status = take_away(v, pid);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return NJ_OK;
    if (is_cancelled(v))
        return nj_fail(err, NJ_E_INTERRUPTED, "stopped");
    rewind(log);
    text[fread(text, 1, sizeof(text) - 1, log)] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return nj_fail(err, NJ_E_IO, "ffmpeg failed%s%s", text[0] ? ": " : "",
                   text);
}

static nj_status encode_to(nj_videos *v, const nj_video_frames *f,
                           const char *out, FILE *log, nj_err *err)
{
    pid_t pid = 0;
    nj_status status;

    pthread_mutex_lock(&v->lock);
    status = v->cancelled
                 ? nj_fail(err, NJ_E_INTERRUPTED, "stopped")
                 : nj_video_spawn(v->encoder, f, out, fileno(log), &pid, err);
    v->child = pid;
    pthread_mutex_unlock(&v->lock);
    return status == NJ_OK ? wait_for(v, pid, log, err) : status;
}

/* ffmpeg needs a file that it can seek in: a hidden one beside the pictures,
 * read back and removed. Its name and its lock are those of base/file.h's
 * temporary files, so that what a dead run left is tidied away. */
static nj_status encode(nj_videos *v, const nj_video_frames *f, uint8_t **bytes,
                        size_t *n, nj_err *err)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *name = nj_path_join(v->folder, ".nightjar-video-XXXXXX.part");
    int fd = name ? mkostemps(name, 5, O_CLOEXEC) : -1;
    FILE *log = tmpfile();
    nj_status status = NJ_OK;

    if (fd < 0 || !log)
        status = nj_fail(err, NJ_E_IO, "cannot write a video in '%s': %s",
                         v->folder, strerror(errno));
    if (status == NJ_OK)
        (void)fcntl(fd, F_OFD_SETLK, &whole); /* without locks it is fine too */
    if (status == NJ_OK)
        status = encode_to(v, f, name, log, err);
    if (status == NJ_OK)
        status = nj_file_read(name, VIDEO_MAX, (char **)bytes, n, err);
    if (fd >= 0) {
        unlink(name);
        close(fd);
    }
    if (log)
        fclose(log);
    free(name);
    return status;
}

static void make(nj_videos *v, struct task *t)
{
    nj_err *err = &t->result.why;
    uint8_t *bytes = NULL;
    size_t n = 0;
    nj_status status = v->encoder->program
                           ? encode(v, &t->frames, &bytes, &n, err)
                           : animate(v, &t->frames, &bytes, &n, err);

    if (status == NJ_OK)
        status = nj_file_write_atomic(t->result.path, bytes, n, err);
    free(bytes);
    close(t->frames.fd);
    t->frames.fd = -1;
    t->result.status = status;
}

static void *work(void *user)
{
    nj_videos *v = user;

    /* On Linux a thread has a nice value of its own. */
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    pthread_mutex_lock(&v->lock);
    for (;;) {
        struct task *t = take_first(&v->waiting);

        if (!t && v->ending)
            break;
        if (!t) {
            pthread_cond_wait(&v->changed, &v->lock);
            continue;
        }
        v->busy = true;
        pthread_mutex_unlock(&v->lock);
        make(v, t);
        pthread_mutex_lock(&v->lock);
        v->busy = false;
        append(&v->done, t);
        pthread_cond_broadcast(&v->changed);
    }
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

/* ---- beginning and end ------------------------------------------------- */

nj_status nj_videos_new(const nj_video_encoder *encoder, const char *folder,
                        int fps, nj_videos **out, nj_err *err)
{
    nj_videos *v = nj_calloc(1, sizeof(*v));

    *out = NULL;
    if (!v)
        return no_memory(err);
    v->encoder = encoder;
    v->fps = fps;
    v->folder = nj_strdup(folder);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->changed, NULL);
    v->running = v->folder && nj_thread_start(&v->thread, work, v);
    if (!v->running) {
        nj_videos_free(v);
        return nj_fail(err, NJ_E_MEMORY, "cannot start a thread for videos");
    }
    *out = v;
    return NJ_OK;
}

static void stop_thread(nj_videos *v)
{
    pthread_mutex_lock(&v->lock);
    v->ending = true;
    v->cancelled = true;
    if (v->child)
        kill(v->child, SIGKILL);
    while (v->waiting)
        free_task(take_first(&v->waiting));
    pthread_cond_broadcast(&v->changed);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
}

void nj_videos_free(nj_videos *v)
{
    if (!v)
        return;
    if (v->running)
        stop_thread(v);
    while (v->done)
        free_task(take_first(&v->done));
    nj_videos_drop(v);
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
    free(v->folder);
    free(v);
}

bool nj_videos_next(nj_videos *v, nj_video_result *out)
{
    struct task *t;

    pthread_mutex_lock(&v->lock);
    t = take_first(&v->done);
    pthread_mutex_unlock(&v->lock);
    if (!t)
        return false;
    *out = t->result;
    t->result.path = NULL;
    free_task(t);
    return true;
}

bool nj_videos_pending(nj_videos *v)
{
    bool pending;

    pthread_mutex_lock(&v->lock);
    pending = v->waiting || v->busy;
    pthread_mutex_unlock(&v->lock);
    return pending;
}

void nj_videos_wait(nj_videos *v, const nj_stop *stop)
{
    pthread_mutex_lock(&v->lock);
    while ((v->waiting || v->busy) && !nj_stop_now(stop)) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000; /* a signal wakes nobody up */
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&v->changed, &v->lock, &until);
    }
    pthread_mutex_unlock(&v->lock);
}

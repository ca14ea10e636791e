/* Video encoders: see video_encoder.h. ffmpeg is run with an argument vector,
 * never through a shell. */
#define _GNU_SOURCE /* pipe2 */
#include "job/video_encoder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "job/names.h"

#define ANSWER_MAX ((size_t)1 << 20)

static const struct format {
    const char *name;
    const char *ending;
    const char *codec; /* of ffmpeg, or NULL */
} formats[] = {
    [NJ_VIDEO_AUTO] = {"auto", "", NULL},
    [NJ_VIDEO_MP4] = {"mp4", ".mp4", "libx264"},
    [NJ_VIDEO_WEBM] = {"webm", ".webm", "libvpx-vp9"},
    [NJ_VIDEO_WEBP] = {"webp", ".webp", NULL},
};

char *nj_video_path(const char *picture, nj_video_format format)
{
    size_t n = strlen(picture);
    nj_str s = {0};

    if (n > 4 && strcmp(picture + n - 4, ".png") == 0)
        n -= 4;
    nj_str_addn(&s, picture, n);
    nj_str_add(&s, formats[format].ending);
    return nj_str_take(&s);
}

bool nj_video_is_name(const char *name)
{
    size_t n = strlen(name);
    nj_name_parts parts;
    nj_str picture = {0};
    bool good;

    if (n < 5 || strcmp(name + n - 5, formats[NJ_VIDEO_WEBP].ending) != 0)
        return false;
    nj_str_addn(&picture, name, n - 5);
    nj_str_add(&picture, ".png");
    good = nj_str_ok(&picture) && nj_name_parse(picture.text, &parts);
    nj_str_release(&picture);
    return good;
}

void nj_video_encoder_release(nj_video_encoder *e)
{
    free(e->program);
    *e = (nj_video_encoder){0};
}

/* ---- finding ffmpeg ---------------------------------------------------- */

/* Only absolute folders count: a program of the current folder is not meant. */
static char *find_program(const char *name)
{
    const char *p = getenv("PATH");

    while (p && *p) {
        size_t n = strcspn(p, ":");
        char *folder = nj_strndup(p, n);
        char *path =
            folder && folder[0] == '/' ? nj_path_join(folder, name) : NULL;

        free(folder);
        if (path && access(path, X_OK) == 0)
            return path;
        free(path);
        p += n + (p[n] == ':');
    }
    return NULL;
}

static void read_all(int fd, nj_str *out)
{
    char part[4096];
    ssize_t got;

    while ((got = read(fd, part, sizeof(part))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return;
        if (out->length < ANSWER_MAX)
            nj_str_addn(out, part, (size_t)got);
    }
}

/* What `ffmpeg -encoders` prints; false when it cannot be run. */
static bool ask(const char *program, nj_str *out)
{
    char *argv[] = {(char *)(uintptr_t)program, "-hide_banner", "-encoders",
                    NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;
    int failed;
    int status = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    failed = posix_spawn(&pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (!failed)
        read_all(ends[0], out);
    close(ends[0]);
    while (!failed && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return !failed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* " V....D libx264              libx264 H.264 / ..." */
static bool lists(const nj_str *answer, const char *codec)
{
    size_t n = strlen(codec);

    for (const char *p = answer->text; p && (p = strstr(p, codec)); p += n) {
        if (p > answer->text && p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n'))
            return true;
    }
    return false;
}

static bool can_make(const char *program, nj_video_format format)
{
    nj_str answer = {0};
    bool good = ask(program, &answer) && lists(&answer, formats[format].codec);

    nj_str_release(&answer);
    return good;
}

static nj_status refuse(nj_video_format wanted, const char *program,
                        nj_err *err)
{
    if (!program)
        return nj_fail(err, NJ_E_USAGE,
                       "'%s' needs the program ffmpeg, which is not in $PATH; "
                       "'webp' needs nothing",
                       formats[wanted].name);
    return nj_fail(err, NJ_E_USAGE,
                   "'%s' needs the encoder %s, which '%s' does not have; "
                   "'webp' needs nothing",
                   formats[wanted].name, formats[wanted].codec, program);
}

nj_status nj_video_encoder_find(nj_video_format wanted, nj_video_encoder *out,
                                nj_err *err)
{
    nj_video_format format = wanted == NJ_VIDEO_AUTO ? NJ_VIDEO_MP4 : wanted;
    char *program = format == NJ_VIDEO_WEBP ? NULL : find_program("ffmpeg");
    nj_status status = NJ_OK;

    *out = (nj_video_encoder){.format = NJ_VIDEO_WEBP};
    if (program && can_make(program, format)) {
        *out = (nj_video_encoder){format, program};
        return NJ_OK;
    }
    if (wanted == NJ_VIDEO_MP4 || wanted == NJ_VIDEO_WEBM)
        status = refuse(wanted, program, err);
    free(program);
    return status;
}

/* ---- running it -------------------------------------------------------- */

/* Quick and good: a second of frames takes a fraction of a second to encode,
 * on one thread. Colour is halved as every player expects; odd sides get a
 * line more, which that needs. */
static const char *const mp4_arguments[] = {
    "-c:v",      "libx264",    "-preset", "veryfast", "-crf", "18",
    "-movflags", "+faststart", "-f",      "mp4",      NULL};
static const char *const webm_arguments[] = {
    "-c:v", "libvpx-vp9", "-b:v", "0",  "-crf", "24", "-deadline",
    "good", "-cpu-used",  "5",    "-f", "webm", NULL};

enum { ARGUMENTS_MAX = 48 };

struct arguments {
    const char *at[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct arguments *a, const char *const *texts)
{
    while (*texts && a->count + 1 < ARGUMENTS_MAX)
        a->at[a->count++] = *texts++;
}

static nj_status spawn(const char *program, char *const *argv, int in, int log,
                       pid_t *pid, nj_err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int failed;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, log, 2);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    failed = posix_spawn(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? nj_fail(err, NJ_E_IO, "cannot run '%s': %s", program,
                            strerror(failed))
                  : NJ_OK;
}

nj_status nj_video_spawn(const nj_video_encoder *e, const nj_video_frames *f,
                         const char *out, int log_fd, pid_t *pid, nj_err *err)
{
    char size[32];
    char rate[16];
    const char *const before[] = {e->program,
                                  "-hide_banner",
                                  "-loglevel",
                                  "error",
                                  "-y",
                                  "-f",
                                  "rawvideo",
                                  "-pix_fmt",
                                  "rgb24",
                                  "-video_size",
                                  size,
                                  "-framerate",
                                  rate,
                                  "-i",
                                  "pipe:0",
                                  "-threads",
                                  "1",
                                  "-vf",
                                  "pad=ceil(iw/2)*2:ceil(ih/2)*2",
                                  "-pix_fmt",
                                  "yuv420p",
                                  NULL};
    const char *const after[] = {out, NULL};
    struct arguments a = {{NULL}, 0};

    snprintf(size, sizeof(size), "%dx%d", f->width, f->height);
    snprintf(rate, sizeof(rate), "%d", f->fps);
    add(&a, before);
    add(&a, e->format == NJ_VIDEO_MP4 ? mp4_arguments : webm_arguments);
    add(&a, after);
    if (lseek(f->fd, 0, SEEK_SET) != 0)
        return nj_fail(err, NJ_E_IO, "cannot read the frames of a video: %s",
                       strerror(errno));
    return spawn(e->program, (char *const *)(uintptr_t)a.at, f->fd, log_fd, pid,
                 err);
}

int nj_video_frame_every(int wanted, int iterations)
{
    /* Enough to follow a picture; more would only take room. */
    const int frames = 120;

    return wanted ? wanted : (iterations + frames - 1) / frames;
}

/* Estimates: see estimate.h. */
#include "job/estimate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "job/footprint.h"
#include "job/free_memory.h"
#include "job/speed.h"
#include "job/target.h"

/* Of a PNG besides its pixels: chunks, record, a little that does not
 * compress. */
#define PNG_EXTRA 8192

/* The next folder up; false when there is none. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!path[0] || strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (slash) {
        slash[slash == path] = '\0';
    } else {
        path[0] = '.';
        path[1] = '\0';
    }
    return true;
}

bool nj_free_bytes(const char *folder, uint64_t *bytes)
{
    char *path = nj_strdup(folder);
    struct statvfs st;
    bool found = false;

    *bytes = 0;
    while (path && !found) {
        found = statvfs(path, &st) == 0;
        if (!found && !go_up(path))
            break;
    }
    if (found)
        *bytes = (uint64_t)st.f_bavail * st.f_frsize;
    free(path);
    return found;
}

/* Pictures of a group that the plan has. */
struct share {
    size_t all;
    size_t open;
};

/* Of a picture's iterations, those at every Kth and at the end. */
static uint64_t every(int k, int iterations)
{
    return (uint64_t)(iterations / k + (iterations % k != 0));
}

/* Finished pictures and those that --save-every keeps. */
static uint64_t files_of(const nj_group *g)
{
    int k = g->options.settings.save_every;

    return k ? every(k, g->iterations) : 1;
}

static uint64_t frames_of(const nj_group *g)
{
    const nj_options *o = &g->options;

    return o->video ? every(nj_video_frame_every(o->video_every, g->iterations),
                            g->iterations)
                    : 0;
}

/* Videos halve the colours' resolution, whatever their format: 3 bytes for two
 * pixels before anything is compressed. While a batch is made its frames lie
 * in the folder as they are. */
static uint64_t disk_of(const nj_group *g, size_t pictures)
{
    const nj_settings *s = &g->options.settings;
    uint64_t pixels = (uint64_t)s->width * (uint64_t)s->height;
    uint64_t frames = frames_of(g);
    size_t batch = (size_t)s->batch_size;
    uint64_t each = files_of(g) * (3 * pixels + PNG_EXTRA);

    if (frames)
        each += frames * pixels * 3 / 2 + PNG_EXTRA;
    return pictures * each +
           (pictures < batch ? pictures : batch) * frames * 3 * pixels;
}

static void add_cost(const nj_group *g, size_t pictures, double step_seconds,
                     nj_cost *cost)
{
    uint64_t steps = pictures * (uint64_t)g->iterations;

    if (pictures == 0)
        return;
    cost->pictures += pictures;
    cost->steps += steps;
    cost->disk_bytes += disk_of(g, pictures);
    if (step_seconds < 0)
        cost->seconds = -1;
    else if (cost->seconds >= 0)
        cost->seconds += (double)steps * step_seconds;
}

static void add_group(const nj_job *job, const nj_group *g,
                      const struct share *share, nj_estimate *e)
{
    bool cuda = job->device == NJ_DEVICE_CUDA;
    nj_networks networks = nj_networks_of(job, g, cuda);
    nj_room room = {.host = nj_free_memory()};
    nj_thrift how = nj_footprint_choose_for(job, g, cuda, &room);
    nj_footprint footprint =
        nj_footprint_of(&networks, &g->options.settings, &how);
    nj_speed speed;
    bool known = nj_speed_read(job, g, &speed);

    add_cost(g, share->all, known ? speed.step_seconds : -1, &e->all);
    add_cost(g, share->open, known ? speed.step_seconds : -1, &e->open);
    if (speed.host_bytes > e->host_bytes)
        e->host_bytes = speed.host_bytes;
    e->twice = e->twice || how.saving.recompute;
    if (footprint.host > e->predicted_bytes)
        e->predicted_bytes = footprint.host;
    if (footprint.device > e->predicted_device_bytes)
        e->predicted_device_bytes = footprint.device;
}

/* A picture without the video that is wanted is made once more. */
static nj_status look_for(const nj_job *job, const nj_image *image, bool *there,
                          nj_err *err)
{
    const nj_group *g = nj_plan_group(job, image);
    char *name = NULL;
    char *path = NULL;
    char *video = NULL;
    nj_status status = NJ_OK;

    *there = false;
    if (nj_plan_prompt(job, image)->tagged)
        return NJ_OK;
    status = nj_target_name(job, image, g->iterations - 1, NULL, &name, err);
    if (status == NJ_OK)
        path = nj_path_join(job->out, name);
    if (path && g->options.video)
        video = nj_video_path(path, job->video.format);
    if (status == NJ_OK && (!path || (g->options.video && !video)))
        status = nj_fail(err, NJ_E_MEMORY, "no memory for names");
    *there =
        path && access(path, F_OK) == 0 && (!video || access(video, F_OK) == 0);
    free(video);
    free(path);
    free(name);
    return status;
}

static nj_status count(const nj_job *job, const nj_plan *plan,
                       struct share *shares, nj_err *err)
{
    nj_status status = NJ_OK;

    for (size_t i = 0; i < plan->count && status == NJ_OK; i++) {
        struct share *share = &shares[plan->images[i].group];
        bool there;

        status = look_for(job, &plan->images[i], &there, err);
        share->all++;
        share->open += !there;
    }
    return status;
}

nj_status nj_estimate_make(const nj_job *job, const nj_plan *plan,
                           nj_estimate *out, nj_err *err)
{
    struct share *shares = nj_calloc(job->group_count, sizeof(*shares));
    nj_status status =
        shares ? count(job, plan, shares, err)
               : nj_fail(err, NJ_E_MEMORY, "no memory for the plan");

    *out = (nj_estimate){0};
    out->free_known = nj_free_bytes(job->out, &out->free_bytes);
    for (size_t i = 0; i < job->group_count && status == NJ_OK; i++) {
        if (shares[i].all)
            add_group(job, &job->groups[i], &shares[i], out);
    }
    free(shares);
    return status;
}

/* Estimates: see estimate.h. */
#include "job/estimate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "job/footprint.h"
#include "job/free_memory.h"
#include "job/speed.h"

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

/* Finished pictures and those that --save-every keeps. */
static uint64_t files_of(const nj_group *g)
{
    int every = g->options.settings.save_every;

    if (every == 0)
        return 1;
    return (uint64_t)(g->iterations / every + (g->iterations % every != 0));
}

static void add_group(const nj_job *job, const nj_group *g, nj_estimate *e)
{
    const nj_settings *s = &g->options.settings;
    uint64_t pictures = nj_seeds_total(&g->seeds) * g->prompt_count;
    uint64_t steps = pictures * (uint64_t)g->iterations;
    uint64_t pixels = (uint64_t)s->width * (uint64_t)s->height;
    bool cuda = job->device == NJ_DEVICE_CUDA;
    nj_networks networks = nj_networks_of(job, g, cuda);
    nj_room room = {.host = nj_free_memory()};
    nj_thrift how = nj_footprint_choose_for(job, g, cuda, &room);
    nj_footprint footprint = nj_footprint_of(&networks, s, &how);
    nj_speed speed;

    e->prompts += g->prompt_count;
    e->steps += steps;
    e->disk_bytes += pictures * files_of(g) * (3 * pixels + PNG_EXTRA);
    if (!nj_speed_read(job, g, &speed))
        e->seconds = -1;
    else if (e->seconds >= 0)
        e->seconds += (double)steps * speed.step_seconds;
    if (speed.host_bytes > e->host_bytes)
        e->host_bytes = speed.host_bytes;
    e->twice = e->twice || how.saving.recompute;
    if (footprint.host > e->predicted_bytes)
        e->predicted_bytes = footprint.host;
    if (footprint.device > e->predicted_device_bytes)
        e->predicted_device_bytes = footprint.device;
}

void nj_estimate_make(const nj_job *job, const nj_plan *plan, nj_estimate *out)
{
    *out = (nj_estimate){.pictures = plan->count};
    out->free_known = nj_free_bytes(job->out, &out->free_bytes);
    for (size_t i = 0; i < job->group_count; i++)
        add_group(job, &job->groups[i], out);
}

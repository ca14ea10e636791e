/* Videos of a run: frames from the engine's callbacks, results as events. The
 * work itself is done in the thread of video.c. */
#include <stdlib.h>

#include "run/run_parts.h"

static void tell_result(nj_runner *r, const nj_video_result *done)
{
    bool good = done->status == NJ_OK;

    r->tally->videos += good;
    r->tally->videos_failed += !good;
    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_VIDEO,
                                 .image = nj_runner_image(r, done->number),
                                 .number = done->number,
                                 .path = done->path,
                                 .why = good ? NULL : &done->why});
}

static void tell_results(nj_runner *r)
{
    nj_video_result done;

    while (nj_videos_next(r->videos, &done)) {
        if (done.status != NJ_E_INTERRUPTED)
            tell_result(r, &done);
        free(done.path);
    }
}

nj_status nj_runner_start_videos(nj_runner *r, nj_err *err)
{
    const nj_job *job = r->config->job;
    const nj_options *o = &job->groups[0].options;

    return o->video ? nj_videos_new(&job->video, job->out, o->video_fps,
                                    &r->videos, err)
                    : NJ_OK;
}

void nj_runner_end_videos(nj_runner *r, bool waits)
{
    if (!r->videos)
        return;
    tell_results(r);
    if (waits && nj_videos_pending(r->videos)) {
        nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_VIDEOS});
        nj_videos_wait(r->videos, r->config->stop);
        tell_results(r);
    }
    nj_videos_free(r->videos);
    r->videos = NULL;
}

int nj_runner_frame_every(const nj_runner *r, const nj_group *g)
{
    return r->videos
               ? nj_video_frame_every(g->options.video_every, g->iterations)
               : 0;
}

nj_status nj_runner_take_frame(nj_runner *r, const nj_slot *slot,
                               const nj_engine_picture *p, nj_err *err)
{
    const nj_group *g =
        nj_plan_group(r->config->job, nj_runner_image(r, slot->number));

    if (!r->videos)
        return NJ_OK;
    tell_results(r);
    if (!p->last && !nj_is_every(nj_runner_frame_every(r, g), p->iteration))
        return NJ_OK;
    return nj_videos_frame(r->videos, slot->number, p->width, p->height, p->rgb,
                           err);
}

nj_status nj_runner_finish_video(nj_runner *r, const nj_slot *slot,
                                 const char *path, nj_err *err)
{
    return r->videos ? nj_videos_finish(r->videos, slot->number, path, err)
                     : NJ_OK;
}

bool nj_runner_has_video(const nj_runner *r, const char *path)
{
    return !r->videos || nj_videos_there(r->videos, path);
}

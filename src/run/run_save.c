/* Saving: a picture becomes a file, then a line in the manifest. The file comes
 * first: a line without its file would be a lie, a file without its line is
 * found by the next run. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "job/target.h"
#include "run/run_parts.h"

static nj_status write_picture(nj_runner *r, const nj_image *image,
                               const nj_engine_picture *p, const char *path,
                               nj_err *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    nj_status status = nj_sums_check_unchanged(r->source.sums, err);

    if (status == NJ_OK)
        status = nj_record_encode(&r->source, image, p, &bytes, &n, err);
    if (status == NJ_OK)
        status = nj_file_write_atomic(path, bytes, n, err);
    free(bytes);
    return status;
}

static nj_status note_made(nj_runner *r, const nj_slot *slot,
                           const nj_engine_picture *p, const char *path,
                           nj_err *err)
{
    nj_entry entry = nj_runner_entry(r, slot);

    if (!p->last)
        return NJ_OK;
    entry.file = nj_path_name(path);
    return nj_journal_made(r->journal, &entry, p,
                           nj_steady_seconds() - r->batch_began, err);
}

/* Videos of the picture go with it: the next one under the name is not theirs.
 */
static void keep_videos(const nj_target *target)
{
    for (int f = NJ_VIDEO_MP4; f <= NJ_VIDEO_WEBP; f++) {
        char *from = nj_video_path(target->path, (nj_video_format)f);
        char *to = nj_video_path(target->keep, (nj_video_format)f);

        if (from && to && access(to, F_OK) != 0)
            (void)!rename(from, to);
        free(from);
        free(to);
    }
}

/* Keeps the picture whose name is taken (--overwrite). */
static nj_status keep_other(nj_runner *r, const nj_slot *slot,
                            const nj_target *target, nj_err *err)
{
    nj_entry entry = nj_runner_entry(r, slot);
    nj_status status = nj_file_keep_as(target->path, target->keep, err);

    if (status != NJ_OK)
        return status;
    keep_videos(target);
    entry.file = nj_path_name(target->keep);
    nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_KEPT,
                                 .image = entry.image,
                                 .number = slot->number,
                                 .path = target->keep,
                                 .how = nj_path_name(target->path)});
    return nj_journal_kept(r->journal, &entry, nj_path_name(target->path), err);
}

static nj_status save(nj_runner *r, nj_slot *slot, const nj_engine_picture *p,
                      nj_err *err)
{
    const nj_image *image = nj_runner_image(r, slot->number);
    nj_target target;
    nj_status status =
        nj_target_find(&r->source, image, p->iteration, &target, err);

    if (status != NJ_OK)
        return status;
    if (target.keep)
        status = keep_other(r, slot, &target, err);
    if (status == NJ_OK && !target.done)
        status = write_picture(r, image, p, target.path, err);
    if (status == NJ_OK)
        status = note_made(r, slot, p, target.path, err);
    if (status == NJ_OK && p->last)
        status = nj_runner_finish_video(r, slot, target.path, err);
    if (status == NJ_OK) {
        r->tally->made += p->last;
        nj_runner_tell(r, (nj_event){.kind = NJ_EVENT_SAVED,
                                     .image = image,
                                     .number = slot->number,
                                     .path = target.path,
                                     .picture = p});
    }
    nj_target_release(&target);
    return status;
}

/* The second request to stop waits while this writes. */
nj_status nj_runner_save(nj_runner *r, nj_slot *slot,
                         const nj_engine_picture *p, nj_err *err)
{
    nj_stop *stop = r->config->stop;
    nj_status status;

    if (stop)
        stop->writing = 1;
    status = save(r, slot, p, err);
    if (stop)
        stop->writing = 0;
    return status;
}

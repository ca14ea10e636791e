/* Videos of pictures under way: the predicted picture of every Kth step.
 *
 * Frames go to an unnamed file in the output folder while the picture is made,
 * so that memory does not grow with them. When the picture is done a thread of
 * low priority makes the video of them, so that the next picture does not
 * wait. A video appears whole or not at all.
 *
 *     nj_videos *v;
 *     nj_videos_new(&encoder, "pictures", 12, &v, &err);
 *     nj_videos_frame(v, number, width, height, rgb, &err);  // as they come
 *     nj_videos_finish(v, number, "pictures/a.png", &err);
 *     while (nj_videos_next(v, &result)) ...               // what is done
 *     nj_videos_wait(v, stop);
 *     nj_videos_free(v);
 */
#ifndef NJ_RUN_VIDEO_H
#define NJ_RUN_VIDEO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/video_encoder.h"
#include "run/stop.h"

typedef struct nj_videos nj_videos;

/* The encoder is borrowed as long as *out lives; `folder` is where frames are
 * kept. */
nj_status nj_videos_new(const nj_video_encoder *encoder, const char *folder,
                        int fps, nj_videos **out, nj_err *err) NJ_MUST_USE;

/* Gives up what is not done, leaving no file behind. NULL is fine. */
void nj_videos_free(nj_videos *v);

/* Appends a frame to picture `number`, which comes back with the result. */
nj_status nj_videos_frame(nj_videos *v, size_t number, int width, int height,
                          const uint8_t *rgb, nj_err *err) NJ_MUST_USE;

/* Picture `number` is done and lies at `picture`: its video is made in the
 * background. Without any frame nothing happens. */
nj_status nj_videos_finish(nj_videos *v, size_t number, const char *picture,
                           nj_err *err) NJ_MUST_USE;

/* Forgets the frames of all pictures that were not finished. */
void nj_videos_drop(nj_videos *v);

/* Whether the picture at that path has a video beside it. */
bool nj_videos_there(const nj_videos *v, const char *picture);

/* A video that was made, or why it was not. */
typedef struct nj_video_result {
    size_t number;
    char *path; /* owned by the receiver */
    nj_status status;
    nj_err why;
} nj_video_result;

/* The next result that was not told yet; false when there is none now. */
bool nj_videos_next(nj_videos *v, nj_video_result *out);

/* Whether some are still to be made. */
bool nj_videos_pending(nj_videos *v);

/* Waits until all are made, or until a stop at once is asked for (stop may be
 * NULL). */
void nj_videos_wait(nj_videos *v, const nj_stop *stop);

#endif

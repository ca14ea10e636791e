/* What can make a video here: the program ffmpeg for MP4 and WebM, libwebp
 * (part of this program) for an animated WebP.
 */
#ifndef NJ_JOB_VIDEO_ENCODER_H
#define NJ_JOB_VIDEO_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

typedef enum nj_video_format {
    NJ_VIDEO_AUTO, /* MP4 where ffmpeg is, else WebP */
    NJ_VIDEO_MP4,
    NJ_VIDEO_WEBM,
    NJ_VIDEO_WEBP
} nj_video_format;

typedef struct nj_video_encoder {
    nj_video_format format; /* never AUTO */
    char *program;          /* path of ffmpeg, owned; NULL for WebP */
} nj_video_encoder;

/* Resolves a wish. ffmpeg is looked for in $PATH and asked for its encoders
 * (libx264, libvpx-vp9). NJ_E_USAGE when nothing here can make that format. */
nj_status nj_video_encoder_find(nj_video_format wanted, nj_video_encoder *out,
                                nj_err *err) NJ_MUST_USE;
void nj_video_encoder_release(nj_video_encoder *e);

/* The video of a picture: its path with the format's ending for ".png". The
 * caller frees it; NULL when memory is short. */
char *nj_video_path(const char *picture, nj_video_format format);

/* Whether a file is the video of a picture of ours, by its name (without a
 * folder): an animated WebP is none of a folder's pictures. */
bool nj_video_is_name(const char *name);

/* How often to take a frame of so many iterations; `wanted` 0: so often that
 * the frames are enough to follow a picture and no more. */
int nj_video_frame_every(int wanted, int iterations);

/* Frames in an open file, RGB one after the other. */
typedef struct nj_video_frames {
    int fd;
    int width;
    int height;
    int fps;
    size_t count;
} nj_video_frames;

/* Starts ffmpeg on the frames, writing to the file `out`, in a process group
 * of its own (a terminal's Ctrl-C is not for it); what it complains about goes
 * to the file `log_fd`. */
nj_status nj_video_spawn(const nj_video_encoder *e, const nj_video_frames *f,
                         const char *out, int log_fd, pid_t *pid,
                         nj_err *err) NJ_MUST_USE;

#endif

/* Upscaling of pictures in files: `x.png` becomes `x_out.png`.
 *
 * The record of the picture is kept and gets a member `upscale` (network and
 * its sum, scale, tiles, device, sum of the source). A file that this source
 * and network already gave is skipped, so the same command again continues;
 * another file of that name is left alone and the new one gets 8 digits into
 * its name. Files appear whole or not at all. Pictures that cannot be used are
 * told and counted, never fatal.
 */
#ifndef NJ_ALBUM_UPSCALE_H
#define NJ_ALBUM_UPSCALE_H

#include <stddef.h>
#include <stdint.h>

#include "album/lens.h"
#include "base/err.h"
#include "base/list.h"
#include "engine/engine.h"
#include "run/run.h"
#include "run/stop.h"

/* Pixels that a result may have. */
#define NJ_UPSCALE_PIXELS_MAX ((size_t)256 << 20)

/* Finds the network of --upscaler, checks its kind without reading a tensor.
 * The caller frees *path. */
nj_status nj_upscale_find(const nj_options *o, const char *program_folder,
                          char **path, nj_err *err) NJ_MUST_USE;

/* The files that a command line means: files as they are, "-" for a list on
 * standard input, folders for the pictures of their picks.txt when they have
 * one and `all` is false, else for their finished pictures; upscaled ones are
 * left out. `picks` (may be NULL) is a list that replaces picks.txt.
 * NJ_E_USAGE: an argument is not there. */
nj_status nj_upscale_gather(const nj_list *arguments, const char *picks,
                            bool all, nj_list *paths, nj_err *err) NJ_MUST_USE;

typedef enum nj_upscale_event {
    NJ_UPSCALE_LOADED,
    NJ_UPSCALE_MADE,
    NJ_UPSCALE_THERE, /* made before */
    NJ_UPSCALE_FAILED /* `why` is set */
} nj_upscale_event;

typedef struct nj_upscale_job {
    const nj_list *paths;
    const char *network; /* weight file */
    const char *folder;  /* for the results; NULL: beside the pictures */
    nj_engine_tiling tiling;
    nj_engine_machine machine;
    nj_lens_opener engine;
    nj_stop *stop; /* or NULL */
    void *user;
    /* `path` is the picture, `made` the result; may be NULL. */
    void (*event)(void *user, nj_upscale_event what, const char *path,
                  const char *made, const nj_err *why);
} nj_upscale_job;

/* NJ_OK when all were tried, even if some failed (see the tally);
 * NJ_E_INTERRUPTED; else what made going on pointless. */
nj_status nj_upscale_files(const nj_upscale_job *job, nj_tally *tally,
                           nj_err *err) NJ_MUST_USE;

#endif

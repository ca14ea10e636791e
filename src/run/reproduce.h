/* Reproduce: a picture made again from its record, and compared with it. */
#ifndef NJ_RUN_REPRODUCE_H
#define NJ_RUN_REPRODUCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/engine.h"
#include "job/options.h"
#include "run/record_read.h"

typedef enum nj_likeness {
    NJ_SAME_FILE,    /* every byte */
    NJ_SAME_PIXELS,  /* the record differs, see `changes`; without
                        any, other bytes of the file do */
    NJ_SAME_AS_MADE, /* the pixels that the record was made for; the file was
                        edited afterwards */
    NJ_DIFFERENT
} nj_likeness;

/* Something that is not as it was when the picture was made. */
typedef struct nj_change {
    char *what; /* "device", "sha256 of unet.safetensors", ... */
    char *then; /* owned, as all texts */
    char *now;
} nj_change;

#define NJ_CHANGES_MAX 32

typedef struct nj_reproduction {
    nj_likeness likeness;
    uint64_t pixels;
    uint64_t differing;     /* pixels; all of them when the sizes differ */
    int max_difference;     /* of a channel, of 255 */
    double mean_difference; /* over all channels */
    nj_change changes[NJ_CHANGES_MAX];
    size_t change_count;
    uint8_t *bytes; /* the new file */
    size_t size;
} nj_reproduction;

typedef struct nj_reproduce_config {
    const nj_options *options; /* of the command line; they win */
    const char *program_folder;
    void *user;
    nj_status (*engine)(void *user, const nj_engine_api **api, nj_err *err);
    bool (*step)(void *user, int iteration, int iterations); /* false: stop */
} nj_reproduce_config;

/* Makes the picture of `record` again, in memory. NJ_E_USAGE when the record
 * or its files do not allow it. Release *out in every case. */
nj_status nj_reproduce(const nj_reproduce_config *config,
                       const nj_record *record, nj_reproduction *out,
                       nj_err *err) NJ_MUST_USE;
void nj_reproduction_release(nj_reproduction *r);

#endif

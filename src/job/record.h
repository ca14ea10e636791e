/* Records: everything that is needed to make a picture again, inside it.
 *
 * The iTXt chunk `nightjar` of a PNG holds a JSON object. Its top level is a
 * job: the complete settings, the prompt and the seed (a string, for JSON
 * numbers cannot hold 64 bits) under the same keys as in job files. Its member
 * `record` says how the picture came about; job readers skip it. Nothing in it
 * depends on the time or on the machine's load, so the same picture has the
 * same bytes. `pixels_sha256` is over the RGB values, 8 bits each, row by row;
 * `from` says of each setting that is no default where it came from. A second
 * chunk `parameters` (tEXt) holds the line that common picture browsers read.
 */
#ifndef NJ_JOB_RECORD_H
#define NJ_JOB_RECORD_H

#include <stdint.h>

#include "base/err.h"
#include "engine/engine.h"
#include "job/plan.h"
#include "job/spec.h"
#include "job/sums.h"

#define NJ_RECORD_KEYWORD    "nightjar"
#define NJ_RECORD_PARAMETERS "parameters"
#define NJ_RECORD_VERSION    1

/* Weight files of a job in the order in which their sums are asked for: the
 * UNet, then each CLIP. */
nj_status nj_record_files(const nj_job *job, nj_list *paths,
                          nj_err *err) NJ_MUST_USE;

/* What the identity and records of one job's pictures are made from. */
typedef struct nj_record_source {
    const nj_job *job;
    nj_sums *sums;
    const nj_engine_facts *facts; /* NULL until the engine is loaded */
    /* How pictures are made when that is not as their group asks (for want of
     * memory); NULL: as it asks. */
    const nj_settings *settings;
} nj_record_source;

/* Hex sha256 over all that decides what the picture is: settings, prompt,
 * seed, weights and their flags; not batch size, device or precision. Waits
 * for the sums. */
nj_status nj_record_identity(const nj_record_source *from,
                             const nj_image *image, char identity[65],
                             nj_err *err) NJ_MUST_USE;

/* The two texts for a picture; the caller frees both. */
nj_status nj_record_make(const nj_record_source *from, const nj_image *image,
                         const nj_engine_picture *picture, char **json,
                         char **parameters, nj_err *err) NJ_MUST_USE;

/* A picture as a PNG file with its record inside; the caller frees *bytes. */
nj_status nj_record_encode(const nj_record_source *from, const nj_image *image,
                           const nj_engine_picture *picture, uint8_t **bytes,
                           size_t *n, nj_err *err) NJ_MUST_USE;

/* Hex sha256 of a picture's pixels: RGB, 8 bits, row by row. */
void nj_record_pixels_sha256(const uint8_t *rgb, int width, int height,
                             char hex[65]);

/* The identity that a PNG's record names; "" when it has no record. NJ_E_IO or
 * NJ_E_FORMAT when the file cannot be read. */
nj_status nj_record_identity_of(const char *path, char identity[65],
                                nj_err *err) NJ_MUST_USE;

#endif

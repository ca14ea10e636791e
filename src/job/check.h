/* Checks of single settings against the network and the file system. Each
 * error names the option as its user wrote it.
 */
#ifndef NJ_JOB_CHECK_H
#define NJ_JOB_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/options.h"
#include "weights/card.h"

/* Fills in what the network decides (size, class) and checks sizes, steps and
 * class; *iterations is the number of network steps. */
nj_status nj_check_settings(nj_options *o, const nj_unet_card *card,
                            int *iterations, nj_err *err) NJ_MUST_USE;

/* Refuses two parts of a job that differ in an option which holds for the
 * whole job. */
nj_status nj_check_whole(const nj_options *a, const nj_options *b,
                         nj_err *err) NJ_MUST_USE;

/* Reads --init-image and fits it to the settings' size; *rgb (owned, width x
 * height x 3) is NULL without one. `sha256` gets the file's sum. */
nj_status nj_check_init_image(const nj_options *o, uint8_t **rgb,
                              char sha256[65], nj_err *err) NJ_MUST_USE;

/* Makes sure that files can be written in a folder, making it when it is not
 * there. On failure, or when `dry`, no folder that it made is left. */
nj_status nj_check_out(const char *folder, bool dry, nj_err *err) NJ_MUST_USE;

#endif

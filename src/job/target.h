/* Targets: which file a picture goes to, and whether it is there already. */
#ifndef NJ_JOB_TARGET_H
#define NJ_JOB_TARGET_H

#include <stdbool.h>

#include "base/err.h"
#include "job/record.h"

typedef struct nj_target {
    char *path; /* owned */
    bool done;  /* the file is this picture */
    char *keep; /* NULL, or the name for the picture that is at `path`; owned */
} nj_target;

/* Marks the prompts whose files would have the same names as those of an
 * earlier prompt or group: their names get a part of the identity in every
 * case, so that who comes first does not matter. Prompts whose pictures are the
 * same too get the same `kin`. */
nj_status nj_job_tag(nj_job *job, nj_err *err) NJ_MUST_USE;

/* The file name of a picture without a folder; identity (8 digits) or NULL.
 * The caller frees *out. */
nj_status nj_target_name(const nj_job *job, const nj_image *image,
                         int iteration, const char *identity, char **out,
                         nj_err *err) NJ_MUST_USE;

/* The file of a picture's iteration in the job's folder. A file of that name
 * that holds another picture is left alone: 8 digits of the picture's identity
 * are then added to the name. NJ_E_IO when that name is taken too. With the
 * option overwrite the other picture gives its name up and is to be kept under
 * one with 8 digits of its own identity, which its own job finds it by. */
nj_status nj_target_find(const nj_record_source *from, const nj_image *image,
                         int iteration, nj_target *out,
                         nj_err *err) NJ_MUST_USE;
void nj_target_release(nj_target *t);

#endif

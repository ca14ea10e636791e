/* Jobs: what the user asked for, resolved and checked as far as it can be
 * without reading weights. A job that was opened fails later only for reasons
 * that nobody could know: tensors that do not fit, memory, a full disk.
 *
 *     nj_request_build(&options, &arguments, &request, &err);
 *     if (nj_job_open(&request, program_folder, &job, &err) != NJ_OK)
 * ... nj_job_release(&job);
 */
#ifndef NJ_JOB_SPEC_H
#define NJ_JOB_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "engine/engine.h"
#include "job/models.h"
#include "job/options.h"
#include "job/request.h"
#include "text/prompt.h"

typedef struct nj_job_prompt {
    char *text;       /* as given */
    int line;         /* of its prompt list, 0: none */
    bool tagged;      /* an earlier prompt's files have the same names */
    uint64_t kin;     /* the same number, not 0: the same pictures and names */
    nj_prompt parsed; /* with the parts of --image-prompt */
} nj_job_prompt;

/* Pictures that share all settings: every prompt with every seed. */
typedef struct nj_group {
    nj_options options; /* complete: card's and own values applied */
    nj_job_prompt *prompts;
    size_t prompt_count;
    nj_seeds seeds;
    bool seed_drawn;   /* no seed was given: the first one is the job's */
    int iterations;    /* network steps of a picture */
    nj_list swept;     /* options that tell its pictures' names apart */
    uint8_t *init_rgb; /* width x height x 3 or NULL */
    char init_sha256[65];
} nj_group;

/* Whether its pictures are compared with their start picture (the init loss).
 */
bool nj_group_compares(const nj_group *g);

typedef struct nj_job {
    nj_model_files files;
    nj_device_kind device;
    int device_index;
    nj_group *groups;
    size_t group_count;
    bool seed_drawn;     /* a group has no seeds of its own */
    uint64_t drawn_seed; /* the first one of all such groups */
    int shard;           /* 1..shards */
    int shards;
    const char *out;        /* folder, of the first group's options */
    nj_video_encoder video; /* counts when the options ask for videos */
} nj_job;

/* Resolves and checks a request (borrowed): the folder for the pictures too,
 * but nothing new is left on the disk. Release *job in every case. */
nj_status nj_job_open(const nj_request *request, const char *program_folder,
                      nj_job *job, nj_err *err) NJ_MUST_USE;
void nj_job_release(nj_job *job);

/* Gives the groups that have no seeds of their own another first seed than the
 * one that was drawn. A plan of the job is to be made anew. */
nj_status nj_job_use_seed(nj_job *job, uint64_t seed, nj_err *err) NJ_MUST_USE;

#define NJ_JOB_PICTURES_MAX 1000000

/* Pictures of the job, and seeds of the group that has the most. NJ_E_USAGE
 * when there are more than NJ_JOB_PICTURES_MAX pictures. */
nj_status nj_job_count(const nj_job *job, uint64_t *pictures, uint64_t *rounds,
                       nj_err *err) NJ_MUST_USE;

/* What the engine is to load, borrowed from the job. */
void nj_job_engine_config(const nj_job *job, nj_engine_config *out);

#endif

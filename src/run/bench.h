/* Bench: how fast a network runs here. Runs some steps of one batch, times
 * them, and says where the time goes.
 *
 *     nj_bench_setup setup;
 *     status = nj_bench_prepare(options, program_folder, &setup, &err);
 *     if (status == NJ_OK)
 *         status = nj_bench_run(&setup, api, &result, &err);
 *     nj_bench_release(&setup);
 */
#ifndef NJ_RUN_BENCH_H
#define NJ_RUN_BENCH_H

#include "engine/engine.h"
#include "job/footprint.h"
#include "job/request.h"
#include "job/spec.h"

/* What is timed. */
typedef struct nj_bench_setup {
    nj_engine_config config;
    nj_settings settings;
    int steps;      /* to be timed, after one that warms up */
    int iterations; /* steps of a picture */
    nj_networks networks;
    nj_memory memory;
    nj_thrift how; /* known once it runs */
    double work;   /* FLOP of a step of the whole batch; 0: not known */
    /* What the pointers above point to. */
    nj_request request;
    nj_job job;
    nj_clip_card clip;
    char *vocabulary;
} nj_bench_setup;

typedef struct nj_bench_result {
    nj_engine_facts facts;
    double load_seconds;    /* networks in memory */
    double first_step;      /* seconds, the targets of the prompt included */
    double step;            /* seconds, mean of the timed ones */
    double parts[NJ_PARTS]; /* seconds of a step */
    double host;            /* seconds of a step that no part counts */
    double matmul;          /* FLOP/s of the quickest product of matrices */
    uint64_t host_bytes;    /* at most */
    uint64_t tensor_bytes;  /* of them in tensors; 0: not counted */
    uint64_t device_bytes;
    uint64_t predicted_bytes; /* of the host or the GPU; 0: not known */
    int64_t graphs;           /* that the networks were played back as */
    double faults;            /* pages that a step asked for, after the third */
} nj_bench_result;

/* The job that the options describe, or the networks that --random-weights
 * names. Release *out in every case. */
nj_status nj_bench_prepare(const nj_options *o, const char *program_folder,
                           nj_bench_setup *out, nj_err *err) NJ_MUST_USE;
void nj_bench_release(nj_bench_setup *s);

nj_status nj_bench_run(nj_bench_setup *s, const nj_engine_api *api,
                       nj_bench_result *out, nj_err *err) NJ_MUST_USE;

/* "unet_forward", ...; static storage. */
const char *nj_bench_part_name(nj_part part);

#endif

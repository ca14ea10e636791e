/* Overview: how the runs in a folder stand, from its manifests alone, so that
 * it can be asked for at any time and from anywhere the folder can be read.
 *
 * All manifests of the folder count, those of shards too. Which processes are
 * still there can only be known on their own machine.
 */
#ifndef NJ_RUN_OVERVIEW_H
#define NJ_RUN_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef enum nj_worker_state {
    NJ_WORKER_RUNS,
    NJ_WORKER_STOPPED,     /* by SIGSTOP or Ctrl-Z: it keeps its pictures */
    NJ_WORKER_ELSEWHERE,   /* on another machine: not known */
    NJ_WORKER_DONE,        /* everything of its plan was settled */
    NJ_WORKER_INTERRUPTED, /* by a signal or a deadline */
    NJ_WORKER_GAVE_UP,     /* disk full, no engine, ... : see `why` */
    NJ_WORKER_DIED         /* gone without a last line */
} nj_worker_state;

/* One process's run. Texts are owned. */
typedef struct nj_worker {
    long pid;
    char *host;
    char *device;
    char *file; /* the picture that it took last and that is open; or NULL */
    char *why;  /* what ended it; or NULL */
    int shard;  /* of `shards`; 1 of 1: the whole */
    int shards;
    size_t planned;
    size_t made;
    int64_t began; /* seconds since 1970, as all times here */
    int64_t ended; /* of its last line */
    double born;   /* see process.h; 0: not known */
    size_t manifest;
    size_t first_line; /* of its manifest, that it wrote */
    size_t last_line;
    nj_worker_state state;
} nj_worker;

typedef struct nj_failure {
    char *file;
    char *why;
} nj_failure;

typedef struct nj_overview {
    nj_worker *workers; /* in the order in which they began; owned */
    size_t worker_count;
    nj_failure *failures; /* pictures that are failed now; owned */
    size_t failed;
    size_t planned; /* pictures of all jobs begun here, each once */
    size_t done;    /* made, or found made */
    size_t held;    /* taken by a process that is still there */
    size_t torn;    /* broken lines of manifests */
    size_t manifests;
    int shards; /* the most that a job has */
    int shards_begun;
    bool running;        /* some process is there */
    bool stopped;        /* and each of those by SIGSTOP or Ctrl-Z */
    double per_hour;     /* pictures of late; 0: not known */
    double seconds_left; /* negative: not known, or nothing goes on */
    bool free_known;
    uint64_t free_bytes; /* where the folder is */
} nj_overview;

/* Whether another process of the same share began when this one had ended: its
 * state then says nothing about the share any more. */
bool nj_worker_replaced(const nj_overview *o, size_t worker);

/* Reads a folder as of `now`. NJ_E_USAGE when it holds no manifest. Release
 * *out in every case. */
nj_status nj_overview_read(const char *folder, int64_t now, nj_overview *out,
                           nj_err *err) NJ_MUST_USE;
void nj_overview_release(nj_overview *o);

/* "running", "stopped", ... for programs; static storage. */
const char *nj_worker_state_word(nj_worker_state state);

#endif

/* Stopping: requests that a signal handler may make and the run loop obeys.
 *
 * The first request lets the pictures in flight finish. The second stops at
 * once; while a file is being written it waits for that, so nothing half
 * written stays behind.
 */
#ifndef NJ_RUN_STOP_H
#define NJ_RUN_STOP_H

#include <signal.h>
#include <stdbool.h>

typedef struct nj_stop {
    volatile sig_atomic_t requests;
    volatile sig_atomic_t writing; /* set by the run loop around writes */
} nj_stop;

static inline bool nj_stop_soon(const nj_stop *s)
{
    return s && s->requests > 0;
}

static inline bool nj_stop_now(const nj_stop *s)
{
    return s && s->requests > 1;
}

#endif

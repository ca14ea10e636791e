/* Processes of this machine, as /proc shows them. */
#ifndef NJ_RUN_PROCESS_H
#define NJ_RUN_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NJ_PID_MAX 4194304 /* the most that Linux gives */

typedef struct nj_process {
    bool there;
    bool stopped;    /* by a signal (SIGSTOP, Ctrl-Z) */
    int64_t started; /* seconds since 1970; 0: not known */
    uint64_t born;   /* the same in clock ticks since the machine was started,
                        which do not change when its clock is set */
} nj_process;

nj_process nj_process_look(long pid);

/* Until a child of ours has ended. It is not taken away: its number is not
 * another process's before the caller's waitpid. */
void nj_process_await(pid_t pid);

#endif

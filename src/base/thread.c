/* Threads: see thread.h. */
#include "base/thread.h"

#include <signal.h>

bool nj_thread_start(pthread_t *thread, void *(*work)(void *user), void *user)
{
    sigset_t all;
    sigset_t before;
    bool started;

    /* A thread begins with the mask of the one that starts it. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    started = pthread_create(thread, NULL, work, user) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

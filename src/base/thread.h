/* Threads beside the main one. */
#ifndef NJ_BASE_THREAD_H
#define NJ_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts work(user) in a thread that takes no signals: they are left to the
 * thread that started it, so that a handler never runs beside what it looks
 * at. False when there is no room for a thread. */
bool nj_thread_start(pthread_t *thread, void *(*work)(void *user), void *user);

#endif

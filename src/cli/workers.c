/* Workers: see workers.h. */
#include "cli/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/signals.h"
#include "run/process.h"

#define WORKERS_MAX 256

static volatile pid_t workers[WORKERS_MAX]; /* 0: over; for the handler */
static volatile sig_atomic_t worker_count;
static volatile sig_atomic_t requests;

static void hand_on(int number)
{
    nj_signals_tell(++requests);
    for (int i = 0; i < worker_count; i++) {
        if (workers[i] > 0)
            kill(workers[i], number);
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = hand_on};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

/* In a group of its own, so that Ctrl-C comes once: from the parent. It ends
 * with the parent, also with one that was gone before it asked for that. */
static void begin_worker(const sigset_t *before, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(NJ_EXIT_INTERRUPTED);
    worker_count = 0;
    nj_signals_silence(); /* the parent tells */
    (void)nj_signals_catch();
    sigprocmask(SIG_SETMASK, before, NULL);
}

static void start(int i, int (*work)(void *user, int i), void *user)
{
    sigset_t stops;
    sigset_t before;
    const pid_t parent = getpid();
    pid_t pid;

    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &before);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int exit;

        begin_worker(&before, parent);
        exit = work(user, i);
        fflush(NULL);
        _exit(exit);
    }
    if (pid < 0)
        fprintf(stderr, "nightjar: cannot start a worker: %s\n",
                strerror(errno));
    workers[i] = pid;
    worker_count = i + 1;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* The exit status of one worker; -1 when it did not come to an end. */
static int wait_for(int i)
{
    pid_t pid = workers[i];
    int status = 0;

    if (pid > 0)
        nj_process_await(pid);
    /* Its number may be another process's as soon as it was taken away. */
    workers[i] = 0;
    if (pid <= 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr,
            "nightjar: worker %d was ended by signal %d; what it had begun is "
            "left to the others\n",
            i, WTERMSIG(status));
    return -1;
}

int nj_workers_run(int count, int (*work)(void *user, int i), void *user)
{
    static const int best_first[] = {NJ_EXIT_DONE, NJ_EXIT_SOME,
                                     NJ_EXIT_INTERRUPTED};
    bool seen[256] = {false};

    count = count < WORKERS_MAX ? count : WORKERS_MAX;
    catch_signals();
    for (int i = 0; i < count; i++)
        start(i, work, user);
    for (int i = 0; i < count; i++) {
        int exit = wait_for(i);

        if (exit >= 0)
            seen[exit] = true;
    }
    for (size_t i = 0; i < sizeof(best_first) / sizeof(best_first[0]); i++) {
        if (seen[best_first[i]])
            return best_first[i];
    }
    return NJ_EXIT_NOTHING;
}

/* Signals: see signals.h. */
#include "cli/signals.h"

#include <stddef.h>
#include <unistd.h>

#include "cli/cli.h"

static nj_stop stop;

/* A network step can take a minute, so the second request ends the program
 * here, unless a file is being written: then the run loop does it. */
static void on_signal(int number)
{
    (void)number;
    stop.requests++;
    if (stop.requests > 1 && !stop.writing)
        _exit(NJ_EXIT_INTERRUPTED);
}

nj_stop *nj_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    return &stop;
}

/* Signals: see signals.h. */
#include "cli/signals.h"

#include <stddef.h>
#include <unistd.h>

#include "cli/cli.h"

static nj_stop stop;
static volatile sig_atomic_t silent;

void nj_signals_silence(void)
{
    silent = 1;
}

/* The progress line may be unfinished: a line of its own. */
void nj_signals_tell(int request)
{
    static const char first[] =
        "\nnightjar: what is begun is finished first, a second request ends it "
        "at once\n";
    static const char second[] = "\nnightjar: ended at once\n";

    if (silent)
        return;
    if (request == 1)
        (void)!write(STDERR_FILENO, first, sizeof(first) - 1);
    else if (request == 2)
        (void)!write(STDERR_FILENO, second, sizeof(second) - 1);
}

/* A network step can take a minute, so the second request ends the program
 * here, unless a file is being written: then the run loop does it. */
static void on_signal(int number)
{
    (void)number;
    stop.requests++;
    nj_signals_tell(stop.requests);
    if (stop.requests > 1 && !stop.writing)
        _exit(NJ_EXIT_INTERRUPTED);
}

static void on_fault(int number)
{
    static const char text[] =
        "nightjar: a library ended the program, for want of memory or by a "
        "fault of its own; the same command goes on\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

/* C++ libraries abort when memory runs out where they cannot say so, while they
 * are being loaded for one, and some read what they could not open. The signal
 * itself follows. A sanitizer that has more to say is let. */
static void explain_faults(void)
{
    static const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = on_fault};
    struct sigaction before;

    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (sigaction(faults[i], NULL, &before) == 0 &&
            before.sa_handler == SIG_DFL)
            sigaction(faults[i], &action, NULL);
    }
}

nj_stop *nj_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    explain_faults();
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
    return &stop;
}

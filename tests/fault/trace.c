/* A library to be preloaded that says where a program was when it died, where
 * no debugger can: addresses in files, for addr2line. */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { FRAMES = 64 };

static void tell(int number)
{
    static const char before[] = "it died here:\n";
    void *at[FRAMES];

    if (write(STDERR_FILENO, before, sizeof(before) - 1) < 0)
        return;
    backtrace_symbols_fd(at, backtrace(at, FRAMES), STDERR_FILENO);
    raise(number); /* the handler is gone by now */
}

__attribute__((constructor)) static void listen_to_signals(void)
{
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    const struct sigaction action = {.sa_handler = tell,
                                     .sa_flags = SA_RESETHAND};
    void *at[1];

    (void)backtrace(at, 1); /* loads what it needs while that can be done */
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

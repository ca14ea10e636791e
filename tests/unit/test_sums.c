/* Sums that are computed beside the run. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "job/sums.h"

/* Takes the thread longer than it takes to send a signal. */
#define BYTES ((off_t)256 << 20)

static char file[] = "/tmp/nightjar-sums-XXXXXX";
static volatile sig_atomic_t handled;

static int make_file(void **state)
{
    int fd = mkstemp(file);
    int failed = fd < 0 || ftruncate(fd, BYTES) != 0;

    (void)state;
    close(fd);
    return failed;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* A signal that this thread is not ready for waits, though another thread is
 * there. */
static void signals_are_for_the_thread_that_asks(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};
    nj_list paths = {0};
    nj_sums *sums;
    sigset_t interrupt;

    (void)state;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    assert_int_equal(sigaction(SIGINT, &action, NULL), 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL), 0);
    assert_true(nj_list_add(&paths, file));
    assert_int_equal(nj_sums_start(&paths, &sums, NULL), NJ_OK);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &interrupt, NULL), 0);
    assert_int_equal(kill(getpid(), SIGINT), 0);
    nj_sums_free(sums); /* waits for the thread */
    assert_int_equal(handled, 0);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL), 0);
    assert_int_equal(handled, 1);
    nj_list_release(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_for_the_thread_that_asks),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}

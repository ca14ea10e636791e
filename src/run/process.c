/* Processes: see process.h and proc(5). */
#include "run/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* When the machine was started. */
static int64_t boot_time(void)
{
    FILE *f = fopen("/proc/stat", "r");
    char line[256];
    long long seconds = 0;

    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f) &&
           sscanf(line, "btime %lld", &seconds) != 1)
        continue;
    fclose(f);
    return seconds;
}

nj_process nj_process_look(long pid)
{
    nj_process p = {0};
    char path[64];
    char text[1024];
    const char *rest;
    char state;
    unsigned long long ticks;
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return p;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    /* The name in parentheses may hold anything: the rest is after the last. */
    rest = strrchr(text, ')');
    if (!rest ||
        sscanf(rest + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
               "%*d %*d %*d %*d %llu",
               &state, &ticks) != 2)
        return p;
    p.there = state != 'Z' && state != 'X';
    p.stopped = state == 'T' || state == 't';
    p.born = ticks;
    p.started = boot_time() +
                (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
    return p;
}

void nj_process_await(pid_t pid)
{
    siginfo_t ended;

    while (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR)
        continue;
}

/* A library to be preloaded that lets one call of the program fail.
 *
 *   INJECT=KIND:N:ERRNO   the Nth call of that kind fails; KIND is write, sync,
 *                         rename, open, mkdir or malloc, ERRNO a number (not
 *                         used by malloc)
 *   INJECT_COUNT=FILE     the number of calls of each kind is written there at
 *                         the end, one "KIND N" a line
 *
 * Calls are counted over all threads from the moment the library is loaded. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE, SYNC, RENAME, OPEN, MKDIR, MALLOC, KINDS };

static const char *const names[KINDS] = {"write", "sync",  "rename",
                                         "open",  "mkdir", "malloc"};
static atomic_long calls[KINDS];
static int chosen = -1;
static long chosen_call;
static int chosen_errno;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("INJECT");
    char kind[16] = "";

    if (!text ||
        sscanf(text, "%15[a-z]:%ld:%d", kind, &chosen_call, &chosen_errno) < 2)
        return;
    for (int i = 0; i < KINDS; i++) {
        atomic_store(&calls[i], 0);
        if (strcmp(kind, names[i]) == 0)
            chosen = i;
    }
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("INJECT_COUNT");
    long counted[KINDS];
    FILE *f;

    for (int i = 0; i < KINDS; i++)
        counted[i] = atomic_load(&calls[i]);
    f = path ? fopen(path, "w") : NULL;
    for (int i = 0; f && i < KINDS; i++)
        fprintf(f, "%s %ld\n", names[i], counted[i]);
    if (f)
        fclose(f);
}

static int fails(int kind)
{
    long n = atomic_fetch_add(&calls[kind], 1) + 1;

    if (kind != chosen || n != chosen_call)
        return 0;
    errno = kind == MALLOC ? ENOMEM : chosen_errno;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);

    if (!real)
        next("write", &real);
    return fails(WRITE) ? -1 : real(fd, bytes, n);
}

int fsync(int fd)
{
    static int (*real)(int);

    if (!real)
        next("fsync", &real);
    return fails(SYNC) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    static int (*real)(int);

    if (!real)
        next("fdatasync", &real);
    return fails(SYNC) ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);

    if (!real)
        next("rename", &real);
    return fails(RENAME) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    static int (*real)(const char *, mode_t);

    if (!real)
        next("mkdir", &real);
    return fails(MKDIR) ? -1 : real(path, mode);
}

int open64(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (!real)
        next("open64", &real);
    return fails(OPEN) ? -1 : real(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return open64(path, flags, mode);
}

void *malloc(size_t n)
{
    return fails(MALLOC) ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    return fails(MALLOC) ? NULL : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    return fails(MALLOC) ? NULL : __libc_realloc(p, n);
}

/* What tensors get their memory from. */
int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *p = fails(MALLOC) ? NULL : __libc_memalign(alignment, n);

    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return fails(MALLOC) ? NULL : __libc_memalign(alignment, n);
}

/* Engine loading: see engine_load.h. */
#include "job/engine_load.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"

typedef const nj_engine_api *(*api_getter)(void);

char *nj_program_folder(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

    while (n > 0 && n < (ssize_t)sizeof(path) && path[n - 1] != '/')
        n--;
    if (n <= 0 || n >= (ssize_t)sizeof(path))
        return NULL;
    return nj_strndup(path, n > 1 ? (size_t)n - 1 : 1);
}

static void *open_library(nj_err *err)
{
    static const char *const names[] = {
        "libnightjar_engine.so", "../lib/nightjar/libnightjar_engine.so"};
    char *folder = nj_program_folder();
    void *library = NULL;

    for (size_t i = 0; folder && i < 2 && !library; i++) {
        char *path = nj_path_join(folder, names[i]);

        library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        /* A library that is there but cannot be loaded is what matters. */
        if (!library && path && access(path, F_OK) == 0) {
            nj_fail(err, NJ_E_IO, "cannot load the engine: %s", dlerror());
            free(path);
            free(folder);
            return NULL;
        }
        free(path);
    }
    if (!library)
        nj_fail(err, NJ_E_IO,
                "cannot find the engine, '%s', beside the "
                "program or in ../lib/nightjar",
                names[0]);
    free(folder);
    return library;
}

/* Threads that wait for work look for it for some 30 microseconds and then
 * sleep, unless the user says otherwise. A step of a small network has hundreds
 * of loops that follow each other closely: asleep at once, the threads would be
 * woken for each. Spinning for long, which is what OpenMP does by itself, takes
 * the processor from whoever else computes on the machine, the thread that is
 * waited for included. The library reads this once, when it is loaded. */
static void wait_briefly(void)
{
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", "1000", 0);
}

/* On a GPU memory is taken in pieces that can grow: fixed ones leave gaps that
 * no other tensor fits into, a tenth of all for 512 x 512. Unless the user says
 * otherwise; read once, too. */
static void take_growing_memory(void)
{
    if (!getenv("PYTORCH_CUDA_ALLOC_CONF"))
        setenv("PYTORCH_ALLOC_CONF", "expandable_segments:True", 0);
}

nj_status nj_engine_load(const nj_engine_api **api, nj_err *err)
{
    void *library;
    void *symbol;
    api_getter get;

    wait_briefly();
    take_growing_memory();
    library = open_library(err);
    if (!library)
        return NJ_E_IO;
    symbol = dlsym(library, "nj_engine_api_get");
    memcpy(&get, &symbol, sizeof(get));
    *api = get ? get() : NULL;
    if (!*api || (*api)->version != NJ_ENGINE_API_VERSION)
        return nj_fail(err, NJ_E_IO,
                       "the engine beside the program has version %u, %u "
                       "expected: build both together",
                       *api ? (*api)->version : 0, NJ_ENGINE_API_VERSION);
    return NJ_OK;
}

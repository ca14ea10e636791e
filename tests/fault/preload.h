/* What libraries that stand in front of the system's functions share. */
#ifndef NJ_TESTS_PRELOAD_H
#define NJ_TESTS_PRELOAD_H

#include <dlfcn.h>
#include <string.h>

/* Writes the address of the function `name` behind this library to *out, a
 * pointer to a function. */
static inline void next(const char *name, void *out)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(out, &found, sizeof(found));
}

#endif

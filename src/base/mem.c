/* Memory: see mem.h. The only place where sizes are multiplied. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool nj_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool nj_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

void *nj_calloc(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *nj_realloc(void *p, size_t count, size_t size)
{
    size_t bytes;

    if (!nj_mul_size(count, size, &bytes))
        return NULL;
    return realloc(p, bytes ? bytes : 1);
}

bool nj_grow(void *items, size_t *capacity, size_t need, size_t size)
{
    size_t room = *capacity;
    void *old;
    void *bigger;

    if (need <= room)
        return true;
    if (room < 8)
        room = 8;
    while (room < need) {
        if (room > (size_t)-1 / 2)
            return false;
        room *= 2;
    }
    memcpy(&old, items, sizeof(old));
    bigger = nj_realloc(old, room, size);
    if (!bigger)
        return false;
    memcpy(items, &bigger, sizeof(bigger));
    *capacity = room;
    return true;
}

char *nj_strndup(const char *s, size_t n)
{
    size_t bytes;
    char *copy;

    if (!nj_add_size(n, 1, &bytes))
        return NULL;
    copy = malloc(bytes);
    if (!copy)
        return NULL;
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *nj_strdup(const char *s)
{
    return nj_strndup(s, strlen(s));
}

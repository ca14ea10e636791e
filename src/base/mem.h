/* Memory: allocation whose size cannot overflow.
 *
 * Every function returns NULL on failure and never exits. What it returns is
 * freed with free(). A count or size of 0 gives a valid pointer.
 */
#ifndef NJ_BASE_MEM_H
#define NJ_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* count * size zeroed bytes, NULL when the product overflows. */
void *nj_calloc(size_t count, size_t size);

/* Resizes p (NULL is fine) to count * size bytes; on failure p stays valid. */
void *nj_realloc(void *p, size_t count, size_t size);

/* Makes room for at least `need` elements in the array *items of *capacity
 * elements of `size` bytes, doubling; false when memory is short (then
 * *items is unchanged). */
bool nj_grow(void *items, size_t *capacity, size_t need, size_t size);

/* A copy of n bytes of s with a final NUL. */
char *nj_strndup(const char *s, size_t n);
char *nj_strdup(const char *s);

/* True and *out = a * b (a + b), or false when it would overflow. */
bool nj_mul_size(size_t a, size_t b, size_t *out);
bool nj_add_size(size_t a, size_t b, size_t *out);

#endif

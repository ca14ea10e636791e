/* A growing list of strings that owns its entries. */
#ifndef NJ_BASE_LIST_H
#define NJ_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct nj_list {
    char **items;
    size_t count;
    size_t capacity;
} nj_list;

/* Appends a copy; false when memory is short (the list is unchanged). */
bool nj_list_add(nj_list *list, const char *text);
bool nj_list_addn(nj_list *list, const char *bytes, size_t n);

/* Appends copies of all entries of `from`. */
bool nj_list_add_all(nj_list *list, const nj_list *from);

void nj_list_release(nj_list *list);

#endif

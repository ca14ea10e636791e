/* String lists: see list.h. */
#include "base/list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool nj_list_addn(nj_list *list, const char *bytes, size_t n)
{
    char *copy = nj_strndup(bytes, n);

    if (!copy || !nj_grow(&list->items, &list->capacity, list->count + 1,
                          sizeof(*list->items))) {
        free(copy);
        return false;
    }
    list->items[list->count++] = copy;
    return true;
}

bool nj_list_add(nj_list *list, const char *text)
{
    return nj_list_addn(list, text, strlen(text));
}

bool nj_list_add_all(nj_list *list, const nj_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        if (!nj_list_add(list, from->items[i]))
            return false;
    }
    return true;
}

void nj_list_release(nj_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (nj_list){0};
}

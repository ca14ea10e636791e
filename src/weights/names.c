/* Paths of keys as JSON: see names.h. */
#include "weights/names.h"

#include <inttypes.h>

void nj_path_add_key(nj_str *path, const char *key, size_t n)
{
    nj_str_add(path, path->length ? ",\"" : "[\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)key[i];

        if (c == '"' || c == '\\')
            nj_str_addc(path, '\\');
        if (c < ' ')
            nj_str_addf(path, "\\u%04x", c);
        else
            nj_str_addc(path, (char)c);
    }
    nj_str_addc(path, '"');
}

void nj_path_add_integer(nj_str *path, int64_t key)
{
    nj_str_addf(path, "%c%" PRId64, path->length ? ',' : '[', key);
}

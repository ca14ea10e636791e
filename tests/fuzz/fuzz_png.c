/* Any bytes as a picture and as a PNG with text chunks: refused or read, never
 * a crash, a leak or more memory than allowed. */
#include <stdint.h>
#include <stdlib.h>

#include "image/png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const nj_png_text note = {"nightjar", "x", 1};
    nj_picture p;
    char *text = NULL;
    uint8_t *out;
    size_t out_n;

    if (nj_picture_decode(data, n, 1 << 16, &p, NULL) == NJ_OK)
        nj_picture_release(&p);
    if (nj_png_find_text(data, n, "nightjar", &text, NULL) == NJ_OK)
        free(text);
    if (nj_png_replace_texts(data, n, &note, 1, &out, &out_n, NULL) == NJ_OK)
        free(out);
    return 0;
}

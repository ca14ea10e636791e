/* Any text as a prompt and as the values of swept settings, parted by NUL: the
 * name is safe, short enough, and read again; and any text as a file name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "job/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { EXTRAS = 4 };

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_name(const nj_name *name, const char *file)
{
    nj_name_parts parts;
    size_t n = strlen(file);

    require(n <= NJ_NAME_MAX && nj_utf8_valid(file, n));
    require(strpbrk(file, "/\\<>:\"|?*\n\r\t\x1b\x7f") == NULL);
    require(nj_name_parse(file, &parts));
    require(parts.iteration == name->iteration && parts.seed == name->seed &&
            parts.upscaled == name->upscaled);
}

/* Cuts text at NULs into the prompt and the extras' values. */
static void fill(nj_name *name, nj_name_extra *extras, const char *text,
                 size_t n)
{
    static const char *const names[EXTRAS] = {"x", "tv-scale", "y_z", "seed"};
    const char *end = text + n;

    name->prompt = text;
    for (text += strlen(text); text < end && name->extra_count < EXTRAS;
         text += strlen(text)) {
        extras[name->extra_count] =
            (nj_name_extra){names[name->extra_count], ++text};
        name->extra_count++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = nj_strndup((const char *)data, n);
    nj_name_extra extras[EXTRAS];
    nj_name name = {.extras = extras,
                    .iteration = (int)(n * 7919),
                    .seed = n * UINT64_C(0x9e3779b97f4a7c15),
                    .upscaled = n & 1};
    nj_name_parts parts;
    char *file = NULL;

    fill(&name, extras, text, n);
    if (nj_name_make(&name, &file, NULL) == NJ_OK)
        check_name(&name, file);
    else
        require(!nj_utf8_valid(text, n));
    free(file);
    if (nj_name_parse(text, &parts))
        require(parts.text_length < n && parts.iteration >= 0);
    free(text);
    return 0;
}

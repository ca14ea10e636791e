/* Any bytes as a text and as a vocabulary. A text is cleaned to valid UTF-8
 * without NUL, and encoded to ids of the vocabulary; a row holds them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MERGES = 8, SIZE = 514 + MERGES, CONTEXT = 16 };

static const char vocabulary[] =
    "heading\nt h\nth e</w>\na n\nan d</w>\ni n\nin g</w>\n\xc3\x83 "
    "\xc2\xa9</w>\no o\n";

static void require(int holds)
{
    if (!holds)
        abort();
}

/* The vocabulary from a file, as the program reads it. */
static nj_tokenizer *open_tokenizer(void)
{
    char path[] = "/tmp/fuzz_tokenizer.XXXXXX";
    int file = mkstemp(path);
    nj_tokenizer *t = NULL;

    require(file >= 0);
    require(write(file, vocabulary, strlen(vocabulary)) ==
            (ssize_t)strlen(vocabulary));
    close(file);
    require(nj_tokenizer_open(path, SIZE, &t, NULL) == NJ_OK);
    unlink(path);
    return t;
}

static void check_clean(const char *text, size_t n)
{
    char *clean = nj_clean_text(text, n);

    require(clean && nj_utf8_valid(clean, strlen(clean)));
    free(clean);
}

static void check_ids(const nj_tokenizer *t, const char *text, size_t n)
{
    int32_t *ids = NULL;
    size_t count = 0;

    require(nj_tokenizer_encode(t, text, n, &ids, &count, NULL) == NJ_OK);
    for (size_t i = 0; i < count; i++)
        require(ids[i] >= 0 && ids[i] < SIZE);
    free(ids);
}

static void check_row(const nj_tokenizer *t, const char *text, size_t n)
{
    int64_t row[CONTEXT];

    require(nj_tokenizer_row(t, text, n, true, CONTEXT, row, NULL) == NJ_OK);
    require(row[0] == SIZE - 2);
    for (size_t i = 0; i < CONTEXT; i++)
        require(row[i] >= 0 && row[i] < SIZE);
}

static void check_vocabulary(const char *bytes, size_t n)
{
    nj_vocabulary v;

    if (nj_vocabulary_parse(bytes, n, SIZE, &v, NULL) == NJ_OK) {
        require(v.end_id == SIZE - 1 && v.symbols >= 512);
        nj_vocabulary_release(&v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static nj_tokenizer *t;

    if (!t)
        t = open_tokenizer();
    if (n > 0 && (data[0] == 'h' || data[0] == 0x1f))
        check_vocabulary((const char *)data, n);
    /* Cleaning takes nearly all the time: once for each text. */
    if (!nj_utf8_valid((const char *)data, n) || n % 4 == 0)
        check_clean((const char *)data, n);
    else if (n % 4 == 1)
        check_row(t, (const char *)data, n);
    else
        check_ids(t, (const char *)data, n);
    return 0;
}

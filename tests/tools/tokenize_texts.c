/* Cleans and encodes texts for scripts/compare_tokenizer.py, which holds them
 * against the public Python packages.
 *
 *     tokenize_texts VOCABULARY VOCAB_SIZE < texts > results
 *
 * A text is its number of bytes (32 bits, the machine's byte order) and the
 * bytes. A result is the cleaned text in the same form, the number of ids (or
 * 2^32 - 1 when the text was refused) and the ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

static void put(const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, stdout) != n)
        exit(1);
}

static void put_count(size_t n)
{
    uint32_t count = (uint32_t)n;

    put(&count, sizeof(count));
}

static void answer(const nj_tokenizer *t, const char *text, size_t n)
{
    char *clean = nj_clean_text(text, n);
    int32_t *ids = NULL;
    size_t count = 0;

    if (!clean)
        exit(1);
    put_count(strlen(clean));
    put(clean, strlen(clean));
    free(clean);
    if (nj_tokenizer_encode(t, text, n, &ids, &count, NULL) != NJ_OK) {
        put_count(UINT32_MAX);
        return;
    }
    put_count(count);
    put(ids, count * sizeof(*ids));
    free(ids);
}

int main(int argc, char **argv)
{
    nj_tokenizer *t;
    nj_err err = {0};
    uint32_t n;

    if (argc != 3) {
        fprintf(stderr, "usage: tokenize_texts VOCABULARY VOCAB_SIZE\n");
        return 2;
    }
    if (nj_tokenizer_open(argv[1], strtoul(argv[2], NULL, 10), &t, &err) !=
        NJ_OK) {
        fprintf(stderr, "tokenize_texts: %s\n", err.text);
        return 1;
    }
    while (fread(&n, sizeof(n), 1, stdin) == 1) {
        char *text = malloc((size_t)n + 1);

        if (!text || fread(text, 1, n, stdin) != n)
            return 1;
        answer(t, text, n);
        free(text);
    }
    nj_tokenizer_free(t);
    return 0;
}

/* A byte-pair vocabulary: which two symbols merge, in what order, and which id
 * a symbol has. A module of its own because it is the part that reads a file;
 * the tokenizer only asks it. Form and numbering are those of OpenAI's
 * simple_tokenizer.py (openai/CLIP, MIT).
 *
 * A symbol is a text, as in Python's dictionaries: two merges that make the
 * same text make the same symbol, and the later one gives it its id.
 */
#ifndef NJ_TEXT_VOCABULARY_H
#define NJ_TEXT_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* 256 bytes, 256 bytes that end a word, start and end. */
#define NJ_VOCABULARY_FIXED 514
#define NJ_VOCABULARY_MAX   (1 << 20)

/* Added to the symbol of a byte gives the symbol of that byte at the end of a
 * word. */
#define NJ_WORD_END 1

typedef struct nj_merge {
    uint64_t pair;   /* left symbol << 32 | right symbol, plus 1; 0: empty */
    uint32_t rank;   /* low ranks merge first */
    uint32_t merged; /* the symbol made */
} nj_merge;

typedef struct nj_vocabulary {
    nj_merge *merges; /* hash table with open addressing */
    size_t merge_slots;
    int32_t *ids; /* of each symbol; -1 for one that no merge makes */
    size_t symbols;
    uint32_t byte_symbols[256]; /* + NJ_WORD_END: the byte ends a word */
    int32_t start_id;
    int32_t end_id;
} nj_vocabulary;

/* Reads the bytes of a vocabulary file, plain or gzip: a heading line, then
 * vocab_size - NJ_VOCABULARY_FIXED lines of two symbols; what follows is not
 * looked at. NJ_E_FORMAT names the line; NJ_E_USAGE is a size out of range. */
nj_status nj_vocabulary_parse(const char *bytes, size_t n, size_t vocab_size,
                              nj_vocabulary *out, nj_err *err) NJ_MUST_USE;
void nj_vocabulary_release(nj_vocabulary *v);

/* The merge of two neighbours, or NULL. The same pair gives the same pointer.
 */
const nj_merge *nj_vocabulary_find(const nj_vocabulary *v, uint32_t left,
                                   uint32_t right);

#endif

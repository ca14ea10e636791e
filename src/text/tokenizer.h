/* CLIP's tokenizer: text -> ids, equal to OpenAI's simple_tokenizer.py with
 * ftfy (openai/CLIP, MIT). Vocabulary files have the form of
 * bpe_simple_vocab_16e6.txt: a heading line, then one merge a line; plain or
 * gzip. Ids: 256 byte symbols, the same with </w>, merges, start, end. */
#ifndef NJ_TEXT_TOKENIZER_H
#define NJ_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct nj_tokenizer nj_tokenizer;

/* Bytes of the longest text that is read: Linux passes no longer argument. */
#define NJ_TOKENIZER_TEXT_MAX (128 << 10)

/* Reads vocab_size - 514 merges (vocab_size as the text network's embedding
 * has it: 49408 at OpenAI's). *out is freed with nj_tokenizer_free. */
nj_status nj_tokenizer_open(const char *vocabulary_path, size_t vocab_size,
                            nj_tokenizer **out, nj_err *err) NJ_MUST_USE;
void nj_tokenizer_free(nj_tokenizer *t);

/* Ids of a text, without start and end; the caller frees *ids (never NULL on
 * success). NJ_E_USAGE: invalid UTF-8, or longer than NJ_TOKENIZER_TEXT_MAX. */
nj_status nj_tokenizer_encode(const nj_tokenizer *t, const char *text,
                              size_t length, int32_t **ids, size_t *count,
                              nj_err *err) NJ_MUST_USE;

/* Row for the text network: start, ids, end, zeros; `context` entries. A text
 * that is too long is NJ_E_USAGE and names how many tokens were over, or is
 * cut to context - 1 entries and the end token when `truncate`. */
nj_status nj_tokenizer_row(const nj_tokenizer *t, const char *text,
                           size_t length, bool truncate, size_t context,
                           int64_t *row, nj_err *err) NJ_MUST_USE;

/* The cleaned text that is split into pieces: ftfy, html.unescape twice,
 * white space, lower case. Valid UTF-8 without NUL; a byte that is not valid
 * is read as U+FFFD. The caller frees it; NULL when memory is short. */
char *nj_clean_text(const char *text, size_t length);

#endif

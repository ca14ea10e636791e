/* Splitting a cleaned text into the pieces that byte pairs are merged in: the
 * pattern of OpenAI's simple_tokenizer.py. */
#ifndef NJ_TEXT_SPLIT_H
#define NJ_TEXT_SPLIT_H

#include <stddef.h>

#define NJ_START_OF_TEXT "<|startoftext|>"
#define NJ_END_OF_TEXT   "<|endoftext|>"

/* The first piece of `text` (valid UTF-8, lower case) at or after *at: returns
 * where it starts and sets *at behind it; its length is the difference. NULL
 * when there is none left. */
const char *nj_split_next(const char *text, size_t length, size_t *at);

#endif

/* Words of a prompt that a small model has never seen: its card lists the
 * words of its captions, and the command line says in one line which words of
 * a prompt are none of them. */
#ifndef NJ_TEXT_WORDS_H
#define NJ_TEXT_WORDS_H

#include <stddef.h>

#include "text/prompt.h"

typedef struct nj_words {
    char **at; /* lower case, each word once, in the order of the prompt */
    size_t n;
} nj_words;

/* Words of the prompt's texts (image parts have none) that are in no entry of
 * `known`. An entry is one lower-case word, or several with blanks between. A
 * word is a run of letters, marks and numbers, with apostrophes inside;
 * "boat's" is known when "boat" is. The caller releases *out. */
nj_status nj_words_unknown(const nj_prompt *prompt, const char *const *known,
                           size_t count, nj_words *out,
                           nj_err *err) NJ_MUST_USE;
void nj_words_release(nj_words *words);

#endif

/* Prompts: "text:weight | text:weight | image:PATH:weight". The weight of a
 * part is read as the public notebooks read it (parse_prompt of K. Crowson's
 * and Nerdy Rodent's notebooks): it follows the last colon, the first colon of
 * http:// and https:// belongs to the address, and the number has the form
 * that Python's float() takes. Weights are divided by |sum|. Blanks around a
 * part and around its text are dropped; what follows the last colon of a text
 * and is no number is an error, as there ("red:blue:1" keeps the colon).
 */
#ifndef NJ_TEXT_PROMPT_H
#define NJ_TEXT_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef struct nj_prompt_part {
    char *text;    /* owned; without its weight, for images without "image:" */
    double weight; /* as written; 1 when absent */
    bool image;    /* text is the path of an image prompt */
    char *written; /* owned; the text with its weight, as it stood */
} nj_prompt_part;

typedef struct nj_prompt {
    nj_prompt_part *parts;
    size_t count;
} nj_prompt;

/* Parses one prompt of valid UTF-8. Refused (NJ_E_USAGE): invalid UTF-8, an
 * empty prompt or part, a weight that is no number or not finite. The path of
 * an image keeps a last colon that no number follows. */
nj_status nj_prompt_parse(const char *text, nj_prompt *out,
                          nj_err *err) NJ_MUST_USE;

/* Parses the value of an option that only takes images: "PATH[:WEIGHT]", with
 * or without "image:" before it. `out->count` is 1; '|' is part of the path.
 */
nj_status nj_prompt_parse_image(const char *value, nj_prompt *out,
                                nj_err *err) NJ_MUST_USE;
void nj_prompt_release(nj_prompt *p);

/* Splits at the last colon: "a:2" -> text length 1, weight 2. Without a colon
 * the weight is 1. Returns the length of the text, or -1 when what follows the
 * colon is no number (*weight is then left as it was). */
long nj_prompt_split_weight(const char *part, double *weight);

/* weights[i] /= |sum|; NJ_E_USAGE when |sum| < 1e-3, or it or a quotient is not
 * finite. */
nj_status nj_prompt_normalise(double *weights, size_t n,
                              nj_err *err) NJ_MUST_USE;

#endif

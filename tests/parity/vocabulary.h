/* Where the tokenizer's vocabulary lies: it is not committed. */
#ifndef PARITY_VOCABULARY_H
#define PARITY_VOCABULARY_H

#include "parity/harness.h"

/* $NJ_VOCABULARY, else ../../data beside the area's folder, else a models
 * folder; NULL when there is none. */
const char *parity_vocabulary(parity_case *c);

#define PARITY_VOCABULARY_NAME "bpe_simple_vocab_16e6.txt.gz"

#endif

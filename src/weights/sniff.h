/* What the first bytes of a file say it is. Also names the things that people
 * have instead of weights: error pages of a broken download, pointers of git
 * LFS, pictures. */
#ifndef NJ_WEIGHTS_SNIFF_H
#define NJ_WEIGHTS_SNIFF_H

#include <stddef.h>

typedef enum nj_looks {
    NJ_LOOKS_OTHER,
    NJ_LOOKS_ZIP,
    NJ_LOOKS_PICKLE,
    NJ_LOOKS_SAFETENSORS
} nj_looks;

nj_looks nj_sniff(const unsigned char *bytes, size_t n);

/* What a file of NJ_LOOKS_OTHER seems to be, such as "an HTML page, a broken
 * download?"; static storage. */
const char *nj_sniff_words(const unsigned char *bytes, size_t n);

#endif

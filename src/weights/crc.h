/* CRC-32 of zip records, quick enough that checking a checkpoint of gigabytes
 * costs little more than reading it. */
#ifndef NJ_WEIGHTS_CRC_H
#define NJ_WEIGHTS_CRC_H

#include <stddef.h>
#include <stdint.h>

/* zlib's crc32: `crc` is that of the bytes before, 0 at the start. */
uint32_t nj_crc32(uint32_t crc, const unsigned char *bytes, size_t n);

#endif

/* Writes a torch zip archive: stored records aligned to 64 bytes, zip64
 * throughout, as a file of 4 GiB and more needs it. */
#ifndef NJ_TOOLS_CHECKPOINT_WRITER_H
#define NJ_TOOLS_CHECKPOINT_WRITER_H

#include "spec.h"

/* Values depend on seed and tensor alone. */
nj_status write_checkpoint(const spec *s, uint64_t seed, const char *path,
                           nj_err *err) NJ_MUST_USE;

#endif

/* Any bytes as a job file: refused in one line, or options that can be written
 * and read again. */
#include <stdint.h>

#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    try_request(nj_request_add_json, data, n);
    return 0;
}

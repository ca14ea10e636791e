/* Any bytes as a prompt list. */
#include <stdint.h>

#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    try_request(nj_request_add_lines, data, n);
    return 0;
}

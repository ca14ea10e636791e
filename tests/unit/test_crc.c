/* CRC-32: the folded form equals zlib's for every length and alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "weights/crc.h"

#define BYTES 1500

static void equals_zlib(void **state)
{
    unsigned char bytes[BYTES + 16];
    uint32_t x = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(x >> 24);
    }
    for (size_t n = 0; n <= BYTES; n++) {
        const unsigned char *p = bytes + n % 16;

        assert_int_equal(nj_crc32(0, p, n), crc32_z(0, p, n));
        assert_int_equal(nj_crc32(nj_crc32(0, p, n / 3), p + n / 3, n - n / 3),
                         crc32_z(0, p, n));
    }
}

static void knows_the_check_value(void **state)
{
    (void)state;
    assert_int_equal(nj_crc32(0, (const unsigned char *)"123456789", 9),
                     0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_zlib),
        cmocka_unit_test(knows_the_check_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

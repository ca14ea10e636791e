/* Hashes of files and bytes, by OpenSSL's libcrypto (it uses the processor's
 * sha instructions; weight files have gigabytes). Its older interface is the
 * one that allocates nothing and so cannot fail. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/sha.h>

#include "base/file.h"

static void to_hex(const unsigned char *digest, char hex[65])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 32; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
}

void nj_sha256(const void *bytes, size_t n, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX state;

    SHA256_Init(&state);
    SHA256_Update(&state, bytes, n);
    SHA256_Final(digest, &state);
    to_hex(digest, hex);
}

nj_status nj_file_sha256(const char *path, char hex[65], nj_err *err)
{
    nj_map map;
    nj_status status = nj_map_open(path, &map, err);

    if (status != NJ_OK)
        return status;
    nj_sha256(map.bytes, map.n, hex);
    nj_map_close(&map);
    return NJ_OK;
}

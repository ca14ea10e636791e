/* Hashes of files and bytes, by OpenSSL's libcrypto (it uses the processor's
 * sha instructions; weight files have gigabytes). */
#include <openssl/evp.h>

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
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    EVP_Digest(bytes, n, digest, NULL, EVP_sha256(), NULL);
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

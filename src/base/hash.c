/* Hashes of files and bytes, by OpenSSL's libcrypto (it uses the processor's
 * sha instructions; weight files have gigabytes). Its older interface is the
 * one that allocates nothing and so cannot fail. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <stdlib.h>

#include <openssl/sha.h>

#include "base/file.h"

#define PART ((size_t)4 << 20)

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

uint64_t nj_sha256_number(const void *bytes, size_t n)
{
    char hex[65];

    nj_sha256(bytes, n, hex);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16);
}

/* Part by part, so that a file of gigabytes does not become resident beside the
 * networks that were made of it. */
static void hash_map(const nj_map *map, char hex[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX state;

    SHA256_Init(&state);
    for (size_t at = 0; at < map->n; at += PART) {
        size_t n = map->n - at < PART ? map->n - at : PART;

        SHA256_Update(&state, map->bytes + at, n);
        nj_map_forget(map, map->bytes + at, n);
    }
    SHA256_Final(digest, &state);
    to_hex(digest, hex);
}

nj_status nj_file_sha256(const char *path, char hex[65], nj_err *err)
{
    nj_map map;
    nj_status status = nj_map_open(path, &map, err);

    if (status != NJ_OK)
        return status;
    hash_map(&map, hex);
    nj_map_close(&map);
    return NJ_OK;
}

/* File kinds by their first bytes: see sniff.h. */
#include "weights/sniff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define TAR_MAGIC_AT 257

static bool starts(const unsigned char *bytes, size_t n, const char *magic,
                   size_t length)
{
    return n >= length && memcmp(bytes, magic, length) == 0;
}

/* Printable bytes and blanks only; UTF-8 counts as printable. */
static bool is_text(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] < ' ' && (bytes[i] < '\t' || bytes[i] > '\r'))
            return false;
    }
    return true;
}

nj_looks nj_sniff(const unsigned char *bytes, size_t n)
{
    if (starts(bytes, n, "PK\3\4", 4) || starts(bytes, n, "PK\5\6", 4))
        return NJ_LOOKS_ZIP;
    /* A header of 0x280 bytes begins as a pickle does. */
    if (n >= 9 && bytes[8] == '{' && memcmp(bytes + 4, "\0\0\0\0", 4) == 0)
        return NJ_LOOKS_SAFETENSORS;
    if (n >= 2 && bytes[0] == 0x80 && bytes[1] <= 5)
        return NJ_LOOKS_PICKLE;
    /* The header's length comes first: below 2^56, or a damaged one; a text
     * that has '{' there is a text. */
    if (n >= 9 && bytes[8] == '{' && (bytes[7] >= 0x80 || !is_text(bytes, 8)))
        return NJ_LOOKS_SAFETENSORS;
    return NJ_LOOKS_OTHER;
}

static const struct {
    const char *magic;
    size_t length;
    const char *words;
} kinds[] = {
    {"version https://git-lfs", 23,
     "a pointer of git LFS, not the file itself (run git lfs pull)"},
    {"\x89PNG", 4, "a PNG picture"},
    {"\xff\xd8\xff", 3, "a JPEG picture"},
    {"\x1f\x8b", 2, "a gzip file (unpack it first)"},
    {"BZh", 3, "a bzip2 file (unpack it first)"},
    {"\xfd"
     "7zXZ",
     5, "an xz file (unpack it first)"},
    {"7z\xbc\xaf", 4, "a 7-Zip archive (unpack it first)"},
    {"Rar!", 4, "a RAR archive (unpack it first)"},
    {"GGUF", 4, "a GGUF file, a format that is not supported"},
    {"\x89HDF", 4, "an HDF5 file, a format that is not supported"},
    {"\x93NUMPY", 6, "a NumPy array, a format that is not supported"},
    {"%PDF", 4, "a PDF document"},
    {"{", 1, "a JSON text, perhaps an error message of a server"},
};

static const char *words_of_markup(const char *text, size_t n)
{
    if ((n >= 5 && strncasecmp(text, "<html", 5) == 0) ||
        (n >= 9 && strncasecmp(text, "<!doctype", 9) == 0))
        return "an HTML page, a broken download?";
    if (n >= 5 && strncasecmp(text, "<?xml", 5) == 0)
        return "an XML text, perhaps an error message of a server";
    return "a text that starts with '<', a broken download?";
}

static bool all_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

const char *nj_sniff_words(const unsigned char *bytes, size_t n)
{
    size_t head = n < 512 ? n : 512;
    size_t skip = 0;

    if (n == 0)
        return "it is empty";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (starts(bytes, n, kinds[i].magic, kinds[i].length))
            return kinds[i].words;
    }
    if (n > TAR_MAGIC_AT + 5 && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0)
        return "a tar archive (the format of torch 0.1 is not supported)";
    while (skip < head && isspace(bytes[skip]))
        skip++;
    if (skip < head && bytes[skip] == '<')
        return words_of_markup((const char *)bytes + skip, n - skip);
    if (all_zero(bytes, head))
        return "it starts with zeros, as a download that was never filled";
    if (is_text(bytes, head))
        return "a text file";
    return n < 9 ? "it has only a few bytes"
                 : "its first bytes belong to no known format";
}

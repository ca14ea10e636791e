/* Errors: see err.h. Texts are cleaned here, so that no message can carry an
 * escape sequence from a file or a prompt to a terminal. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Cuts on a UTF-8 boundary and marks the cut. */
static void store(nj_err *err, const char *text)
{
    size_t n = strlen(text);

    if (n < NJ_ERR_TEXT_MAX) {
        memcpy(err->text, text, n + 1);
        return;
    }
    n = NJ_ERR_TEXT_MAX - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(err->text, text, n);
    memcpy(err->text + n, "...", 4);
}

static void write_text(nj_err *err, const char *prefix, const char *rest)
{
    nj_str s = {0};

    nj_str_add_visible(&s, prefix, strlen(prefix));
    nj_str_add(&s, rest);
    store(err, nj_str_ok(&s) && s.text ? s.text : prefix);
    nj_str_release(&s);
}

nj_status nj_err_set(nj_err *err, nj_status code, const char *file, int line,
                     const char *format, ...)
{
    char raw[2 * NJ_ERR_TEXT_MAX];
    va_list args;

    if (!err)
        return code;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    err->code = code;
    err->file = file;
    err->line = line;
    write_text(err, raw, "");
    return code;
}

nj_status nj_err_add(nj_err *err, const char *format, ...)
{
    char raw[2 * NJ_ERR_TEXT_MAX];
    char old[NJ_ERR_TEXT_MAX + 2];
    va_list args;

    if (!err)
        return NJ_E_INTERNAL;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    snprintf(old, sizeof(old), ": %.*s", NJ_ERR_TEXT_MAX - 1, err->text);
    write_text(err, raw, old);
    return err->code;
}

const char *nj_status_name(nj_status code)
{
    static const char *const names[] = {
        [NJ_OK] = "ok",
        [NJ_E_USAGE] = "usage error",
        [NJ_E_IO] = "input/output error",
        [NJ_E_NO_SPACE] = "no space left",
        [NJ_E_FORMAT] = "bad file",
        [NJ_E_MEMORY] = "out of memory",
        [NJ_E_DEVICE_MEMORY] = "out of device memory",
        [NJ_E_DEVICE] = "device error",
        [NJ_E_NUMERIC] = "value not finite",
        [NJ_E_INTERRUPTED] = "interrupted",
        [NJ_E_INTERNAL] = "internal error",
    };

    return (unsigned)code < sizeof(names) / sizeof(names[0]) ? names[code]
                                                             : "unknown";
}

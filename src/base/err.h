/* Errors: a status code that must be used, and a text written once.
 *
 * The deepest function that fails writes the text; callers only add what they
 * were doing. Text is lower case, without a full stop, cause first, subject in
 * single quotes: "cannot open 'x.pt': no such file". Text that came from a
 * file or a prompt is made safe for a terminal when it is written here.
 *
 *     nj_err err = {0};
 *     if (nj_map_open(path, &map, &err) != NJ_OK)
 *         return nj_err_add(&err, "cannot load the UNet");
 */
#ifndef NJ_BASE_ERR_H
#define NJ_BASE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum nj_status {
    NJ_OK = 0,
    NJ_E_USAGE,         /* what the user asked for cannot be done */
    NJ_E_IO,            /* the system refused: open, read, write, rename */
    NJ_E_NO_SPACE,      /* disk full or quota reached */
    NJ_E_FORMAT,        /* a file is broken, hostile or of the wrong kind */
    NJ_E_MEMORY,        /* host memory ran out */
    NJ_E_DEVICE_MEMORY, /* accelerator memory ran out */
    NJ_E_DEVICE,        /* a device is missing or failed */
    NJ_E_NUMERIC,       /* a value that must be finite is not */
    NJ_E_INTERRUPTED,   /* the user asked to stop */
    NJ_E_INTERNAL       /* a bug: an invariant does not hold */
} nj_status;

#define NJ_ERR_TEXT_MAX 640

typedef struct nj_err {
    nj_status code;
    int line;         /* where the text was written */
    const char *file; /* static storage */
    char text[NJ_ERR_TEXT_MAX];
} nj_err;

#if defined(__GNUC__)
#define NJ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NJ_MUST_USE     __attribute__((warn_unused_result))
#else
#define NJ_PRINTF(f, a)
#define NJ_MUST_USE
#endif

/* Sets code and text of *err (err may be NULL) and returns code. Control
 * characters, invalid UTF-8 and bidirectional overrides in the finished text
 * are replaced by visible escapes (\x1b); a text that is too long ends in
 * "...". */
#define nj_fail(err, code, ...)                                                \
    nj_err_code(nj_err_set((err), (code), __FILE__, __LINE__, __VA_ARGS__),    \
                (code))

nj_status nj_err_set(nj_err *err, nj_status code, const char *file, int line,
                     const char *format, ...) NJ_PRINTF(5, 6);

/* Lets the compiler and static analysis see which code nj_fail returns. */
static inline nj_status nj_err_code(nj_status set, nj_status code)
{
    (void)set;
    return code;
}

/* Puts "<what>: " before the text of *err and returns its code. */
nj_status nj_err_add(nj_err *err, const char *format, ...) NJ_PRINTF(2, 3);

/* A word for a code, such as "out of device memory"; static storage. */
const char *nj_status_name(nj_status code);

#ifdef __cplusplus
}
#endif

#endif

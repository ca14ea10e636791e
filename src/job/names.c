/* Names of picture files: see names.h. A text that stays as it is has neither
 * "--" nor the form of one with a hash; therefore the parts of a name cannot
 * run into each other, and a changed text cannot meet an unchanged one. */
#include "job/names.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>

#include "base/file.h"
#include "base/str.h"

#define HASH_DIGITS 8
#define HASH_LENGTH (1 + HASH_DIGITS) /* with its '-' */
#define VALUE_MAX   48                /* bytes of one extra's value */
#define EXTRAS_MAX  120               /* bytes of all extras together */
#define PREFIX      "prompt--"
#define SUFFIX      ".png"

/* ---- cleaning ---------------------------------------------------------- */

static bool is_invisible(uint32_t c)
{
    return c == 0xad || c == 0x61c || c == 0x180e || c == 0x200b ||
           c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || c == 0xe0001 ||
           (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static bool is_disliked(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || is_invisible(c) ||
           (c < 0x80 && strchr("/\\<>:\"|?*", (int)c) != NULL);
}

static bool is_edge(char c)
{
    return c == '.' || c == ' ';
}

/* The first part of a name, up to a dot, is what Windows looks at. */
static bool is_device(const char *text)
{
    static const char *const devices[] = {
        "con",  "prn",  "aux",  "nul",    "com0",   "com1", "com2",
        "com3", "com4", "com5", "com6",   "com7",   "com8", "com9",
        "lpt0", "lpt1", "lpt2", "lpt3",   "lpt4",   "lpt5", "lpt6",
        "lpt7", "lpt8", "lpt9", "conin$", "conout$"};
    size_t n = strcspn(text, ".");

    while (n > 0 && text[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        if (strlen(devices[i]) == n && strncasecmp(text, devices[i], n) == 0)
            return true;
    }
    return false;
}

/* Appends the text with what is disliked replaced. */
static void add_replaced(nj_str *out, const char *text, size_t n)
{
    uint32_t c = 0;
    char before = '\0';

    for (size_t i = 0, step; i < n; i += step) {
        step = nj_utf8_decode(text + i, n - i, &c);
        if (!step)
            step = 1;
        if (is_disliked(c) || (c == '-' && before == '-'))
            nj_str_addc(out, '_');
        else
            nj_str_addn(out, text + i, step);
        before = out->length ? out->text[out->length - 1] : '\0';
    }
}

static void replace_edges(nj_str *s)
{
    if (!s->text)
        return;
    for (size_t i = 0; i < s->length && is_edge(s->text[i]); i++)
        s->text[i] = '_';
    for (size_t i = s->length; i > 0 && is_edge(s->text[i - 1]); i--)
        s->text[i - 1] = '_';
}

/* The text in normalisation form C with everything replaced. */
static void clean(const char *text, nj_str *out)
{
    utf8proc_uint8_t *composed = utf8proc_NFC((const utf8proc_uint8_t *)text);
    nj_str replaced = {0};

    if (!composed) {
        out->failed = true;
        return;
    }
    add_replaced(&replaced, (const char *)composed,
                 strlen((const char *)composed));
    replace_edges(&replaced);
    if (replaced.text && is_device(replaced.text))
        nj_str_addc(out, '_');
    nj_str_addn(out, replaced.text, replaced.length);
    if (replaced.failed)
        out->failed = true;
    nj_str_release(&replaced);
    free(composed);
}

/* True when a text ends as if a hash had been added. */
static bool ends_in_hash(const char *s, size_t n)
{
    if (n < HASH_LENGTH || s[n - HASH_LENGTH] != '-')
        return false;
    for (size_t i = n - HASH_DIGITS; i < n; i++) {
        if (!strchr("0123456789abcdef", s[i]))
            return false;
    }
    return true;
}

static void cut(nj_str *s, size_t room)
{
    size_t n = s->length < room ? s->length : room;

    if (!s->text)
        return;
    while (n > 0 && n < s->length && ((unsigned char)s->text[n] & 0xc0) == 0x80)
        n--;
    while (n > 0 && s->text[n - 1] == '-')
        n--;
    s->length = n;
    s->text[n] = '\0';
}

/* Appends the cleaned text in at most `room` bytes (room > HASH_LENGTH). */
static void add_text(nj_str *out, const char *text, size_t room)
{
    nj_str s = {0};
    char hex[65];

    clean(text, &s);
    if (s.length != strlen(text) || s.length > room || s.failed ||
        memcmp(s.text ? s.text : "", text, s.length) != 0 ||
        ends_in_hash(text, s.length)) {
        cut(&s, room - HASH_LENGTH);
        nj_sha256(text, strlen(text), hex);
        nj_str_addf(&s, "-%.*s", HASH_DIGITS, hex);
    }
    nj_str_addn(out, s.text, s.length);
    if (s.failed)
        out->failed = true;
    nj_str_release(&s);
}

/* ---- making ------------------------------------------------------------ */

static bool is_option_name(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 40 && name[n - 1] != '-' && name[n - 1] != '_' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_") == n &&
           !strstr(name, "--") && name[0] != '-' && name[0] != '_';
}

/* '_' parts the pieces of a name, so an option's name is written with '-'. */
static void add_extra(nj_str *out, const nj_name_extra *extra)
{
    nj_str_addc(out, '_');
    for (const char *s = extra->name; *s; s++)
        nj_str_addc(out, *s == '_' ? '-' : *s);
    nj_str_add(out, "--");
    add_text(out, extra->value, VALUE_MAX);
}

/* The extras, or a hash of all of them when they would fill the name. */
static void add_extras(nj_str *out, const nj_name *name)
{
    nj_str all = {0};
    nj_str whole = {0};
    char hex[65];

    for (size_t i = 0; i < name->extra_count; i++) {
        add_extra(&all, &name->extras[i]);
        nj_str_addf(&whole, "%s %zu %s\n", name->extras[i].name,
                    strlen(name->extras[i].value), name->extras[i].value);
    }
    if (all.length > EXTRAS_MAX && !whole.failed) {
        nj_sha256(whole.text, whole.length, hex);
        nj_str_addf(out, "_settings--%.16s", hex);
    } else {
        nj_str_addn(out, all.text, all.length);
    }
    if (all.failed || whole.failed)
        out->failed = true;
    nj_str_release(&all);
    nj_str_release(&whole);
}

static nj_status check(const nj_name *name, nj_err *err)
{
    if (!nj_utf8_valid(name->prompt, strlen(name->prompt)))
        return nj_fail(err, NJ_E_USAGE, "prompt '%.80s' is not valid UTF-8",
                       name->prompt);
    if (name->iteration < 0)
        return nj_fail(err, NJ_E_USAGE, "iteration %d is negative",
                       name->iteration);
    for (size_t i = 0; i < name->extra_count; i++) {
        const nj_name_extra *extra = &name->extras[i];

        if (!is_option_name(extra->name))
            return nj_fail(err, NJ_E_USAGE, "'%.80s' is no name of an option",
                           extra->name);
        if (!nj_utf8_valid(extra->value, strlen(extra->value)))
            return nj_fail(err, NJ_E_USAGE,
                           "value '%.80s' of '%s' is not valid UTF-8",
                           extra->value, extra->name);
    }
    return NJ_OK;
}

nj_status nj_name_make(const nj_name *name, char **out, nj_err *err)
{
    nj_str tail = {0};
    nj_str s = {0};
    nj_status status = check(name, err);

    *out = NULL;
    if (status != NJ_OK)
        return status;
    add_extras(&tail, name);
    nj_str_addf(&tail, "_iteration--%05d_seed--%" PRIu64 "%s" SUFFIX,
                name->iteration, name->seed, name->upscaled ? "_out" : "");
    nj_str_add(&s, PREFIX);
    add_text(&s, name->prompt, NJ_NAME_MADE_MAX - strlen(PREFIX) - tail.length);
    nj_str_addn(&s, tail.text, tail.length);
    if (tail.failed)
        s.failed = true;
    nj_str_release(&tail);
    *out = nj_str_take(&s);
    return *out ? NJ_OK : nj_fail(err, NJ_E_MEMORY, "file name: no memory");
}

/* ---- reading ----------------------------------------------------------- */

/* Takes `end` off the end of the first *n bytes. */
static bool drop_end(const char *s, size_t *n, const char *end)
{
    size_t length = strlen(end);

    if (*n < length || memcmp(s + *n - length, end, length) != 0)
        return false;
    *n -= length;
    return true;
}

/* Takes digits and `before` them off the end; they must be written as
 * nj_name_make writes them, with at least `least` digits. */
static bool drop_number(const char *s, size_t *n, const char *before,
                        size_t least, uint64_t *value)
{
    size_t first = *n;
    size_t digits;

    while (first > 0 && s[first - 1] >= '0' && s[first - 1] <= '9')
        first--;
    digits = *n - first;
    if (digits < least || (digits > least && s[first] == '0'))
        return false;
    *value = 0;
    for (size_t i = first; i < *n; i++) {
        uint64_t digit = (uint64_t)(s[i] - '0');

        if (*value > (UINT64_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    *n = first;
    return drop_end(s, n, before);
}

bool nj_name_parse(const char *file_name, nj_name_parts *out)
{
    size_t n = strlen(file_name);
    uint64_t iteration;

    *out = (nj_name_parts){0};
    if (n > NJ_NAME_MAX || !drop_end(file_name, &n, SUFFIX))
        return false;
    out->upscaled = drop_end(file_name, &n, "_out");
    if (!drop_number(file_name, &n, "_seed--", 1, &out->seed) ||
        !drop_number(file_name, &n, "_iteration--", 5, &iteration) ||
        iteration > INT_MAX || n < strlen(PREFIX) ||
        memcmp(file_name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    out->text = file_name + strlen(PREFIX);
    out->text_length = n - strlen(PREFIX);
    out->iteration = (int)iteration;
    return true;
}

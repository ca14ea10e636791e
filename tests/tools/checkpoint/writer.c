/* See writer.h. Layout of the archive: torch.serialization; of the zip:
 * PKWARE's APPNOTE 6.3. */
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "values.h"

#define ALIGNMENT     64
#define LOCAL_BYTES   30
#define LOCAL_MAGIC   0x04034b50U
#define ENTRY_MAGIC   0x02014b50U
#define END_MAGIC     0x06054b50U
#define END64_MAGIC   0x06064b50U
#define LOCATOR_MAGIC 0x07064b50U
#define ZIP64_VERSION 45
#define ROOT          "archive/"

struct output {
    FILE *f;
    uint64_t at;
    nj_str directory;
    uint64_t entries;
    bool failed;
};

static void put(nj_str *s, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        nj_str_addc(s, (char)(value >> 8 * i));
}

static void emit(struct output *o, const void *bytes, size_t n)
{
    if (n && fwrite(bytes, 1, n, o->f) != n)
        o->failed = true;
    o->at += n;
}

static void emit_str(struct output *o, nj_str *s)
{
    if (!nj_str_ok(s))
        o->failed = true;
    else
        emit(o, s->text, s->length);
    nj_str_release(s);
}

/* ---- records ----------------------------------------------------------- */

struct record {
    const char *name;
    const void *bytes;
    uint64_t n;
    uint32_t crc;
    uint64_t offset;
};

/* Version to flags, method, time, date, sum and full 32-bit sizes. */
static void put_common(nj_str *s, const struct record *r)
{
    put(s, ZIP64_VERSION, 2);
    put(s, 0, 2 + 2 + 2 + 2);
    put(s, r->crc, 4);
    put(s, UINT32_MAX, 4);
    put(s, UINT32_MAX, 4);
    put(s, strlen(r->name), 2);
}

static void add_to_directory(struct output *o, const struct record *r)
{
    nj_str *d = &o->directory;

    put(d, ENTRY_MAGIC, 4);
    put(d, ZIP64_VERSION, 2);
    put_common(d, r);
    put(d, 4 + 24, 2);     /* extra */
    put(d, 0, 2 + 2 + 2);  /* comment, disk, internal */
    put(d, 0, 4);          /* external */
    put(d, UINT32_MAX, 4); /* offset */
    nj_str_add(d, r->name);
    put(d, 1, 2);
    put(d, 24, 2);
    put(d, r->n, 8);
    put(d, r->n, 8);
    put(d, r->offset, 8);
    o->entries++;
}

/* The extra field 0x4246 pads so that the bytes start at a multiple of 64. */
static void write_record(struct output *o, const char *name, const void *bytes,
                         uint64_t n)
{
    struct record r = {name, bytes, n, 0, o->at};
    uint64_t head = o->at + LOCAL_BYTES + strlen(name) + 4 + 16 + 4;
    uint64_t padding = (ALIGNMENT - head % ALIGNMENT) % ALIGNMENT;
    nj_str local = {0};

    r.crc = (uint32_t)crc32_z(0, bytes, (size_t)n);
    put(&local, LOCAL_MAGIC, 4);
    put_common(&local, &r);
    put(&local, 4 + 16 + 4 + padding, 2);
    nj_str_add(&local, name);
    put(&local, 1, 2);
    put(&local, 16, 2);
    put(&local, n, 8);
    put(&local, n, 8);
    put(&local, 0x4246, 2);
    put(&local, padding, 2);
    for (uint64_t i = 0; i < padding; i++)
        nj_str_addc(&local, 'Z');
    emit_str(o, &local);
    emit(o, bytes, (size_t)n);
    add_to_directory(o, &r);
}

static void write_end(struct output *o)
{
    uint64_t start = o->at;
    uint64_t length = o->directory.length;
    nj_str end = {0};

    emit_str(o, &o->directory);
    put(&end, END64_MAGIC, 4);
    put(&end, 44, 8);
    put(&end, ZIP64_VERSION, 2);
    put(&end, ZIP64_VERSION, 2);
    put(&end, 0, 4 + 4);
    put(&end, o->entries, 8);
    put(&end, o->entries, 8);
    put(&end, length, 8);
    put(&end, start, 8);
    put(&end, LOCATOR_MAGIC, 4);
    put(&end, 0, 4);
    put(&end, start + length, 8);
    put(&end, 1, 4);
    put(&end, END_MAGIC, 4);
    put(&end, 0, 2 + 2);
    put(&end, UINT16_MAX, 2);
    put(&end, UINT16_MAX, 2);
    put(&end, UINT32_MAX, 4);
    put(&end, UINT32_MAX, 4);
    put(&end, 0, 2);
    emit_str(o, &end);
}

/* ---- the pickle -------------------------------------------------------- */

static void put_text(nj_str *s, const char *text)
{
    nj_str_addc(s, 'X');
    put(s, strlen(text), 4);
    nj_str_add(s, text);
}

static void put_integer(nj_str *s, int64_t value)
{
    nj_str_addc(s, 'J');
    put(s, (uint64_t)value, 4);
}

static void put_dict(nj_str *s)
{
    nj_str_add(s, "ccollections\nOrderedDict\n)R");
}

static void put_sizes(nj_str *s, int n, const int64_t *sizes)
{
    nj_str_addc(s, '(');
    for (int i = 0; i < n; i++)
        put_integer(s, sizes[i]);
    nj_str_addc(s, 't');
}

static int64_t elements(const spec_tensor *t)
{
    int64_t n = 1;

    for (int i = 0; i < t->ndim; i++)
        n *= t->shape[i];
    return n;
}

static void put_tensor(nj_str *s, const spec_tensor *t, size_t key)
{
    char word[32];
    int64_t stride[4];
    int64_t step = 1;
    const char *type = t->dtype == NJ_F16   ? "Half"
                       : t->dtype == NJ_I64 ? "Long"
                                            : "Float";

    for (int i = t->ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= t->shape[i];
    }
    nj_str_add(s, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(s, "storage");
    nj_str_addf(s, "ctorch\n%sStorage\n", type);
    snprintf(word, sizeof(word), "%zu", key);
    put_text(s, word);
    put_text(s, "cpu");
    put_integer(s, elements(t));
    nj_str_add(s, "tQ");
    put_integer(s, 0);
    put_sizes(s, t->ndim, t->shape);
    put_sizes(s, t->ndim, stride);
    nj_str_addc(s, '\x89');
    put_dict(s);
    nj_str_add(s, "tR");
}

static void make_pickle(nj_str *s, const spec *of)
{
    nj_str_add(s, "\x80\x02");
    if (of->container) {
        nj_str_add(s, "}");
        put_text(s, of->container);
    }
    put_dict(s);
    nj_str_addc(s, '(');
    for (size_t i = 0; i < of->count; i++) {
        put_text(s, of->tensors[i].name);
        put_tensor(s, &of->tensors[i], i);
    }
    nj_str_addc(s, 'u');
    if (of->container)
        nj_str_addc(s, 's');
    nj_str_addc(s, '.');
}

/* ---- the whole --------------------------------------------------------- */

static size_t largest(const spec *s)
{
    size_t most = 0;

    for (size_t i = 0; i < s->count; i++) {
        size_t n = (size_t)elements(&s->tensors[i]) *
                   nj_dtype_size(s->tensors[i].dtype);

        most = n > most ? n : most;
    }
    return most;
}

static nj_status write_all(struct output *o, const spec *s, uint64_t seed,
                           nj_err *err)
{
    nj_str pickle = {0};
    void *buffer = nj_calloc(largest(s), 1);

    make_pickle(&pickle, s);
    if (!buffer || !nj_str_ok(&pickle)) {
        free(buffer);
        nj_str_release(&pickle);
        return nj_fail(err, NJ_E_MEMORY, "no memory for a checkpoint");
    }
    write_record(o, ROOT "data.pkl", pickle.text, pickle.length);
    write_record(o, ROOT "byteorder", "little", 6);
    for (size_t i = 0; i < s->count && !o->failed; i++) {
        const spec_tensor *t = &s->tensors[i];
        int64_t n = elements(t);
        char name[64];

        snprintf(name, sizeof(name), ROOT "data/%zu", i);
        make_values(t, (size_t)n, seed + i * UINT64_C(0x9e3779b97f4a7c15),
                    buffer);
        write_record(o, name, buffer, (uint64_t)n * nj_dtype_size(t->dtype));
    }
    write_record(o, ROOT "version", "3\n", 2);
    write_end(o);
    free(buffer);
    nj_str_release(&pickle);
    return NJ_OK;
}

nj_status write_checkpoint(const spec *s, uint64_t seed, const char *path,
                           nj_err *err)
{
    struct output o = {.f = fopen(path, "wb")};
    nj_status status;

    if (!o.f)
        return nj_fail(err, NJ_E_IO, "cannot create '%s': %s", path,
                       strerror(errno));
    status = write_all(&o, s, seed, err);
    if (fclose(o.f) != 0)
        o.failed = true;
    nj_str_release(&o.directory);
    if (status == NJ_OK && o.failed)
        status = nj_fail(err, NJ_E_IO, "cannot write '%s': %s", path,
                         strerror(errno));
    return status;
}

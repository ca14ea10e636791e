/* The harness: reads a case, gives its runner config and tensors, prints one
 * line. */
#include "parity/harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "parity/case.h"

struct parity_block {
    struct parity_block *next;
    double bytes[]; /* aligned for every type that runners keep */
};

struct parity_loaded {
    struct parity_loaded *next;
    parity_tensor tensor;
};

/* ---- memory, texts ----------------------------------------------------- */

void *parity_alloc(parity_case *c, size_t count, size_t size)
{
    size_t bytes;
    struct parity_block *block = NULL;

    if (nj_mul_size(count, size, &bytes) &&
        nj_add_size(bytes, sizeof(*block), &bytes))
        block = nj_calloc(1, bytes);
    if (!block) {
        fprintf(stderr, "parity: out of memory\n");
        exit(2);
    }
    block->next = c->blocks;
    c->blocks = block;
    return block->bytes;
}

const char *parity_vtext(parity_case *c, const char *format, va_list args)
{
    va_list again;
    int n;
    char *text;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    text = parity_alloc(c, (size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, args);
    return text;
}

const char *parity_text(parity_case *c, const char *format, ...)
{
    va_list args;
    const char *text;

    va_start(args, format);
    text = parity_vtext(c, format, args);
    va_end(args);
    return text;
}

void parity_fail(parity_case *c, const char *format, ...)
{
    va_list args;
    const char *text;

    va_start(args, format);
    text = parity_vtext(c, format, args);
    va_end(args);
    nj_str_addf(&c->failures, "    %s\n", text);
}

void parity_skip(parity_case *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    c->skipped = parity_vtext(c, format, args);
    va_end(args);
}

bool parity_bad(parity_case *c, nj_status status, const nj_err *err)
{
    if (status == NJ_OK)
        return false;
    parity_fail(c, "%s: %s", nj_status_name(status), err->text);
    return true;
}

bool parity_failed(const parity_case *c)
{
    return c->failures.length > 0;
}

/* ---- config ------------------------------------------------------------ */

const cJSON *parity_json(const parity_case *c)
{
    return c->json;
}

const cJSON *parity_config(const parity_case *c)
{
    static const cJSON empty = {.type = cJSON_Object};
    const cJSON *config = nj_json_get(c->json, "config");

    return config ? config : &empty;
}

const char *parity_folder(const parity_case *c)
{
    return c->folder;
}

const char *parity_path(parity_case *c, const char *name)
{
    return name[0] == '/' ? name : parity_text(c, "%s/%s", c->folder, name);
}

double parity_number(parity_case *c, const char *key)
{
    const cJSON *value = nj_json_get(parity_config(c), key);

    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? 1 : 0;
    if (cJSON_IsNumber(value))
        return value->valuedouble;
    parity_fail(c, "config has no number '%s'", key);
    return 0;
}

const char *parity_string(parity_case *c, const char *key)
{
    const char *value = nj_json_string(parity_config(c), key, NULL);

    if (!value)
        parity_fail(c, "config has no string '%s'", key);
    return value ? value : "";
}

uint64_t parity_u64(parity_case *c, const cJSON *object, const char *key)
{
    const cJSON *value = nj_json_get(object, key);
    uint64_t out = 0;

    if (!value || !nj_json_u64(value, &out))
        parity_fail(c, "no whole number '%s'", key);
    return out;
}

/* ---- tensors ----------------------------------------------------------- */

static struct parity_loaded *load(parity_case *c, const nj_view *v)
{
    struct parity_loaded *l = parity_alloc(c, 1, sizeof(*l));
    parity_tensor *t = &l->tensor;
    bool as_is = v->dtype == NJ_F64 || v->dtype == NJ_I64;
    void *data;

    t->name = v->name;
    t->ndim = v->ndim;
    memcpy(t->shape, v->shape, sizeof(t->shape));
    t->n = (size_t)nj_view_elements(v);
    data = parity_alloc(c, t->n, as_is ? 8 : 4);
    if (as_is)
        nj_view_copy(v, data);
    else
        nj_view_to_f32(v, data);
    t->f32 = as_is ? NULL : data;
    t->f64 = v->dtype == NJ_F64 ? data : NULL;
    t->i64 = v->dtype == NJ_I64 ? data : NULL;
    l->next = c->loaded;
    c->loaded = l;
    return l;
}

bool parity_has(parity_case *c, const char *name)
{
    return c->tensors && nj_weights_find(c->tensors, name);
}

const parity_tensor *parity_input(parity_case *c, const char *name)
{
    for (const struct parity_loaded *l = c->loaded; l; l = l->next)
        if (strcmp(l->tensor.name, name) == 0)
            return &l->tensor;
    if (!parity_has(c, name)) {
        parity_fail(c, "the case has no tensor '%s'", name);
        return NULL;
    }
    return &load(c, nj_weights_find(c->tensors, name))->tensor;
}

static const parity_tensor *input_of(parity_case *c, const char *name, size_t n)
{
    const parity_tensor *t = parity_input(c, name);

    if (t && n && t->n != n) {
        parity_fail(c, "%s: %zu elements where %zu are expected", name, t->n,
                    n);
        return NULL;
    }
    return t;
}

const float *parity_input_f32(parity_case *c, const char *name, size_t n)
{
    const parity_tensor *t = input_of(c, name, n);

    if (t && !t->f32)
        parity_fail(c, "%s: not float32", name);
    return t ? t->f32 : NULL;
}

const int64_t *parity_input_i64(parity_case *c, const char *name, size_t n)
{
    const parity_tensor *t = input_of(c, name, n);

    if (t && !t->i64)
        parity_fail(c, "%s: not int64", name);
    return t ? t->i64 : NULL;
}

const cJSON *parity_output(const parity_case *c, const char *name)
{
    return nj_json_get(nj_json_get(c->json, "outputs"), name);
}

/* ---- one case ---------------------------------------------------------- */

static nj_status open_case(parity_case *c, nj_err *err)
{
    const char *path = parity_path(c, "case.json");
    nj_status status = nj_json_read(path, &c->json, err);
    const char *tensors = parity_path(c, "tensors.safetensors");
    FILE *there;

    if (status != NJ_OK)
        return status;
    there = fopen(tensors, "rb");
    if (!there)
        return NJ_OK;
    fclose(there);
    return nj_weights_open(tensors, &c->tensors, err);
}

static void require_outputs(parity_case *c)
{
    const cJSON *outputs = nj_json_get(c->json, "outputs");
    const cJSON *output;

    cJSON_ArrayForEach(output, outputs)
    {
        if (!parity_was_seen(c, output->string))
            parity_fail(c, "%s: listed as an output but never computed",
                        output->string);
    }
    if (c->checks == 0)
        parity_fail(c, "nothing was compared");
}

static void run_case(parity_case *c)
{
    nj_err err = {0};
    const char *name;
    const parity_kind *kind;

    if (parity_bad(c, open_case(c, &err), &err))
        return;
    name = nj_json_string(c->json, "kind", "");
    kind = parity_kind_find(name);
    if (!kind) {
        parity_fail(c, "unknown kind '%s'", name);
        return;
    }
    kind->run(c);
    if (!c->skipped && !parity_failed(c))
        require_outputs(c);
}

static void release(parity_case *c)
{
    nj_str_release(&c->failures);
    nj_str_release(&c->notes);
    nj_weights_free(c->tensors);
    cJSON_Delete(c->json);
    while (c->blocks) {
        struct parity_block *next = c->blocks->next;

        free(c->blocks);
        c->blocks = next;
    }
}

/* The last two parts of the path: area/case. */
static const char *label(const char *folder)
{
    const char *at = folder + strlen(folder);
    int slashes = 0;

    while (at > folder && slashes < 2)
        if (*--at == '/')
            slashes++;
    return *at == '/' ? at + 1 : at;
}

static parity_verdict report(const parity_case *c)
{
    const char *name = label(c->folder);

    if (parity_failed(c)) {
        printf("FAIL %s", name);
        if (c->worst_name)
            printf(" worst %s error %.3g, %.3g of tolerance", c->worst_name,
                   c->worst_error, c->worst);
        printf("\n%s", c->failures.text);
        return PARITY_FAIL;
    }
    if (c->skipped) {
        printf("SKIP %s: %s\n", name, c->skipped);
        return PARITY_SKIP;
    }
    printf("PASS %s", name);
    if (c->worst_name)
        printf(" worst %s error %.3g, %.3g of tolerance", c->worst_name,
               c->worst_error, c->worst);
    printf("\n%s", c->notes.text ? c->notes.text : "");
    return PARITY_PASS;
}

parity_verdict parity_run(const char *folder)
{
    parity_case c = {.worst = -1};
    char *resolved = realpath(folder, NULL);
    parity_verdict verdict;

    c.folder = resolved ? resolved : folder;
    run_case(&c);
    verdict = report(&c);
    fflush(stdout);
    release(&c);
    free(resolved);
    return verdict;
}

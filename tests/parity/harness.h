/* Parity: computes what fixtures of the public Python code say and compares.
 *
 * A case is a folder with case.json (its kind, config, inputs, outputs and
 * tolerances) and mostly tensors.safetensors. A runner is a function of one
 * kind; it reads config and inputs, computes, and hands each output to a
 * check. An output that is listed but never checked fails the case, and so
 * does a runner that checks nothing.
 *
 *     static void run_tv(parity_case *c)
 *     {
 *         const parity_tensor *x = parity_input(c, "x");
 *         float *loss;
 *
 *         if (!x)
 *             return;                     // recorded as a failure already
 *         loss = parity_alloc(c, n, sizeof(*loss));
 *         ...
 *         parity_check_f32(c, "loss", loss, 1, (int64_t[]){n});
 *     }
 *
 *     const parity_kind parity_losses[] = {{"tv_loss", run_tv}, {0}};
 *
 * Add the array to areas.h and kinds.c. Runners print nothing; what goes wrong
 * is recorded with parity_fail. Inputs and parity_alloc live as long as the
 * case.
 */
#ifndef PARITY_HARNESS_H
#define PARITY_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "base/err.h"
#include "base/json.h"

typedef struct parity_case parity_case;

typedef struct parity_kind {
    const char *kind;
    void (*run)(parity_case *c);
} parity_kind;

/* The runner of a kind, or NULL (kinds.c). */
const parity_kind *parity_kind_find(const char *kind);

/* A tensor of tensors.safetensors: one of f32, f64, i64 is set, according to
 * the file (other types are converted to f32). Row-major. */
typedef struct parity_tensor {
    const char *name;
    int ndim;
    int64_t shape[NJ_DIMS_MAX];
    size_t n; /* elements */
    const float *f32;
    const double *f64;
    const int64_t *i64;
} parity_tensor;

/* ---- what a runner reads ----------------------------------------------- */

const cJSON *parity_config(const parity_case *c); /* object; never NULL */
const cJSON *parity_json(const parity_case *c);   /* all of case.json */
const char *parity_folder(const parity_case *c);
/* Folder joined with a name of the case ("../networks/unet.pt"). */
const char *parity_path(parity_case *c, const char *name);
/* Member of the config that must be there; 0 or "" after a failure. */
double parity_number(parity_case *c, const char *key);
const char *parity_string(parity_case *c, const char *key);
/* A seed or other 64-bit number of any object, which must be there. */
uint64_t parity_u64(parity_case *c, const cJSON *object, const char *key);

/* A tensor of the file, input or expected output; NULL when there is none
 * (then the case has failed). */
const parity_tensor *parity_input(parity_case *c, const char *name);
/* The same, which must be float32 / int64 data of n elements (n 0: any). */
const float *parity_input_f32(parity_case *c, const char *name, size_t n);
const int64_t *parity_input_i64(parity_case *c, const char *name, size_t n);
bool parity_has(parity_case *c, const char *name);
/* The object of an output in case.json: {abs, rel, ...}, or NULL. */
const cJSON *parity_output(const parity_case *c, const char *name);

/* Zeroed memory until the end of the case; never NULL. */
void *parity_alloc(parity_case *c, size_t count, size_t size);
/* A formatted text until the end of the case. */
const char *parity_text(parity_case *c, const char *format, ...)
    NJ_PRINTF(2, 3);

/* ---- what a runner hands back ------------------------------------------ */

/* Compares with the output `name` by its own tolerance: every element,
 * |got - want| <= abs + rel |want|, shapes equal, no NaN or infinity, at most
 * max_differing elements that differ at all where that is given. May be
 * called several times for one output (one file after the other). */
void parity_check_f32(parity_case *c, const char *name, const float *got,
                      int ndim, const int64_t *shape);
void parity_check_f64(parity_case *c, const char *name, const double *got,
                      int ndim, const int64_t *shape);
void parity_check_i64(parity_case *c, const char *name, const int64_t *got,
                      int ndim, const int64_t *shape);
/* Part of an output with a tolerance of its own (abs_per_step, loop.abs):
 * `want` points into the tensor of the case. */
void parity_check_part(parity_case *c, const char *name, const float *got,
                       const float *want, size_t n, double abs, double rel);
/* Single figures that case.json itself holds. */
void parity_expect(parity_case *c, bool holds, const char *format, ...)
    NJ_PRINTF(3, 4);
/* Says that the program has no such value; `why` is printed. */
void parity_absent(parity_case *c, const char *name, const char *why);

void parity_fail(parity_case *c, const char *format, ...) NJ_PRINTF(2, 3);
/* True, and a failure recorded with the text of *err, when status is bad. */
bool parity_bad(parity_case *c, nj_status status, const nj_err *err);
bool parity_failed(const parity_case *c);
/* The case cannot run here; the reason is printed. */
void parity_skip(parity_case *c, const char *format, ...) NJ_PRINTF(2, 3);

/* ---- main -------------------------------------------------------------- */

typedef enum parity_verdict {
    PARITY_PASS,
    PARITY_FAIL,
    PARITY_SKIP
} parity_verdict;

/* Runs the case of a folder that has a case.json and prints its line. */
parity_verdict parity_run(const char *folder);

/* How many times more is allowed than fixtures say, which are for the CPU:
 * another device adds in another order. NJ_PARITY_SLACK, or 1. */
double parity_slack(void);

#endif

/* Requests: command line, job files and prompt lists as one list of wishes.
 *
 * A job file is a JSON object: options under their long names with '_' for
 * '-', `prompt` or `prompts`, `sweep` (an object of lists), and `jobs`, a list
 * of such objects to which the outer values apply as defaults. A record is a
 * job file too. A prompt list has one prompt a line; blank lines and lines that
 * begin with '#' are skipped, and options for one line follow " -- ". The
 * command line wins over both. Where a file is expected "-" is standard input.
 */
#ifndef NJ_JOB_REQUEST_H
#define NJ_JOB_REQUEST_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "job/options.h"

/* Prompts with the options that hold for them. */
typedef struct nj_wish {
    nj_options options;
    nj_list prompts;
    int *lines; /* of the first line_count prompts in their list; 0: none */
    size_t line_count;
    size_t line_capacity;
    nj_list swept;  /* names of the options that a sweep varies */
    nj_list sweeps; /* "name=v1,v2" still to be multiplied out */
} nj_wish;

typedef struct nj_request {
    nj_wish *wishes; /* owned */
    size_t count;
    size_t capacity;
    size_t prompts; /* of all wishes */
} nj_request;

/* Builds a request from a command line's options and its other arguments:
 * prompts, job files (names that end in .json), and "-". NJ_E_USAGE says what
 * is wrong and where. Release *out in every case. */
nj_status nj_request_build(const nj_options *options, const nj_list *arguments,
                           nj_request *out, nj_err *err) NJ_MUST_USE;
void nj_request_release(nj_request *r);

/* Stands before every value of a sweep that a job file gave. */
#define NJ_SWEEP_MARK '\x1f'

/* ---- its parts, for request.c -------------------------------------------- */

/* A new empty wish with a copy of `options`, or NULL when memory is short. It
 * is valid until the next one is added. */
nj_wish *nj_request_add(nj_request *r, const nj_options *options);

/* Adds what a job file or a prompt list asks for; the place of `options` says
 * which one it is. */
nj_status nj_request_add_json(nj_request *r, const nj_options *options,
                              const char *text, size_t n,
                              nj_err *err) NJ_MUST_USE;
nj_status nj_request_add_lines(nj_request *r, const nj_options *options,
                               const char *text, size_t n,
                               nj_err *err) NJ_MUST_USE;

/* Counts prompts that are added; NJ_E_USAGE when they are more than a job may
 * have pictures, so that a short text cannot ask for all memory. */
nj_status nj_request_count(nj_request *r, size_t more, nj_err *err) NJ_MUST_USE;

/* Adds a prompt with its alternatives to a wish; 0: it stands in no line. */
nj_status nj_wish_add_prompt(nj_wish *w, const char *text, int line,
                             nj_err *err) NJ_MUST_USE;

/* Adds a part to a wish's place: "night.json" -> "night.json: job 2". False
 * when memory is short. */
bool nj_wish_name_part(nj_wish *w, const char *what, int number) NJ_MUST_USE;

/* The line of prompt i, 0: none. */
int nj_wish_line(const nj_wish *w, size_t i);

#endif

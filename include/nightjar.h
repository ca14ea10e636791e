/* nightjar: pictures from text by CLIP-guided diffusion, as a library.
 *
 * A job is what the user asks for: options under the names of the command
 * line (`nightjar generate --help`), and prompts. Planning resolves and checks
 * it and loads nothing; generating loads the networks and leaves one PNG for
 * every prompt and seed in the output folder. Pictures that are there already
 * are not made again.
 *
 *     nightjar_error e;
 *     nightjar_job *job = nightjar_job_new(&e);
 *
 *     if (!job || nightjar_set(job, "out", "pictures", &e) != 0 ||
 *         nightjar_set(job, "seeds", "1..4", &e) != 0 ||
 *         nightjar_add_prompt(job, "a red boat", &e) != 0 ||
 *         nightjar_plan(job, &e) != 0 ||
 *         nightjar_generate(job, NULL, NULL, &e) != 0)
 *         fprintf(stderr, "%s\n", e.text);
 *     nightjar_job_free(job);
 *
 * Functions return 0, or a code of nightjar_code with a text in *e (which may
 * be NULL). Texts are UTF-8 without control characters. A job belongs to one
 * thread at a time; different jobs may be used by different threads.
 *
 * Making pictures changes the process: glibc's malloc keeps what is freed
 * instead of giving it back to the system, and libtorch's tensors lie in a heap
 * of nightjar's (a program that uses libtorch itself shares it).
 */
#ifndef NIGHTJAR_H
#define NIGHTJAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NIGHTJAR_API __attribute__((visibility("default")))
#else
#define NIGHTJAR_API
#endif

typedef enum nightjar_code {
    NIGHTJAR_OK = 0,
    NIGHTJAR_USAGE = 1,       /* what was asked for cannot be done */
    NIGHTJAR_IO = 2,          /* the system refused to read or write */
    NIGHTJAR_NO_SPACE = 3,    /* the disk is full */
    NIGHTJAR_FORMAT = 4,      /* a file is broken or of the wrong kind */
    NIGHTJAR_MEMORY = 5,      /* memory ran out, here or on the device */
    NIGHTJAR_DEVICE = 6,      /* a device is missing or failed */
    NIGHTJAR_INTERRUPTED = 7, /* a callback asked to stop */
    NIGHTJAR_INTERNAL = 8     /* a bug */
} nightjar_code;

typedef struct nightjar_error {
    nightjar_code code;
    char text[640];
} nightjar_error;

typedef struct nightjar_job nightjar_job;

/* An empty job with all defaults; freed with nightjar_job_free. NULL when
 * memory is short. */
NIGHTJAR_API nightjar_job *nightjar_job_new(nightjar_error *e);
NIGHTJAR_API void nightjar_job_free(nightjar_job *job);

/* Sets an option by its long name without "--" ('_' and '-' are the same) from
 * the text that the command line would take. Options that may be repeated
 * grow. Not after nightjar_plan. */
NIGHTJAR_API int nightjar_set(nightjar_job *job, const char *name,
                              const char *value, nightjar_error *e);

/* Adds a prompt: "text:weight | text:weight". Not after nightjar_plan. */
NIGHTJAR_API int nightjar_add_prompt(nightjar_job *job, const char *prompt,
                                     nightjar_error *e);

/* Resolves and checks the job: sizes, steps, files, device, output folder.
 * Without "seed" and "seeds" the seed is that of the last job in the folder
 * that asked for the same and was not completed, else one is drawn. */
NIGHTJAR_API int nightjar_plan(nightjar_job *job, nightjar_error *e);

/* One picture of a plan. Texts live as long as the job. */
typedef struct nightjar_image {
    const char *prompt;
    uint64_t seed;
    int width;  /* pixels */
    int height; /* pixels */
    int iterations;
} nightjar_image;

/* Pictures of a planned job, in the order in which they are made; 0 before
 * nightjar_plan. */
NIGHTJAR_API size_t nightjar_count(const nightjar_job *job);
NIGHTJAR_API nightjar_image nightjar_at(const nightjar_job *job, size_t i);

typedef struct nightjar_tally {
    size_t planned;
    size_t made;
    size_t skipped; /* there already */
    size_t failed;
} nightjar_tally;

/* What happens while pictures are made; every member may be NULL. Arguments
 * are borrowed during the call. */
typedef struct nightjar_callbacks {
    void *user;
    /* After every network step. A result other than 0 stops the job. */
    int (*step)(void *user, int iteration, int iterations);
    /* Picture `number` of the plan is in file `path`: made now, or found. */
    void (*picture)(void *user, size_t number, const char *path, int made);
    /* Picture `number` could not be made; the others go on. */
    void (*failed)(void *user, size_t number, const char *why);
} nightjar_callbacks;

/* Makes the pictures of a planned job. 0 when the plan was worked off, even if
 * single pictures failed: see *tally. Both pointers may be NULL. */
NIGHTJAR_API int nightjar_generate(nightjar_job *job,
                                   const nightjar_callbacks *callbacks,
                                   nightjar_tally *tally, nightjar_error *e);

/* "0.1.0"; static storage. */
NIGHTJAR_API const char *nightjar_version(void);

#ifdef __cplusplus
}
#endif

#endif

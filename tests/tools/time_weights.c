/* Measures how long a weight file takes to open and to convert to float32,
 * and how much memory that takes.
 *
 *     time_weights FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "weights/weights.h"

struct moment {
    double wall;
    double cpu; /* user and system, of this process */
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static struct moment now(void)
{
    struct timespec t;
    struct rusage usage;

    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &usage);
    return (struct moment){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec,
                           seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

static void print_span(const char *what, struct moment from, struct moment to)
{
    printf("%s: %.3f s, processor time %.3f s\n", what, to.wall - from.wall,
           to.cpu - from.cpu);
}

/* What `cat FILE > /dev/null` costs: every byte is read once. */
static void read_all(const char *path)
{
    static char buffer[1 << 17];
    FILE *f = fopen(path, "rb");

    if (!f)
        return;
    setvbuf(f, NULL, _IONBF, 0);
    while (fread(buffer, 1, sizeof(buffer), f) == sizeof(buffer))
        continue;
    fclose(f);
}

/* Each tensor into memory of its own, as a network keeps it. */
static double convert_all(const nj_weights *w, size_t *bytes)
{
    double sum = 0;

    *bytes = 0;
    for (size_t i = 0; i < nj_weights_count(w); i++) {
        const nj_view *v = nj_weights_at(w, i);
        size_t n = (size_t)nj_view_elements(v);
        float *out = nj_realloc(NULL, n, sizeof(*out));

        if (!out)
            return -1;
        nj_view_to_f32(v, out);
        nj_weights_done(w, v);
        sum += n ? (double)out[n - 1] : 0;
        *bytes += n * sizeof(*out);
    }
    return sum;
}

int main(int argc, char **argv)
{
    nj_weights *w = NULL;
    nj_err err = {0};
    struct rusage usage;
    struct moment at[4];
    size_t bytes;

    if (argc != 2) {
        fprintf(stderr, "usage: time_weights FILE\n");
        return 2;
    }
    read_all(argv[1]);
    at[0] = now();
    read_all(argv[1]);
    at[1] = now();
    if (nj_weights_open(argv[1], &w, &err) != NJ_OK) {
        fprintf(stderr, "time_weights: %s\n", err.text);
        return 1;
    }
    at[2] = now();
    convert_all(w, &bytes);
    at[3] = now();
    getrusage(RUSAGE_SELF, &usage);
    print_span("read the warm file", at[0], at[1]);
    print_span("open and check", at[1], at[2]);
    print_span("convert to float32", at[2], at[3]);
    printf("%.1f MB of float32, peak resident %.1f MB\n", (double)bytes / 1e6,
           (double)usage.ru_maxrss * 1024 / 1e6);
    nj_weights_free(w);
    return 0;
}

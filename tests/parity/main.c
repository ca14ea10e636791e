/* parity DIR...: runs every case below the folders and counts. A DIR is an
 * area, a single case or a folder of areas. Exit status 1 when any case fails
 * or a DIR holds none, 77 when every case was skipped. NJ_PARITY_CUDA runs what
 * has tensors on the first GPU, NJ_PARITY_SLACK=N allows N times the fixtures'
 * tolerances. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "parity/tensors.h"

enum { DEPTH_MAX = 3, SKIPPED = 77 };

struct counts {
    int of[PARITY_SKIP + 1];
};

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool has_case(const char *folder)
{
    char *path = nj_path_join(folder, "case.json");
    struct stat info;
    bool found = path && stat(path, &info) == 0;

    free(path);
    return found;
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Cases below a folder in the order of their names; a case holds no others. */
static int walk(const char *folder, int depth, struct counts *counts)
{
    struct dirent **entries;
    int n;
    int cases = 0;

    if (has_case(folder)) {
        counts->of[parity_run(folder)]++;
        return 1;
    }
    n = depth > 0 ? scandir(folder, &entries, not_hidden, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        char *path = nj_path_join(folder, entries[i]->d_name);

        if (path && is_folder(path))
            cases += walk(path, depth - 1, counts);
        free(path);
        free(entries[i]);
    }
    if (n > 0)
        free(entries);
    return cases;
}

int main(int argc, char **argv)
{
    struct counts counts = {{0}};

    if (argc < 2) {
        fprintf(stderr, "usage: parity DIR...\n");
        return 2;
    }
    if (parity_device().kind == TH_CUDA && th_cuda_count() == 0) {
        printf("FAIL NJ_PARITY_CUDA: no GPU can be used here\n");
        return 1;
    }
    th_set_fast(false);
    th_set_tf32(false);
    for (int i = 1; i < argc; i++) {
        if (walk(argv[i], DEPTH_MAX, &counts) == 0) {
            printf("FAIL %s: no case in this folder\n", argv[i]);
            counts.of[PARITY_FAIL]++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", counts.of[PARITY_PASS],
           counts.of[PARITY_FAIL], counts.of[PARITY_SKIP]);
    if (counts.of[PARITY_FAIL])
        return 1;
    return counts.of[PARITY_PASS] ? 0 : SKIPPED;
}

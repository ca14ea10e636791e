/* Parity of the weight readers: files to read, and files to refuse.
 *
 * Every hostile file is opened in a process of its own, in an empty folder,
 * with a limit on memory and time; what it does there is the verdict. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parity/areas.h"
#include "weights_expect.h"

#define MEMORY_LIMIT  ((rlim_t)1 << 30)
#define SECONDS_LIMIT 10
#define COPY_MAX      ((size_t)1 << 28)

/* What a child says by its exit status. */
enum { CHILD_READ = 0, CHILD_REFUSED = 1, CHILD_WRONG = 2 };

/* Calls `one` for every file of the case's index. */
static void each_file(parity_case *c,
                      void (*one)(parity_case *c, const cJSON *file))
{
    cJSON *index = NULL;
    nj_err err = {0};
    const char *path = parity_path(c, parity_string(c, "index"));
    const cJSON *file;

    if (parity_bad(c, nj_json_read(path, &index, &err), &err))
        return;
    parity_expect(c, cJSON_GetArraySize(nj_json_get(index, "files")) > 0,
                  "the index names no file");
    cJSON_ArrayForEach(file, nj_json_get(index, "files")) one(c, file);
    cJSON_Delete(index);
}

static bool expects(const cJSON *file, const char *what)
{
    return strcmp(nj_json_string(file, "expect", ""), what) == 0;
}

/* ---- files to read ----------------------------------------------------- */

/* Names count from `weights_at`: each tensor below it must be found by the
 * rest of its path. */
static void check_names(parity_case *c, const cJSON *file, const nj_weights *w)
{
    const cJSON *start = nj_json_get(file, "weights_at");
    int skip = cJSON_GetArraySize(start);
    const cJSON *t;

    cJSON_ArrayForEach(t, nj_json_get(file, "tensors"))
    {
        const cJSON *path = nj_json_get(t, "path");
        const cJSON *key = cJSON_GetArrayItem(path, skip);
        const nj_view *v;

        if (cJSON_GetArraySize(path) != skip + 1 || !cJSON_IsString(key) ||
            (skip && !cJSON_Compare(cJSON_GetArrayItem(path, 0),
                                    cJSON_GetArrayItem(start, 0), 1)))
            continue;
        v = nj_weights_find(w, key->valuestring);
        parity_expect(c, v && v == find_path(w, path),
                      "%s: '%s' does not find its tensor",
                      nj_json_string(file, "file", ""), key->valuestring);
    }
}

static void read_one(parity_case *c, const cJSON *file)
{
    const char *name = nj_json_string(file, "file", "");
    nj_weights *w = NULL;
    nj_err err = {0};
    nj_status status = nj_weights_open(parity_path(c, name), &w, &err);

    if (status != NJ_OK) {
        parity_expect(c, expects(file, "ok-or-error"), "%s: %s", name,
                      err.text);
        return;
    }
    if (nj_json_get(file, "tensors")) {
        int wrong = weights_differences(name, w, nj_json_get(file, "tensors"));

        parity_expect(c, wrong == 0, "%s: %d tensors differ", name, wrong);
        check_names(c, file, w);
    }
    nj_weights_free(w);
}

static void run_read(parity_case *c)
{
    each_file(c, read_one);
}

/* ---- files to refuse --------------------------------------------------- */

/* Memory beyond what the program itself (libtorch) has mapped. */
static void limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    struct rlimit limit;

    if (f && fscanf(f, "%lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    limit.rlim_cur = MEMORY_LIMIT + pages * (rlim_t)sysconf(_SC_PAGESIZE);
    limit.rlim_max = limit.rlim_cur;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(CHILD_WRONG);
#endif
}

/* Reads every value, as a network would. */
static void touch_all(const nj_weights *w)
{
    for (size_t i = 0; i < nj_weights_count(w); i++) {
        const nj_view *v = nj_weights_at(w, i);
        size_t n = (size_t)nj_view_elements(v) * nj_dtype_size(v->dtype);
        void *bytes = n <= COPY_MAX ? malloc(n + 1) : NULL;

        if (bytes)
            nj_view_copy(v, bytes);
        free(bytes);
    }
}

static void child(const char *path, const char *folder, int out)
{
    nj_weights *w = NULL;
    nj_err err = {0};
    nj_status status;

    alarm(SECONDS_LIMIT);
    limit_memory();
    if (chdir(folder) != 0)
        _exit(CHILD_WRONG);
    status = nj_weights_open(path, &w, &err);
    if (status == NJ_OK) {
        touch_all(w);
        nj_weights_free(w);
        _exit(CHILD_READ);
    }
    if (write(out, err.text, strlen(err.text)) < 0)
        _exit(CHILD_WRONG);
    _exit(status == NJ_E_FORMAT ? CHILD_REFUSED : CHILD_WRONG);
}

static const char *verdict_words(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? "took too long" : "crashed";
    switch (WEXITSTATUS(status)) {
    case CHILD_READ:
        return "was read";
    case CHILD_REFUSED:
        return "was refused";
    default:
        return "failed for another reason";
    }
}

static bool is_empty(const char *folder)
{
    DIR *d = opendir(folder);
    int entries = 0;

    while (d && readdir(d))
        entries++;
    if (d)
        closedir(d);
    return entries == 2;
}

static void judge(parity_case *c, const cJSON *file, int status,
                  const char *text)
{
    const char *name = nj_json_string(file, "file", "");
    bool read = WIFEXITED(status) && WEXITSTATUS(status) == CHILD_READ;
    bool refused = WIFEXITED(status) && WEXITSTATUS(status) == CHILD_REFUSED;

    parity_expect(c,
                  (read && !expects(file, "error")) ||
                      (refused && !expects(file, "ok")),
                  "%s (%s) %s: %s", name, nj_json_string(file, "note", ""),
                  verdict_words(status), text);
    parity_expect(c, !refused || text[0], "%s: refused without a reason", name);
    if (getenv("NJ_PARITY_VERBOSE"))
        printf("    %s: %s\n", name, read ? "read" : text);
}

static void refuse_one(parity_case *c, const cJSON *file)
{
    const char *name = nj_json_string(file, "file", "");
    char *path = realpath(parity_path(c, name), NULL);
    char folder[] = "/tmp/nightjar-parity-XXXXXX";
    char text[NJ_ERR_TEXT_MAX] = "";
    int status = 0;
    int ends[2];
    ssize_t n;
    pid_t pid;

    if (!path || !mkdtemp(folder) || pipe(ends) != 0) {
        parity_fail(c, "%s: %s", name, strerror(errno));
        free(path);
        return;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        child(path, folder, ends[1]);
    close(ends[1]);
    n = read(ends[0], text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        parity_fail(c, "%s: no child", name);
    else
        judge(c, file, status, text);
    parity_expect(c, is_empty(folder), "%s: left a file in %s", name, folder);
    rmdir(folder);
    free(path);
}

static void run_refuse(parity_case *c)
{
    each_file(c, refuse_one);
    parity_expect(c,
                  access("pwned", F_OK) != 0 &&
                      access(parity_path(c, "pwned"), F_OK) != 0,
                  "a file named 'pwned' exists: something was run");
}

const parity_kind parity_weights[] = {
    {"weights_read", run_read},
    {"weights_refuse", run_refuse},
    {0},
};

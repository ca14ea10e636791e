/* Free memory of made-up machines: with and without limits of control groups.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/path.h"
#include "job/free_memory.h"

static char folder[] = "/tmp/nj_free_XXXXXX";

static void write_file(const char *name, const char *text)
{
    char *path = nj_path_join(folder, name);
    char *slash = strrchr(path, '/');
    nj_err err = {0};

    *slash = '\0';
    assert_int_equal(nj_make_folders(path, &err), NJ_OK);
    *slash = '/';
    assert_int_equal(nj_file_write_atomic(path, text, strlen(text), &err),
                     NJ_OK);
    free(path);
}

static uint64_t free_memory(void)
{
    char *proc = nj_path_join(folder, "proc");
    char *groups = nj_path_join(folder, "groups");
    uint64_t bytes = nj_free_memory_in(proc, groups);

    free(proc);
    free(groups);
    return bytes;
}

static void counts_the_machine_and_its_groups(void **state)
{
    (void)state;
    assert_int_equal(free_memory(), 0);
    write_file("proc/meminfo", "MemTotal: 4000 kB\nMemAvailable: 3000 kB\n");
    assert_int_equal(free_memory(), 3000 * 1024);
    /* The job's own group has no limit, the one above has. */
    write_file("proc/self/cgroup", "1:name=old:/\n0::/slurm/job_7\n");
    write_file("groups/slurm/job_7/memory.max", "max\n");
    write_file("groups/slurm/job_7/memory.current", "5\n");
    assert_int_equal(free_memory(), 3000 * 1024);
    write_file("groups/slurm/memory.max", "1000000\n");
    write_file("groups/slurm/memory.current", "400000\n");
    assert_int_equal(free_memory(), 600000);
    write_file("groups/slurm/memory.stat",
               "active_file 7\ninactive_file 100000\n");
    assert_int_equal(free_memory(), 700000);
    write_file("groups/slurm/job_7/memory.max", "1000\n");
    assert_int_equal(free_memory(), 995);
    /* All of it is used: little, but known. */
    write_file("groups/slurm/job_7/memory.current", "2000\n");
    assert_int_equal(free_memory(), 1);
}

static int clean_up(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_machine_and_its_groups),
    };

    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, clean_up);
}

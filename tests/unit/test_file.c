/* Files: whole or not at all, hashes, folders. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/path.h"

static char folder[] = "/tmp/nightjar-test-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void writes_whole_and_reads_back(void **state)
{
    char *path = nj_path_join(folder, "a.bin");
    char *bytes;
    size_t n;
    nj_err err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(nj_file_write_atomic(path, "abc\0d", 5, &err), NJ_OK);
    assert_int_equal(nj_file_read(path, 5, &bytes, &n, &err), NJ_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(bytes, "abc\0d", 6);
    free(bytes);
    assert_int_equal(nj_file_read(path, 4, &bytes, &n, &err), NJ_E_FORMAT);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_nlink, 2);
    free(path);
}

static void names_what_fails(void **state)
{
    char *bytes;
    size_t n;
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_file_read(folder, 9, &bytes, &n, &err), NJ_E_IO);
    assert_non_null(strstr(err.text, "it is a folder"));
    assert_int_equal(nj_file_write_atomic("/nonexistent/x", "a", 1, &err),
                     NJ_E_IO);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
}

static void makes_folders(void **state)
{
    char *deep = nj_path_join(folder, "x/y/z");
    char *file = nj_path_join(folder, "x/f");
    nj_err err = {0};

    (void)state;
    assert_int_equal(nj_make_folders(deep, &err), NJ_OK);
    assert_int_equal(nj_make_folders(deep, &err), NJ_OK);
    assert_int_equal(nj_file_write_atomic(file, "", 0, &err), NJ_OK);
    assert_int_equal(nj_make_folders(file, &err), NJ_E_IO);
    free(deep);
    free(file);
}

/* Another process takes the folder away the first `gone` times. */
static nj_status use(const char *path, void *user, nj_err *err)
{
    int *gone = user;

    assert_int_equal(access(path, F_OK), 0);
    if ((*gone)-- <= 0)
        return *gone < -1 ? nj_fail(err, NJ_E_IO, "no") : NJ_OK;
    assert_int_equal(rmdir(path), 0);
    return nj_fail(err, NJ_E_IO, "gone");
}

static void uses_a_folder(void **state)
{
    char *deep = nj_path_join(folder, "u/v");
    char *top = nj_path_join(folder, "u");
    int gone = 3;

    (void)state;
    assert_int_equal(nj_use_folder(deep, true, use, &gone, NULL), NJ_OK);
    assert_int_equal(access(deep, F_OK), 0);
    assert_int_equal(rmdir(deep) | rmdir(top), 0);
    gone = 0; /* not kept */
    assert_int_equal(nj_use_folder(deep, false, use, &gone, NULL), NJ_OK);
    assert_int_not_equal(access(top, F_OK), 0);
    gone = -1; /* refused while the folder is there: not tried again */
    assert_int_equal(nj_use_folder(deep, true, use, &gone, NULL), NJ_E_IO);
    assert_int_equal(gone, -2);
    assert_int_not_equal(access(top, F_OK), 0);
    free(deep);
    free(top);
}

static void writes_with_its_folder(void **state)
{
    char *file = nj_path_join(folder, "w/x/f");
    char *wrong = nj_path_join(folder, "w/y/z/");
    char *bytes;
    size_t n;

    (void)state;
    assert_int_equal(nj_file_write_in_folder(file, "ab", 2, NULL), NJ_OK);
    assert_int_equal(nj_file_read(file, 9, &bytes, &n, NULL), NJ_OK);
    assert_string_equal(bytes, "ab");
    free(bytes);
    assert_int_equal(nj_file_write_in_folder(wrong, "ab", 2, NULL), NJ_E_IO);
    wrong[strlen(wrong) - strlen("/z/")] = '\0';
    assert_int_not_equal(access(wrong, F_OK), 0);
    free(file);
    free(wrong);
}

/* Another process that tidies up: it locks the next new file before its writer
 * does. */
static struct {
    bool comes;
    int fd;
    char path[256];
} rival;

static void lock_first(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, rival.path, sizeof(rival.path) - 1);
    assert_true(n > 0);
    rival.path[n] = '\0';
    rival.fd = open(rival.path, O_WRONLY);
    assert_true(rival.fd >= 0);
    assert_int_equal(syscall(SYS_fcntl, rival.fd, F_OFD_SETLK, &whole), 0);
}

/* Instead of the C library's. */
int fcntl(int fd, int command, ...)
{
    va_list args;
    void *argument;

    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    if (rival.comes && command == F_OFD_SETLK) {
        rival.comes = false;
        lock_first(fd);
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

static void leaves_a_file_that_is_being_removed(void **state)
{
    char *path = nj_path_join(folder, "contested");
    nj_err err = {0};

    (void)state;
    rival.comes = true;
    assert_int_equal(nj_file_write_atomic(path, "a", 1, &err), NJ_OK);
    assert_false(rival.comes);
    /* It was not the one that became the file. */
    assert_int_equal(access(rival.path, F_OK), 0);
    assert_int_equal(access(path, F_OK), 0);
    close(rival.fd);
    nj_file_tidy(folder);
    assert_int_not_equal(access(rival.path, F_OK), 0);
    free(path);
}

/* As of a writer that is killed before it gets there. */
static bool unlink_comes_too_late;

int unlink(const char *path)
{
    return unlink_comes_too_late
               ? 0
               : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* Names in a folder that begin like those of temporary files. */
static int temporary_files(const char *in)
{
    DIR *dir = opendir(in);
    const struct dirent *entry;
    int found = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        found += strncmp(entry->d_name, ".nightjar", 9) == 0;
    closedir(dir);
    return found;
}

static void unnamed_files_are_never_left(void **state)
{
    nj_err err = {0};
    char back[4] = "";
    int fd;

    (void)state;
    assert_int_equal(nj_file_open_unnamed(folder, &fd, &err), NJ_OK);
    assert_int_equal(temporary_files(folder), 0);
    assert_int_equal(nj_file_write_all(fd, folder, "abc", 3, &err), NJ_OK);
    assert_int_equal(pread(fd, back, 3, 0), 3);
    assert_string_equal(back, "abc");
    close(fd);
    unlink_comes_too_late = true;
    assert_int_equal(nj_file_open_unnamed(folder, &fd, &err), NJ_OK);
    unlink_comes_too_late = false;
    assert_int_equal(temporary_files(folder), 1);
    close(fd);
    nj_file_tidy(folder);
    assert_int_equal(temporary_files(folder), 0);
}

static void names_the_last_part(void **state)
{
    (void)state;
    assert_string_equal(nj_path_name("a/b/c.png"), "c.png");
    assert_string_equal(nj_path_name("c.png"), "c.png");
    assert_string_equal(nj_path_name("a/"), "");
}

static void hashes(void **state)
{
    char hex[65];
    char of_file[65];
    char *path = nj_path_join(folder, "abc");
    nj_err err = {0};

    (void)state;
    nj_sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(nj_file_write_atomic(path, "abc", 3, &err), NJ_OK);
    assert_int_equal(nj_file_sha256(path, of_file, &err), NJ_OK);
    assert_string_equal(of_file, hex);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_whole_and_reads_back),
        cmocka_unit_test(names_what_fails),
        cmocka_unit_test(makes_folders),
        cmocka_unit_test(uses_a_folder),
        cmocka_unit_test(writes_with_its_folder),
        cmocka_unit_test(leaves_a_file_that_is_being_removed),
        cmocka_unit_test(unnamed_files_are_never_left),
        cmocka_unit_test(names_the_last_part),
        cmocka_unit_test(hashes),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

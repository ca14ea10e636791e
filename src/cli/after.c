/* Shared by rank, pick, upscale, index and search: see after.h. */
#include "cli/after.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void nj_after_init(nj_after *a, const nj_invocation *in)
{
    *a = (nj_after){.options = in->options};
    nj_show_init(&a->show, in->options, NULL);
}

static void end_line(nj_after *a)
{
    if (a->told)
        fputs("\r\x1b[K", stderr);
    a->told = false;
}

/* Skipped files are told even when the run is quiet: they are errors. */
void nj_after_skipped(void *user, const nj_err *why)
{
    nj_after *a = user;

    end_line(a);
    fprintf(stderr, "nightjar: skipped: %s\n", why->text);
}

void nj_after_progress(void *user, size_t done, size_t all)
{
    nj_after *a = user;

    if (a->show.quiet || !isatty(STDERR_FILENO))
        return;
    end_line(a);
    if (done < all) {
        fprintf(stderr, "%zu of %zu picture%s", done, all, all == 1 ? "" : "s");
        a->told = true;
    }
    fflush(stderr);
}

const char *nj_after_folder(const nj_invocation *in, size_t most, nj_err *err)
{
    const nj_list *rest = in->rest;
    struct stat st;

    if (rest->count == 0) {
        nj_fail(err, NJ_E_USAGE, "a folder is expected");
        return NULL;
    }
    if (rest->count > most) {
        nj_fail(err, NJ_E_USAGE, "'%s' is one argument too many",
                rest->items[most]);
        return NULL;
    }
    if (stat(rest->items[0], &st) != 0) {
        nj_fail(err, NJ_E_USAGE, "cannot open folder '%s': %s", rest->items[0],
                strerror(errno));
        return NULL;
    }
    if (!S_ISDIR(st.st_mode)) {
        nj_fail(err, NJ_E_USAGE, "'%s' is not a folder", rest->items[0]);
        return NULL;
    }
    return rest->items[0];
}

int nj_after_end(const nj_after *a, const nj_err *err, bool some)
{
    nj_show show = a->show;

    if (err->code == NJ_E_INTERRUPTED) {
        nj_show_note(&show, "interrupted; the same command goes on");
        return NJ_EXIT_INTERRUPTED;
    }
    nj_cli_refuse(err);
    if (err->code == NJ_E_USAGE)
        return NJ_EXIT_USAGE;
    return some ? NJ_EXIT_SOME : NJ_EXIT_NOTHING;
}

void nj_after_print(const nj_str *s)
{
    if (s->text)
        fwrite(s->text, 1, s->length, stdout);
    fflush(stdout);
}

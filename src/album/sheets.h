/* Contact sheets of many pictures: as many pages as it takes.
 *
 * One page and one picture are in memory at a time. The pages are `out`, or
 * where there are several, `out` with -1, -2 ... before its ending. A file that
 * is there is replaced only when it is a contact sheet itself, and whole. Pages
 * say which one they are: those that an earlier, longer series under the same
 * name has left are removed, no other file is.
 */
#ifndef NJ_ALBUM_SHEETS_H
#define NJ_ALBUM_SHEETS_H

#include "album/gather.h"
#include "image/sheet.h"

typedef struct nj_sheets_config {
    const nj_list *paths; /* pictures, at least one */
    nj_sheet_config page; /* columns 0: about as many as rows, at most 10 */
    int per_page;         /* pictures, at least 1 */
    const char *out;      /* file name ending in .png */
    nj_skip_note note;    /* pictures that turn out to be broken */
    void *user;
} nj_sheets_config;

typedef struct nj_sheets {
    nj_list pages;   /* files that were written */
    size_t pictures; /* on them */
    size_t removed;  /* pages of an earlier series */
    size_t skipped;
} nj_sheets;

/* NJ_E_USAGE: `out` has another ending, or a file that is no contact sheet is
 * in the way; nothing was written then. Release *done in every case. */
nj_status nj_sheets_write(const nj_sheets_config *config, nj_sheets *done,
                          nj_err *err) NJ_MUST_USE;
void nj_sheets_release(nj_sheets *done);

#endif

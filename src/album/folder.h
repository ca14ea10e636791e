/* Pictures of a folder, and what their records say about them.
 *
 * Listing and reading are two steps, so that a folder of any size needs memory
 * for its names alone:
 *
 *     nj_folder_list("pictures", &names, &err);
 *     for (size_t i = 0; i < names.count; i++) {
 *         char *path = nj_path_join("pictures", names.items[i]);
 *         nj_about about;
 *         if (nj_about_read(path, &about, &err) == NJ_OK && !about.sheet)
 *             ... about.prompt, about.seed, about.record ...
 *         nj_about_release(&about);
 *     }
 *
 * Not for: pixels (image/picture.h), and subfolders, which are left out.
 */
#ifndef NJ_ALBUM_FOLDER_H
#define NJ_ALBUM_FOLDER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"

/* A PNG with this text chunk is a contact sheet, no picture of a run. */
#define NJ_SHEET_KEYWORD "nightjar-sheet"

/* Appends the names (without the folder) of regular files that end in .png,
 * .jpg, .jpeg or .webp, in any case of letters. Videos of pictures and
 * hidden files, which may be unfinished, are left out. Sorted with
 * nj_folder_compare. NJ_E_IO: the folder cannot be read. */
nj_status nj_folder_list(const char *folder, nj_list *names,
                         nj_err *err) NJ_MUST_USE;

/* Order of names: runs of digits count as numbers, so that seed 9 comes before
 * seed 10; all else by bytes. 0 only for equal names. */
int nj_folder_compare(const char *a, const char *b);

/* What a picture's record says. */
typedef struct nj_about {
    char *record;      /* the record's JSON text; NULL: the file has none */
    char *prompt;      /* never NULL; "" when unknown */
    char seed[24];     /* decimal; "" when unknown */
    char identity[65]; /* "" when unknown */
    char preset[64];   /* "" when it was made without one */
    int iteration;     /* from 0; -1 when unknown */
    int iterations;    /* of the whole run; 0 when unknown */
    bool scored;
    double score; /* finite; counts when scored */
    bool sheet;   /* a contact sheet */
} nj_about;

/* Reads the record of a picture file; nothing is decoded. Where there is none,
 * prompt, seed and iteration are taken from the file's name if nightjar made
 * it, and a file of another kind than PNG is no error. NJ_E_IO: cannot be read;
 * NJ_E_FORMAT: a broken PNG. Release *out in every case. */
nj_status nj_about_read(const char *path, nj_about *out,
                        nj_err *err) NJ_MUST_USE;
void nj_about_release(nj_about *a);

/* Whether the file is a contact sheet of nightjar's; false when it cannot be
 * read. */
bool nj_about_sheet(const char *path);

/* False for the intermediate pictures of --save-every. */
bool nj_about_finished(const nj_about *a);

#endif

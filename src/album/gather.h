/* Gathering: the pictures that a command line of folders and files means.
 *
 * Folders give their pictures (album/folder.h), files are taken as they are, in
 * the order of the command line. Contact sheets are left out, and so are
 * intermediate pictures unless they are asked for. What is no picture, or a
 * broken one, is skipped with its reason and counted.
 */
#ifndef NJ_ALBUM_GATHER_H
#define NJ_ALBUM_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/list.h"

/* Told of every file that is skipped; *why is a whole line. */
typedef void (*nj_skip_note)(void *user, const nj_err *why);

typedef struct nj_gather_config {
    const nj_list *from; /* folders and files; borrowed */
    bool all;            /* intermediate pictures too */
    nj_skip_note note;   /* may be NULL */
    void *user;
} nj_gather_config;

typedef struct nj_gathered {
    nj_list paths;       /* that can be opened as they are */
    size_t skipped;      /* unreadable or broken */
    size_t intermediate; /* left out */
} nj_gathered;

/* NJ_E_USAGE: an entry is not there. Release *out in every case. */
nj_status nj_gather(const nj_gather_config *config, nj_gathered *out,
                    nj_err *err) NJ_MUST_USE;
void nj_gathered_release(nj_gathered *g);

#endif

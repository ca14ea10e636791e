/* Embedding a folder: the pictures that `nightjar.embeddings` does not hold as
 * they are now are read and embedded, all others are left alone.
 *
 * Contact sheets are left out. Pictures that cannot be read are told and
 * counted, never fatal. What was
 * embedded is on the disk after every NJ_EMBED_BLOCK pictures, so a run that
 * was killed continues from there.
 */
#ifndef NJ_ALBUM_EMBED_FOLDER_H
#define NJ_ALBUM_EMBED_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "album/embeddings.h"
#include "album/lens.h"
#include "base/err.h"
#include "base/list.h"
#include "image/picture.h"
#include "run/stop.h"

#define NJ_EMBED_BLOCK 64

typedef struct nj_embed_tally {
    size_t known; /* stored already */
    size_t embedded;
    size_t skipped; /* could not be read */
    size_t sheets;  /* contact sheets, which hold what is there already */
    size_t removed; /* stored, but no longer in the folder */
} nj_embed_tally;

typedef struct nj_embed_job {
    const char *folder;
    const nj_list *names; /* relative to the folder */
    bool prune;           /* forget pictures that are not among the names */
    nj_stop *stop;        /* or NULL */
    void *user;
    /* Both may be NULL. `why` names the file. */
    void (*skipped)(void *user, const nj_err *why);
    void (*progress)(void *user, size_t done, size_t all);
} nj_embed_job;

/* *out holds the embeddings afterwards, free it with nj_embeddings_free.
 * NJ_E_INTERRUPTED: it was asked to stop; what was done is stored. */
nj_status nj_embed_folder(const nj_embed_job *job, nj_lens *lens,
                          nj_embeddings **out, nj_embed_tally *tally,
                          nj_err *err) NJ_MUST_USE;

/* Reads a picture as RGB for a CLIP; refuses shapes that CLIP's square cannot
 * show. */
nj_status nj_embed_read(const char *path, nj_picture *out,
                        nj_err *err) NJ_MUST_USE;

/* Appends the pictures of a folder and of the folders in it, as relative paths,
 * sorted folder by folder. Hidden folders and links to folders are left out. */
nj_status nj_embed_walk(const char *folder, nj_list *names,
                        nj_err *err) NJ_MUST_USE;

#endif

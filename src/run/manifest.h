/* Manifest: what happened in a run folder, one JSON object a line.
 *
 * `nightjar.jsonl` (a shard's: `nightjar.2of8.jsonl`) is only ever appended to.
 * Every line ends in a checksum of what precedes it, so a line that a crash
 * tore is known and skipped, and the next one begins on a line of its own. Any
 * number of processes may append to one file: a line is one write, and no lock
 * is taken that a stopped process could keep. Pictures themselves say whether
 * they are done; the manifest is for people, for status and for what pictures
 * cannot say. docs/run-folder.md lists the events.
 */
#ifndef NJ_RUN_MANIFEST_H
#define NJ_RUN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"

typedef struct nj_manifest {
    int fd;     /* -1: closed */
    char *path; /* owned */
} nj_manifest;

/* Opens (makes) the manifest of `folder` for shard `shard` of `shards` (1 of 1:
 * the whole). */
nj_status nj_manifest_open(const char *folder, int shard, int shards,
                           nj_manifest *out, nj_err *err) NJ_MUST_USE;
void nj_manifest_close(nj_manifest *m);

/* Appends an object; time and checksum are added. The object is given away;
 * NULL stands for one that memory was too short for. `lasting`: the line is on
 * the disk when the call returns. */
nj_status nj_manifest_add(nj_manifest *m, cJSON *object, bool lasting,
                          nj_err *err) NJ_MUST_USE;

/* Paths of all manifests in a folder, sorted. */
nj_status nj_manifest_find(const char *folder, nj_list *paths,
                           nj_err *err) NJ_MUST_USE;

/* Calls `line` for every whole line of a manifest in order, with its object;
 * *torn counts the lines that are broken. */
nj_status nj_manifest_read(const char *path,
                           void (*line)(void *user, const cJSON *object),
                           void *user, size_t *torn, nj_err *err) NJ_MUST_USE;

/* The same from *offset on; *offset moves behind the last line that has its
 * newline. A manifest that is not there has no lines. */
nj_status nj_manifest_follow(const char *path, uint64_t *offset,
                             void (*line)(void *user, const cJSON *object),
                             void *user, size_t *torn, nj_err *err) NJ_MUST_USE;

/* Checks one line of n bytes (without the newline); the caller deletes the
 * object. NULL when it is broken. */
cJSON *nj_manifest_parse(const char *line, size_t n);

#endif

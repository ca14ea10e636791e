/* Ranking: how well a folder's pictures fit their own prompts, and which of
 * them are nearly the same.
 *
 * The score of a picture is the cosine of its embedding and its prompt's, for a
 * weighted prompt the mean of its texts' by their weights. With several CLIPs
 * each one's scores are first brought to mean 0 and deviation 1 over the
 * folder, so that none outweighs the others, and then averaged. Pictures are
 * nearly the same when every CLIP's embeddings of them are near and their
 * pixels correlate (album/alike.h); of such pictures the best one counts, and
 * the others name it.
 *
 * The result is kept as `nightjar.ranking.jsonl` in the folder, an object a
 * line, best first, so that pick needs no network.
 */
#ifndef NJ_ALBUM_RANK_H
#define NJ_ALBUM_RANK_H

#include <stdbool.h>
#include <stddef.h>

#include "album/embed_folder.h"
#include "album/lens.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "engine/engine.h"
#include "run/stop.h"

#define NJ_RANKING_FILE "nightjar.ranking.jsonl"

typedef struct nj_ranked {
    char *file; /* relative to the folder; owned, as the next */
    char *prompt;
    char seed[24];
    double score;
    double cosines[NJ_ENGINE_CLIPS_MAX]; /* of each CLIP */
    size_t duplicate_of; /* place of the better picture, or NJ_RANK_UNIQUE */
} nj_ranked;

#define NJ_RANK_UNIQUE ((size_t)-1)

typedef struct nj_ranking {
    nj_ranked *items; /* best first */
    size_t count;
    size_t capacity;
    size_t clips;
} nj_ranking;

/* The pictures of a folder that can be ranked: finished ones with a prompt, no
 * contact sheets, no upscaled ones. `guides` gets the sums of the CLIPs that
 * guided them, each once. Broken files are told through `skipped` (may be NULL)
 * and counted. Release *out in every case. */
typedef struct nj_rank_gathered {
    size_t skipped; /* broken */
    size_t promptless;
    size_t left_out; /* intermediate, upscaled, contact sheets */
} nj_rank_gathered;

nj_status nj_rank_gather(const char *folder, nj_ranking *out, nj_list *guides,
                         nj_rank_gathered *tally,
                         void (*skipped)(void *user, const nj_err *why),
                         void *user, nj_err *err) NJ_MUST_USE;

/* Scores and sorts. Pictures without an embedding leave the ranking. `job` is
 * the embedding's; its names are ignored. */
nj_status nj_rank(const nj_embed_job *job, nj_lens *lenses, size_t count,
                  double near, nj_ranking *ranking, nj_embed_tally *tally,
                  nj_err *err) NJ_MUST_USE;

/* Places of the best pictures, without duplicates: `share` of all, or of each
 * prompt's. The caller frees *places. */
nj_status nj_rank_top(const nj_ranking *ranking, const char *share,
                      bool each_prompt, size_t **places, size_t *count,
                      nj_err *err) NJ_MUST_USE;

/* One line of JSON, or of CSV (RFC 4180), with its end. */
void nj_rank_json(const nj_ranking *ranking, size_t place, nj_str *out);
void nj_rank_csv_head(const nj_ranking *ranking, nj_str *out);
void nj_rank_csv(const nj_ranking *ranking, size_t place, nj_str *out);

/* The file in the folder. Reading gives no cosines. NJ_E_USAGE: there is
 * none. */
nj_status nj_rank_write(const nj_ranking *ranking, const char *folder,
                        nj_err *err) NJ_MUST_USE;
bool nj_rank_is_there(const char *folder);
nj_status nj_rank_read(const char *folder, nj_ranking *out,
                       nj_err *err) NJ_MUST_USE;
nj_status nj_rank_parse(const char *text, size_t n, nj_ranking *out,
                        nj_err *err) NJ_MUST_USE;

void nj_ranking_release(nj_ranking *r);

#endif

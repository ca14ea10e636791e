/* What a command says about a seed that it was not given. */
#ifndef NJ_CLI_SEED_NOTE_H
#define NJ_CLI_SEED_NOTE_H

#include <stdbool.h>

#include "job/spec.h"

#define NJ_SEED_NOTE_MAX 160

/* One line without its end. False when the job was given all its seeds.
 * goes_on: the seed is that of an unfinished run. */
bool nj_seed_note(const nj_job *job, bool goes_on, char note[NJ_SEED_NOTE_MAX]);

#endif

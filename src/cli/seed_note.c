/* Notes on seeds: see seed_note.h. */
#include "cli/seed_note.h"

#include <inttypes.h>
#include <stdio.h>

/* --seed on the command line would replace the seeds that parts name. */
static bool parts_have_seeds(const nj_job *job)
{
    for (size_t i = 0; i < job->group_count; i++) {
        if (!job->groups[i].seed_drawn)
            return true;
    }
    return false;
}

bool nj_seed_note(const nj_job *job, bool goes_on, char note[NJ_SEED_NOTE_MAX])
{
    uint64_t seed = job->drawn_seed;

    if (!job->seed_drawn)
        return false;
    if (goes_on)
        snprintf(note, NJ_SEED_NOTE_MAX,
                 "seed %" PRIu64 " of the unfinished run is used; --seed N "
                 "makes other pictures",
                 seed);
    else if (parts_have_seeds(job))
        snprintf(note, NJ_SEED_NOTE_MAX,
                 "seed %" PRIu64 " was drawn for the parts that name none",
                 seed);
    else
        snprintf(note, NJ_SEED_NOTE_MAX,
                 "seed %" PRIu64 " was drawn; --seed %" PRIu64
                 " makes the same pictures again",
                 seed, seed);
    return true;
}

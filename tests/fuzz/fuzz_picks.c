/* Any text as a list of picks and as a ranking: what is taken stays inside of
 * the folder, each path once; a ranking's duplicates name earlier places. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "album/picks.h"
#include "album/rank.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_ranking(const char *text, size_t n)
{
    nj_ranking r;
    size_t *places = NULL;
    size_t count = 0;

    if (nj_rank_parse(text, n, &r, NULL) == NJ_OK) {
        for (size_t i = 0; i < r.count; i++)
            require(r.items[i].duplicate_of == NJ_RANK_UNIQUE ||
                    r.items[i].duplicate_of < r.count);
        require(nj_rank_top(&r, "50%", true, &places, &count, NULL) == NJ_OK);
        require(count <= r.count);
        free(places);
    }
    nj_ranking_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    nj_list paths = {0};

    if (nj_picks_parse(text, n, false, &paths, NULL) == NJ_OK)
        for (size_t i = 0; i < paths.count; i++)
            require(nj_picks_inside(paths.items[i], strlen(paths.items[i])));
    nj_list_release(&paths);
    check_ranking(text, n);
    return 0;
}

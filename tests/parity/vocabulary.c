/* The vocabulary's places: see vocabulary.h. */
#include "parity/vocabulary.h"

#include <stdlib.h>
#include <unistd.h>

static const char *existing(const char *path)
{
    return path && access(path, R_OK) == 0 ? path : NULL;
}

static const char *in_models(parity_case *c, const char *variable,
                             const char *below)
{
    const char *folder = getenv(variable);

    if (!folder)
        return NULL;
    return existing(
        parity_text(c, "%s%s/" PARITY_VOCABULARY_NAME, folder, below));
}

const char *parity_vocabulary(parity_case *c)
{
    const char *path = existing(getenv("NJ_VOCABULARY"));

    if (!path)
        path =
            existing(parity_path(c, "../../../data/" PARITY_VOCABULARY_NAME));
    if (!path)
        path = in_models(c, "NIGHTJAR_MODELS", "");
    if (!path)
        path = in_models(c, "XDG_DATA_HOME", "/nightjar/models");
    if (!path)
        path = in_models(c, "HOME", "/.local/share/nightjar/models");
    return path ? path
                : existing(NJ_SOURCE_DIR "/models/" PARITY_VOCABULARY_NAME);
}

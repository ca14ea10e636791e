/* Presets: the settings of a notebook, or of anybody, under one name. A preset
 * is a JSON file presets/NAME.json of a models folder, with the keys of a job
 * file and a member `about` that explains it:
 *
 *     {"about": {"title": ..., "source": ..., "note": ...},
 *      "unet": "256x256_diffusion_uncond", "cutn": 16}
 *
 * Its values are stronger than a model card's and weaker than a job file's.
 * Networks are named by their cards. See models/presets and docs/presets.md.
 */
#ifndef NJ_JOB_PRESET_H
#define NJ_JOB_PRESET_H

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "job/options.h"

/* Texts are borrowed from `json`, "" when missing. */
typedef struct nj_preset {
    char *name;
    char *path;
    cJSON *json;
    const char *title;
    const char *source;
    const char *note;
} nj_preset;

/* Names of all presets of some models folders, sorted, each once. */
nj_status nj_preset_names(const nj_list *folders, nj_list *names,
                          nj_err *err) NJ_MUST_USE;

/* Reads a preset; of two of one name the first folder's counts. NJ_E_USAGE:
 * there is none (with the nearest name), NJ_E_FORMAT: it is wrong. Release *out
 * in every case. */
nj_status nj_preset_open(const nj_list *folders, const char *name,
                         nj_preset *out, nj_err *err) NJ_MUST_USE;
void nj_preset_release(nj_preset *p);

/* Sets all its values. */
nj_status nj_preset_apply(const nj_preset *p, nj_options *o,
                          nj_err *err) NJ_MUST_USE;

/* The preset that the options name, if any, applied to them, and a check that
 * the networks are here which it and nobody else asks for: what is missing is
 * named with the command that fetches all of it. */
nj_status nj_preset_resolve(nj_options *o, const char *program_folder,
                            nj_err *err) NJ_MUST_USE;

/* Card names of the networks that came from a preset, and those of them that
 * no models folder has. */
nj_status nj_preset_networks(const nj_options *o, const nj_list *folders,
                             nj_list *all, nj_list *missing,
                             nj_err *err) NJ_MUST_USE;

#endif

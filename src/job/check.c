/* Checks: see check.h. */
#include "job/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "diffusion/schedule.h"
#include "image/fit.h"
#include "job/models.h"

/* The secondary model halves a picture five times; factors are powers of 2. */
#define SECONDARY_FACTOR 32

static const nj_option *option_named(const char *name)
{
    return nj_option_find(name, strlen(name));
}

static nj_status set_number(nj_options *o, const char *name, int value,
                            nj_err *err)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    return nj_options_set(o, option_named(name), text, NJ_FROM_CARD, err);
}

static nj_status check_side(nj_options *o, const char *name, const int *side,
                            const nj_unet_card *card, nj_err *err)
{
    int factor = nj_unet_card_factor(card);
    nj_status status = NJ_OK;

    if (nj_models_want_secondary(o) && factor < SECONDARY_FACTOR)
        factor = SECONDARY_FACTOR;
    if (!nj_options_given(o, name))
        status = set_number(o, name, card->image_size, err);
    if (status == NJ_OK && *side % factor != 0)
        status = nj_fail(
            err, NJ_E_USAGE, "'%d' is not a multiple of %d, which %s needs",
            *side, factor,
            factor > nj_unet_card_factor(card) ? "the secondary model"
                                               : "this network");
    return status == NJ_OK ? NJ_OK : nj_options_blame(o, name, err);
}

static nj_status check_steps(const nj_options *o, const nj_unet_card *card,
                             int *iterations, nj_err *err)
{
    const nj_settings *s = &o->settings;
    int *steps;
    size_t count;

    if (nj_respace(s->timestep_respacing, card->diffusion_steps, &steps, &count,
                   err) != NJ_OK)
        return nj_options_blame(o, "timestep-respacing", err);
    free(steps);
    if ((size_t)s->skip_timesteps >= count) {
        nj_fail(err, NJ_E_USAGE,
                "'%d' leaves no step of the %zu, less is expected",
                s->skip_timesteps, count);
        return nj_options_blame(o, "skip-timesteps", err);
    }
    *iterations = (int)count - s->skip_timesteps;
    if (s->sampler == NJ_PLMS && *iterations < 2) {
        nj_fail(err, NJ_E_USAGE, "'plms' needs at least 2 steps");
        return nj_options_blame(o, "sampler", err);
    }
    return NJ_OK;
}

/* A network with classes that is given none gets a random one for every step,
 * as in the notebooks. */
static nj_status check_class(nj_options *o, const nj_unet_card *card,
                             nj_err *err)
{
    int class_id = o->settings.class_id;

    if (card->num_classes > 0) {
        if (class_id == NJ_CLASS_NONE)
            o->settings.class_id = NJ_CLASS_RANDOM;
        if (class_id < card->num_classes)
            return NJ_OK;
        nj_fail(err, NJ_E_USAGE,
                "'%d' is not a class of this network, 0 to %d expected",
                class_id, card->num_classes - 1);
        return nj_options_blame(o, "class", err);
    }
    if (class_id == NJ_CLASS_NONE)
        return NJ_OK;
    if (class_id == NJ_CLASS_RANDOM &&
        nj_options_origin(o, "class") < NJ_FROM_JOB) {
        o->settings.class_id = NJ_CLASS_NONE;
        return NJ_OK;
    }
    nj_fail(err, NJ_E_USAGE, "this network has no classes, none is expected");
    return nj_options_blame(o, "class", err);
}

static nj_status check_curves(const nj_options *o, int iterations, nj_err *err)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);

        if (option->type == NJ_OPT_CURVE &&
            nj_curve_check(&o->settings.curves[option->curved], iterations,
                           err) != NJ_OK)
            return nj_options_blame(o, option->name, err);
    }
    return NJ_OK;
}

/* Disco's two kinds of cutouts may each be none at a step, but not both. */
static nj_status check_cuts(const nj_options *o, const nj_unet_card *card,
                            int iterations, nj_err *err)
{
    const nj_settings *s = &o->settings;
    int *steps;
    size_t count;
    int empty = -1;

    if (nj_respace(s->timestep_respacing, card->diffusion_steps, &steps, &count,
                   err) != NJ_OK)
        return nj_options_blame(o, "timestep-respacing", err);
    for (int k = 0; k < iterations && empty < 0; k++) {
        const nj_curve_place place = {
            nj_curve_place_of(steps[iterations - 1 - k], card->diffusion_steps),
            k};
        const nj_settings now = nj_settings_at(s, &place);

        if (now.cut_overview + now.cut_innercut == 0)
            empty = k;
    }
    free(steps);
    if (empty < 0)
        return NJ_OK;
    nj_fail(err, NJ_E_USAGE,
            "with --cut-innercut it leaves no cutouts at iteration %d", empty);
    return nj_options_blame(o, "cut-overview", err);
}

static nj_status check_disco(const nj_options *o, const nj_unet_card *card,
                             int iterations, nj_err *err)
{
    const nj_settings *s = &o->settings;

    if (s->cutouts != NJ_CUTOUTS_DISCO)
        return NJ_OK;
    if (s->augmentations == NJ_AUGMENT_2021_09 ||
        s->augmentations == NJ_AUGMENT_2021_11) {
        nj_fail(err, NJ_E_USAGE,
                "disco cutouts have their own augmentations, auto or none is "
                "expected");
        return nj_options_blame(o, "augmentations", err);
    }
    return check_cuts(o, card, iterations, err);
}

nj_status nj_check_settings(nj_options *o, const nj_unet_card *card,
                            int *iterations, nj_err *err)
{
    nj_status status = check_side(o, "width", &o->settings.width, card, err);

    if (status == NJ_OK)
        status = check_side(o, "height", &o->settings.height, card, err);
    if (status == NJ_OK)
        status = check_steps(o, card, iterations, err);
    if (status == NJ_OK)
        status = check_curves(o, *iterations, err);
    if (status == NJ_OK)
        status = check_disco(o, card, *iterations, err);
    return status == NJ_OK ? check_class(o, card, err) : status;
}

static bool same_value(const nj_options *a, const nj_options *b,
                       const nj_option *option)
{
    char *x = nj_options_text(a, option);
    char *y = nj_options_text(b, option);
    bool same = x && y ? strcmp(x, y) == 0 : !x && !y;

    free(x);
    free(y);
    return same;
}

/* Who gave an option its value. */
static const char *giver(const nj_options *o, const nj_option *option)
{
    switch (nj_options_origin(o, option->name)) {
    case NJ_FROM_JOB:
        return o->place ? o->place : "the job";
    case NJ_FROM_COMMAND:
        return "the command line";
    case NJ_FROM_PRESET:
        return "the preset";
    default:
        return "the default";
    }
}

static nj_status refuse_whole(const nj_options *a, const nj_options *b,
                              const nj_option *option, nj_err *err)
{
    char *x = nj_options_text(a, option);
    char *y = nj_options_text(b, option);

    nj_fail(err, NJ_E_USAGE,
            "'%s' holds for the whole job, but it is '%.100s' (%s) and "
            "'%.100s' (%s)",
            option->name, x ? x : "", giver(a, option), y ? y : "",
            giver(b, option));
    free(x);
    free(y);
    return NJ_E_USAGE;
}

nj_status nj_check_whole(const nj_options *a, const nj_options *b, nj_err *err)
{
    for (size_t i = 0; i < nj_option_count(); i++) {
        const nj_option *option = nj_option_at(i);

        if ((option->traits & NJ_OF_WHOLE) && !same_value(a, b, option))
            return refuse_whole(a, b, option, err);
    }
    return NJ_OK;
}

static nj_status read_rgb(const nj_options *o, uint8_t **rgb, nj_err *err)
{
    nj_picture picture = {0};
    nj_picture plain = {0};
    nj_picture fitted = {0};
    nj_status status =
        nj_picture_read(o->init_image, NJ_PICTURE_PIXELS_MAX, &picture, err);

    if (status == NJ_OK)
        status = nj_picture_to_rgb(&picture, &plain, err);
    if (status == NJ_OK)
        status = nj_picture_fit(&plain, o->settings.width, o->settings.height,
                                o->init_fit, &fitted, err);
    nj_picture_release(&picture);
    nj_picture_release(&plain);
    *rgb = fitted.pixels;
    return status;
}

nj_status nj_check_init_image(const nj_options *o, uint8_t **rgb,
                              char sha256[65], nj_err *err)
{
    nj_status status;

    *rgb = NULL;
    sha256[0] = '\0';
    if (!o->init_image)
        return NJ_OK;
    status = read_rgb(o, rgb, err);
    if (status == NJ_OK)
        status = nj_file_sha256(o->init_image, sha256, err);
    return status == NJ_OK ? NJ_OK : nj_options_blame(o, "init-image", err);
}

static nj_status probe(const char *folder, void *user, nj_err *err)
{
    (void)user;
    return nj_file_probe(folder, err);
}

nj_status nj_check_out(const char *folder, bool dry, nj_err *err)
{
    return nj_use_folder(folder, !dry, probe, NULL, err);
}

/* Space: see space.h. The UNet. A tape counts what lives; each module adds and
 * takes away what its code makes and lets go, in that order. */
#include "weights/space.h"

#include <math.h>

#include "weights/space_tape.h"

/* Encoder and decoder have a residual block, attention and a resampling for
 * each skip connection at most; three are in the middle, two at the ends. */
#define MODULES_MAX (2 * 3 * NJ_CARD_SKIPS_MAX + 5)

enum kind { FIRST, RESIDUAL, ATTENTION, RESAMPLE, HEAD };

struct module {
    enum kind kind;
    double in, out;       /* channels */
    double before, after; /* pixels */
    double skip;          /* channels of `in` that a skip connection brings */
    bool opens;           /* the first one of its block */
    bool closes;          /* the last one of its block */
    bool is_skip;         /* the block's output goes to the decoder */
};

struct walk {
    const nj_unet_card *card;
    const nj_space_how *how;
    struct module at[MODULES_MAX];
    int count;
    double channels;
    double pixels;
    tape t;
};

/* ---- the list of modules --------------------------------------------------
 */

static struct module *add(struct walk *w, enum kind kind, double out,
                          double scale)
{
    struct module *m = &w->at[w->count++];

    *m = (struct module){.kind = kind,
                         .in = w->channels,
                         .out = out,
                         .before = w->pixels,
                         .after = w->pixels * scale};
    w->channels = out;
    w->pixels = m->after;
    return m;
}

static void close_block(struct walk *w, int first, bool is_skip, double skip)
{
    w->at[first].opens = true;
    w->at[first].skip = skip;
    w->at[w->count - 1].closes = true;
    w->at[w->count - 1].is_skip = is_skip;
}

static void add_resampling(struct walk *w, double scale)
{
    add(w, w->card->resblock_updown ? RESIDUAL : RESAMPLE, w->channels, scale);
}

static double width_of(const nj_unet_card *card, int level)
{
    return floor(card->channel_mult[level] * card->num_channels);
}

static void list_down(struct walk *w, double *skips, int *count)
{
    const nj_unet_card *card = w->card;

    for (int level = 0; level < card->levels; level++) {
        for (int i = 0; i < card->num_res_blocks; i++) {
            int first = w->count;

            add(w, RESIDUAL, width_of(card, level), 1);
            if (nj_unet_card_attends_at(card, level))
                add(w, ATTENTION, w->channels, 1);
            close_block(w, first, true, 0);
            skips[(*count)++] = w->channels;
        }
        if (level + 1 < card->levels) {
            add_resampling(w, .25);
            close_block(w, w->count - 1, true, 0);
            skips[(*count)++] = w->channels;
        }
    }
}

static void list_up(struct walk *w, const double *skips, int count)
{
    const nj_unet_card *card = w->card;

    for (int level = card->levels - 1; level >= 0; level--) {
        for (int i = 0; i <= card->num_res_blocks; i++) {
            int first = w->count;
            double skip = skips[--count];

            w->channels += skip;
            add(w, RESIDUAL, width_of(card, level), 1);
            if (nj_unet_card_attends_at(card, level))
                add(w, ATTENTION, w->channels, 1);
            if (level > 0 && i == card->num_res_blocks)
                add_resampling(w, 4);
            close_block(w, first, false, skip);
        }
    }
}

static void list_modules(struct walk *w)
{
    double skips[NJ_CARD_SKIPS_MAX] = {0};
    int count = 0;
    int first;

    w->channels = 3;
    add(w, FIRST, width_of(w->card, 0), 1);
    close_block(w, 0, true, 0);
    skips[count++] = w->channels;
    list_down(w, skips, &count);
    first = w->count;
    add(w, RESIDUAL, w->channels, 1);
    add(w, ATTENTION, w->channels, 1);
    add(w, RESIDUAL, w->channels, 1);
    close_block(w, first, false, 0);
    list_up(w, skips, count);
    add(w, HEAD, w->card->learn_sigma ? 6 : 3, 1);
    close_block(w, w->count - 1, false, 0);
}

/* ---- one module -----------------------------------------------------------
 */

/* Bytes of activations of `channels` at `pixels`. */
static double bytes_of(const struct walk *w, double channels, double pixels)
{
    return channels * pixels * w->how->bytes * w->how->images;
}

static void conv(struct walk *w, double in, double out, double pixels)
{
    tape_touch(&w->t, space_conv(w->how, in, out, pixels, 3));
}

/* Its input lives, and its result when it is done. `grad`: so does what the
 * backward pass needs. */
static void residual_forward(struct walk *w, const struct module *m, bool grad)
{
    double x = bytes_of(w, m->in, m->before);
    double r = m->before == m->after ? 0 : bytes_of(w, m->in, m->after);
    double h = bytes_of(w, m->out, m->after);
    double s = m->in == m->out ? 0 : h;

    tape_add(&w->t, x + r);
    conv(w, m->in, m->out, m->after);
    tape_add(&w->t, h); /* kept */
    tape_drop(&w->t, x + r);
    tape_add(&w->t, r + h + s);
    conv(w, m->out, m->out, m->after);
    tape_add(&w->t, h);
    tape_drop(&w->t, r + h + s + (grad ? 0 : h));
}

/* The gradient of its result lives, and that of its input when it is done. */
static void residual_backward(struct walk *w, const struct module *m)
{
    double x = bytes_of(w, m->in, m->before);
    double r = bytes_of(w, m->in, m->after);
    double h = bytes_of(w, m->out, m->after);
    bool same = m->in == m->out;

    tape_add(&w->t, same ? 0 : r);
    conv(w, m->out, m->out, m->after);
    tape_add(&w->t, h);
    tape_drop(&w->t, same ? 0 : h);
    tape_add(&w->t, h);
    tape_drop(&w->t, 2 * h); /* a gradient, and what was kept */
    conv(w, m->out, m->in, m->after);
    tape_add(&w->t, r);
    tape_drop(&w->t, h);
    if (m->before != m->after) {
        tape_add(&w->t, x);
        tape_drop(&w->t, r);
        tape_add(&w->t, x);
        tape_drop(&w->t, r);
    }
    tape_add(&w->t, x);
    tape_drop(&w->t, 2 * x); /* two of three gradients */
}

static void attention_forward(struct walk *w, const struct module *m, bool grad)
{
    double n = bytes_of(w, m->in, m->before);

    tape_add(&w->t, n + 3 * n + n);
    tape_add(&w->t, n + n);
    tape_drop(&w->t, grad ? 2 * n : 6 * n);
}

static void attention_backward(struct walk *w, const struct module *m)
{
    double n = bytes_of(w, m->in, m->before);

    tape_add(&w->t, n + 3 * n);     /* of the product's input; q, k, v */
    tape_drop(&w->t, n + n);        /* that, and what was kept of it */
    tape_add(&w->t, 3 * n + 3 * n); /* one after the other, put together */
    tape_drop(&w->t, 6 * n + 3 * n);
    tape_add(&w->t, n);
    tape_drop(&w->t, 3 * n);
    tape_add(&w->t, n);
    tape_drop(&w->t, 2 * n);
}

/* A resampling outside of residual blocks keeps nothing. */
static void resample(struct walk *w, const struct module *m, bool forward)
{
    double out = bytes_of(w, m->out, m->after);
    double in = bytes_of(w, m->in, m->before);

    if (w->card->conv_resample)
        conv(w, m->in, m->out, m->after);
    tape_add(&w->t, 2 * out);
    tape_drop(&w->t, forward ? out : 2 * out);
    if (!forward) {
        tape_add(&w->t, in);
        tape_drop(&w->t, out);
    }
}

/* In float32. */
static double head_bytes(const struct walk *w, const struct module *m)
{
    return 4 * m->in * m->before * w->how->images;
}

static void head(struct walk *w, const struct module *m, bool forward,
                 bool grad)
{
    double n = head_bytes(w, m);
    double own = w->how->bytes < 4 ? n : 0; /* x in float32 */

    if (forward) {
        tape_add(&w->t, own + n);
        tape_drop(&w->t, n + (grad ? 0 : own));
        return;
    }
    tape_add(&w->t, 2 * n);
    tape_drop(&w->t, n + own);
    if (w->how->bytes < 4) {
        tape_add(&w->t, bytes_of(w, m->in, m->before));
        tape_drop(&w->t, n);
    }
}

static void forward(struct walk *w, const struct module *m, bool grad)
{
    switch (m->kind) {
    case FIRST:
        tape_add(&w->t, bytes_of(w, m->out, m->after));
        break;
    case RESIDUAL:
        residual_forward(w, m, grad);
        break;
    case ATTENTION:
        attention_forward(w, m, grad);
        break;
    case RESAMPLE:
        resample(w, m, true);
        break;
    case HEAD:
        head(w, m, true, grad);
        break;
    }
}

static void backward(struct walk *w, const struct module *m)
{
    switch (m->kind) {
    case FIRST:
        tape_drop(&w->t, bytes_of(w, m->out, m->after));
        break;
    case RESIDUAL:
        residual_backward(w, m);
        break;
    case ATTENTION:
        attention_backward(w, m);
        break;
    case RESAMPLE:
        resample(w, m, false);
        break;
    case HEAD:
        head(w, m, false, true);
        break;
    }
}

/* ---- passes ---------------------------------------------------------------
 */

/* Whether the module's input lives on for the backward pass by itself. */
static bool keeps_input(const struct module *m)
{
    return m->kind == RESIDUAL || m->kind == ATTENTION || m->kind == HEAD;
}

static double input_of(const struct walk *w, const struct module *m)
{
    return m->kind == FIRST ? 0 : bytes_of(w, m->in, m->before);
}

/* The part of a block's input that came from the block before. */
static double direct_input(const struct walk *w, const struct module *m)
{
    return m->kind == FIRST ? 0 : bytes_of(w, m->in - m->skip, m->before);
}

static void open_forward(struct walk *w, const struct module *m)
{
    if (m->skip == 0)
        return;
    tape_add(&w->t, input_of(w, m));
    if (!w->how->recompute)
        tape_drop(&w->t, direct_input(w, m));
}

/* A joined input lives to the end of its block. So does, where no gradient is
 * taken, the skip's part of it, and where blocks are ready to be computed twice
 * the other part too. */
static void close_forward(struct walk *w, const struct module *first)
{
    if (first->skip == 0)
        return;
    tape_drop(&w->t, input_of(w, first));
    if (w->how->forward)
        tape_drop(&w->t, w->how->recompute
                             ? input_of(w, first)
                             : bytes_of(w, first->skip, first->before));
}

static void run_forward(struct walk *w)
{
    bool grad = !w->how->recompute && !w->how->forward;
    const struct module *first = w->at;

    for (int i = 0; i < w->count; i++) {
        const struct module *m = &w->at[i];

        if (m->opens) {
            first = m;
            open_forward(w, m);
        }
        forward(w, m, grad);
        if (!m->opens && !(grad && keeps_input(m)))
            tape_drop(&w->t, input_of(w, m));
        if (!grad && m->closes)
            close_forward(w, first);
    }
}

/* A block once more, up to its result, which is not needed. */
static void repeat_block(struct walk *w, int first, int last)
{
    if (w->at[first].skip > 0)
        tape_add(&w->t, input_of(w, &w->at[first]));
    for (int i = first; i <= last; i++)
        forward(w, &w->at[i], true);
    if (w->at[last].kind != HEAD)
        tape_drop(&w->t, bytes_of(w, w->at[last].out, w->at[last].after));
}

static void close_backward(struct walk *w, const struct module *m)
{
    double whole = input_of(w, m);

    if (m->skip > 0) {
        tape_add(&w->t, whole);
        tape_drop(&w->t, whole);
        tape_drop(&w->t, whole); /* the joined input */
        if (w->how->recompute)
            tape_drop(&w->t, direct_input(w, m));
    } else if (m->kind != FIRST) {
        tape_drop(&w->t, whole);
    }
}

static void run_backward(struct walk *w)
{
    double held = 0; /* a repeated block's gradient waits for its end */

    for (int i = w->count - 1; i >= 0; i--) {
        const struct module *m = &w->at[i];
        int first = i;

        /* The gradient from the decoder joins that from below. */
        if (m->closes && m->is_skip)
            tape_drop(&w->t, bytes_of(w, m->out, m->after));
        while (!w->at[first].opens)
            first--;
        if (m->closes && w->how->recompute) {
            held = bytes_of(w, m->out, m->after);
            tape_add(&w->t, held);
            repeat_block(w, first, i);
        }
        backward(w, m);
        if (m->opens)
            close_backward(w, m);
        else if (keeps_input(m) || w->how->recompute)
            tape_drop(&w->t, input_of(w, m));
        if (m->opens && w->how->recompute)
            tape_drop(&w->t, held);
    }
}

nj_space nj_unet_space(const nj_unet_card *card, int width, int height,
                       const nj_space_how *how)
{
    struct walk w = {
        .card = card, .how = how, .pixels = (double)width * height};
    nj_space out;

    list_modules(&w);
    run_forward(&w);
    out.kept = w.t.live;
    if (how->forward)
        out.kept = 0;
    else
        run_backward(&w);
    out.peak = w.t.peak;
    return out;
}

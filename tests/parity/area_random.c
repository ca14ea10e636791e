/* Parity of the random numbers and of everything drawn from them. */
#include "diffusion/draws.h"
#include "parity/areas.h"

static int whole(parity_case *c, const cJSON *set, const char *key)
{
    return (int)parity_u64(c, set, key);
}

static nj_source source_of(parity_case *c, const cJSON *set)
{
    return (nj_source){
        .seed = parity_u64(c, set, "seed"),
        .iteration = (uint32_t)nj_json_number(set, "iteration", 0),
        .stream = (uint32_t)nj_json_number(set, "stream", 0),
        .draw = (uint32_t)nj_json_number(set, "draw", 0),
    };
}

static const char *tensor_name(parity_case *c, const char *tensor,
                               const cJSON *set)
{
    return parity_text(c, "%s.%s", tensor, nj_json_string(set, "name", ""));
}

/* Runs `one` for every entry of config.sets. */
static void each_set(parity_case *c,
                     void (*one)(parity_case *c, const cJSON *set))
{
    const cJSON *set;

    cJSON_ArrayForEach(set, nj_json_get(parity_config(c), "sets")) one(c, set);
}

static void run_philox(parity_case *c)
{
    const parity_tensor *counter = parity_input(c, "counter");
    size_t rows = counter ? (size_t)counter->shape[0] : 0;
    const int64_t *counters = parity_input_i64(c, "counter", 4 * rows);
    const int64_t *keys = parity_input_i64(c, "key", 2 * rows);
    int64_t *words = parity_alloc(c, 4 * rows, sizeof(*words));
    uint32_t in[4];
    uint32_t key[2];
    uint32_t out[4];

    if (!counters || !keys)
        return;
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < 4; i++)
            in[i] = (uint32_t)counters[4 * row + i];
        for (size_t i = 0; i < 2; i++)
            key[i] = (uint32_t)keys[2 * row + i];
        nj_philox(in, key, out);
        for (size_t i = 0; i < 4; i++)
            words[4 * row + i] = out[i];
    }
    parity_check_i64(c, "words", words, 2, (int64_t[]){(int64_t)rows, 4});
}

static void one_normals(parity_case *c, const cJSON *set)
{
    nj_source from = source_of(c, set);
    int64_t blocks = whole(c, set, "blocks");
    size_t n = 4 * (size_t)blocks;
    int64_t *words = parity_alloc(c, n, sizeof(*words));
    float *normals = parity_alloc(c, n, sizeof(*normals));
    uint32_t out[4];

    for (uint32_t block = 0; block < (uint32_t)blocks; block++) {
        nj_random_words(&from, block, out);
        for (size_t i = 0; i < 4; i++)
            words[4 * (size_t)block + i] = out[i];
    }
    nj_random_field(&from, 0, n, normals);
    parity_check_i64(c, tensor_name(c, "words", set), words, 2,
                     (int64_t[]){blocks, 4});
    parity_check_f32(c, tensor_name(c, "normals", set), normals, 1,
                     (int64_t[]){4 * blocks});
}

static void run_normals(parity_case *c)
{
    each_set(c, one_normals);
}

static void one_noise(parity_case *c, const cJSON *set)
{
    nj_source from = source_of(c, set);
    int64_t shape[3] = {(int64_t)nj_json_number(set, "channels", 3),
                        whole(c, set, "height"), whole(c, set, "width")};
    size_t n = (size_t)(shape[0] * shape[1] * shape[2]);
    float *noise = parity_alloc(c, n, sizeof(*noise));

    if (nj_json_get(set, "cutout"))
        nj_draw_cut_noise(&from, whole(c, set, "cutout"), whole(c, set, "time"),
                          n, noise);
    else
        nj_random_field(&from, 0, n, noise);
    parity_check_f32(c, tensor_name(c, "noise", set), noise, 3, shape);
}

static void run_noise(parity_case *c)
{
    each_set(c, one_noise);
}

static void check_boxes(parity_case *c, const cJSON *set, nj_cutouts cutouts)
{
    nj_source from = source_of(c, set);
    nj_boxes_config config = {
        .cutouts = cutouts,
        .width = whole(c, set, "width"),
        .height = whole(c, set, "height"),
        .clip_size = whole(c, set, "clip_size"),
        .cutn = whole(c, set, "cutn"),
        .cut_pow = nj_json_number(set, "cut_pow", 1),
    };
    size_t cutn = (size_t)config.cutn;
    size_t columns = cutouts == NJ_CUTOUTS_CROWSON ? 3 : 4;
    nj_box *boxes = parity_alloc(c, cutn, sizeof(*boxes));
    int64_t *got = parity_alloc(c, 4 * cutn, sizeof(*got));

    nj_draw_boxes(&config, &from, boxes);
    for (size_t k = 0; k < cutn; k++) {
        const int figures[4] = {boxes[k].x, boxes[k].y, boxes[k].w, boxes[k].h};

        for (size_t i = 0; i < columns; i++)
            got[k * columns + i] = figures[i];
    }
    parity_check_i64(c, tensor_name(c, "boxes", set), got, 2,
                     (int64_t[]){(int64_t)cutn, (int64_t)columns});
}

static void one_crowson(parity_case *c, const cJSON *set)
{
    check_boxes(c, set, NJ_CUTOUTS_CROWSON);
}

static void one_russell(parity_case *c, const cJSON *set)
{
    check_boxes(c, set, NJ_CUTOUTS_RUSSELL);
}

static void run_crowson(parity_case *c)
{
    each_set(c, one_crowson);
}

static void run_russell(parity_case *c)
{
    each_set(c, one_russell);
}

static nj_augment_ranges augment_ranges(const cJSON *set)
{
    return (nj_augment_ranges){
        .flip_p = nj_json_number(set, "flip_p", 0),
        .degrees = nj_json_number(set, "degrees", 0),
        .translate = nj_json_number(set, "translate", 0),
        .perspective_p = nj_json_number(set, "perspective_p", 0),
        .distortion = nj_json_number(set, "distortion", 0),
        .factor = {nj_json_number(set, "brightness", 0),
                   nj_json_number(set, "contrast", 0),
                   nj_json_number(set, "saturation", 0)},
        .hue = nj_json_number(set, "hue", 0),
        .gray_p = nj_json_number(set, "gray_p", 0),
    };
}

struct augment_rows {
    double *params; /* [cutn,10] */
    int64_t *order; /* [cutn,4] */
    int64_t *moves; /* [cutn,8] */
};

static void store_augment(const nj_augmentation *a, const int side[2],
                          struct augment_rows to)
{
    const double figures[10] = {
        a->flip,      a->angle,     a->shift[0],  a->shift[1], a->perspective,
        a->factor[0], a->factor[1], a->factor[2], a->hue,      a->gray,
    };

    for (size_t i = 0; i < 10; i++)
        to.params[i] = figures[i];
    for (size_t i = 0; i < NJ_JITTERS; i++)
        to.order[i] = a->order[i];
    for (size_t i = 0; i < 8; i++) {
        double at = a->corners[i / 2][i % 2];
        bool far = i % 2 == 0 ? i == 2 || i == 4 : i >= 5;

        to.moves[i] = (int64_t)(far ? side[i % 2] - 1 - at : at);
    }
}

static void one_augment(parity_case *c, const cJSON *set)
{
    const nj_augment_ranges ranges = augment_ranges(set);
    const nj_source from = source_of(c, set);
    const cJSON *sizes = nj_json_get(set, "sizes");
    int cutn = cJSON_GetArraySize(sizes);
    size_t n = (size_t)cutn;
    struct augment_rows rows = {
        .params = parity_alloc(c, 10 * n, sizeof(*rows.params)),
        .order = parity_alloc(c, 4 * n, sizeof(*rows.order)),
        .moves = parity_alloc(c, 8 * n, sizeof(*rows.moves)),
    };

    for (int k = 0; k < cutn; k++) {
        const cJSON *size = cJSON_GetArrayItem(sizes, k);
        const int side[2] = {cJSON_GetArrayItem(size, 0)->valueint,
                             cJSON_GetArrayItem(size, 1)->valueint};
        nj_augmentation drawn;

        nj_draw_augmentation(&ranges, &from, k, side[0], side[1], &drawn);
        store_augment(&drawn, side,
                      (struct augment_rows){rows.params + 10 * (size_t)k,
                                            rows.order + 4 * (size_t)k,
                                            rows.moves + 8 * (size_t)k});
    }
    parity_check_f64(c, tensor_name(c, "params", set), rows.params, 2,
                     (int64_t[]){cutn, 10});
    parity_check_i64(c, tensor_name(c, "order", set), rows.order, 2,
                     (int64_t[]){cutn, 4});
    parity_check_i64(c, tensor_name(c, "moves", set), rows.moves, 2,
                     (int64_t[]){cutn, 8});
}

static void run_augmentations(parity_case *c)
{
    each_set(c, one_augment);
}

static void one_lattice(parity_case *c, const cJSON *set)
{
    int64_t shape[4] = {whole(c, set, "channels"), whole(c, set, "rows"),
                        whole(c, set, "cols"), 2};
    size_t points = (size_t)(shape[0] * shape[1] * shape[2]);
    float *lattice = parity_alloc(c, 2 * points, sizeof(*lattice));

    nj_draw_perlin(parity_u64(c, set, "seed"), whole(c, set, "layer"),
                   whole(c, set, "octave"), points, lattice);
    parity_check_f32(c, tensor_name(c, "lattice", set), lattice, 4, shape);
}

static void run_lattice(parity_case *c)
{
    each_set(c, one_lattice);
}

static void one_class(parity_case *c, const cJSON *set)
{
    nj_source from = source_of(c, set);
    int64_t steps = whole(c, set, "steps");
    int64_t *classes = parity_alloc(c, (size_t)steps, sizeof(*classes));

    for (int64_t i = 0; i < steps; i++) {
        from.iteration = (uint32_t)i;
        classes[i] = nj_draw_class(&from, whole(c, set, "classes"));
    }
    parity_check_i64(c, tensor_name(c, "classes", set), classes, 1, &steps);
}

static void run_class(parity_case *c)
{
    each_set(c, one_class);
}

static void one_fuzzy(parity_case *c, const cJSON *set)
{
    int64_t dim = whole(c, set, "dim");
    float *noise = parity_alloc(c, (size_t)dim, sizeof(*noise));
    const nj_fuzzy_draw which = {
        .seed = parity_u64(c, set, "seed"),
        .part = (int)whole(c, set, "prompt"),
        .copy = (int)whole(c, set, "copy"),
        .copies = (int)whole(c, set, "copies"),
    };

    nj_draw_fuzzy_noise(&which, (size_t)dim, noise);
    parity_check_f32(c, tensor_name(c, "noise", set), noise, 1, &dim);
}

static void run_fuzzy(parity_case *c)
{
    each_set(c, one_fuzzy);
}

const parity_kind parity_random[] = {
    {"random.philox4x32_10", run_philox},
    {"random.normals", run_normals},
    {"random.image_noise", run_noise},
    {"random.boxes.crowson", run_crowson},
    {"random.boxes.russell", run_russell},
    {"random.augmentations", run_augmentations},
    {"random.cut_noise", run_noise},
    {"random.perlin_lattice", run_lattice},
    {"random.class", run_class},
    {"random.fuzzy", run_fuzzy},
    {NULL, NULL},
};

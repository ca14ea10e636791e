/* Labels: fixed classes, and random ones that no two steps or images share. */
#include "torch/th_test.h"

#include "diffusion/draws.h"
#include "diffusion/settings.h"
#include "engine/labels.h"

enum { IMAGES = 2, CLASSES = 1000 };

static const uint64_t seeds[IMAGES] = {11, 12};

static nj_labels_config config_of(int class_id)
{
    return (nj_labels_config){.classes = CLASSES,
                              .class_id = class_id,
                              .seeds = seeds,
                              .images = IMAGES,
                              .device = cpu};
}

static void a_class_stays(void **state)
{
    th_scope *s = *state;
    const nj_labels_config config = config_of(7);

    for (uint32_t k = 0; k < 3; k++) {
        const th_tensor *labels = nj_labels(s, &config, k);

        assert_int_equal(th_dtype(labels), NJ_I64);
        EXPECT(s, labels, 0, 7, 7);
    }
}

static void random_ones_are_drawn_each_time(void **state)
{
    th_scope *s = *state;
    const nj_labels_config config = config_of(NJ_CLASS_RANDOM);
    float labels[IMAGES];

    for (uint32_t k = 0; k < 4; k++) {
        th_read_f32(s, nj_labels(s, &config, k), labels, IMAGES);
        for (int b = 0; b < IMAGES; b++) {
            const nj_source from = {seeds[b], k, NJ_STREAM_CLASS, 0};

            assert_int_equal((int)labels[b], nj_draw_class(&from, CLASSES));
        }
    }
    OK(s);
}

static void networks_without_classes_get_none(void **state)
{
    th_scope *s = *state;
    nj_labels_config config = config_of(NJ_CLASS_RANDOM);

    config.classes = 0;
    assert_null(nj_labels(s, &config, 0));
    OK(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TH_TEST(a_class_stays),
        TH_TEST(random_ones_are_drawn_each_time),
        TH_TEST(networks_without_classes_get_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

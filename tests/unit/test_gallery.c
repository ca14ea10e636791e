/* Gallery: hostile prompts stay data, shared settings are written once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "album/gallery.h"

static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;

    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

static cJSON *data_of(const char *html)
{
    static const char opening[] = "id=\"data\">\n";
    const char *start = strstr(html, opening);
    const char *end;
    cJSON *data = NULL;
    nj_err err = {0};

    assert_non_null(start);
    start += strlen(opening);
    end = strstr(start, "</script>");
    assert_int_equal(nj_json_parse(start, (size_t)(end - start), &data, &err),
                     NJ_OK);
    return data;
}

static void prompts_stay_data(void **state)
{
    static const char *const hostile[] = {
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"'><svg onload=alert(1)>",
        "<!--",
        "]]>",
        "&lt;b&gt;",
        "\\u003c",
        "javascript:alert(1)",
        "\xe2\x80\xa8line",
        "\x01\x1b[31m",
    };
    enum { COUNT = sizeof(hostile) / sizeof(hostile[0]) };
    nj_gallery_item items[COUNT];
    nj_gallery_page page;
    nj_str html = {0};
    nj_err err = {0};
    cJSON *data;

    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = (nj_gallery_item){.file = hostile[i],
                                     .prompt = hostile[i],
                                     .seed = "18446744073709551615"};
    page = (nj_gallery_page){"<title>", "</script>", items, COUNT};
    assert_int_equal(nj_gallery_render(&page, &html, &err), NJ_OK);
    assert_int_equal(occurrences(html.text, "<script"), 2);
    assert_int_equal(occurrences(html.text, "</script>"), 2);
    assert_int_equal(occurrences(html.text, "<img"), 0);
    data = data_of(html.text);
    for (int i = 0; i < COUNT; i++) {
        const cJSON *text = cJSON_GetArrayItem(nj_json_get(data, "prompts"), i);

        assert_string_equal(cJSON_GetStringValue(text), hostile[i]);
    }
    cJSON_Delete(data);
    nj_str_release(&html);
}

static void settings_are_shared(void **state)
{
    const nj_gallery_item items[] = {
        {"a.png", "p", "1",
         "{\"cutn\":16,\"seed\":\"1\",\"prompt\":\"p\","
         "\"record\":{\"clip_loss\":0.5,\"device\":\"cpu\"}}",
         true, 0.25},
        {"b.png", "p", "2",
         "{\"cutn\":16,\"seed\":\"2\",\"prompt\":\"p\","
         "\"record\":{\"clip_loss\":0.75,\"device\":\"cpu\"}}",
         false, 0},
        {"c.png", "q", "3", "no json", false, 0},
    };
    const nj_gallery_page page = {"t", "id", items, 3};
    nj_str html = {0};
    nj_err err = {0};
    const cJSON *own;
    cJSON *data;

    (void)state;
    assert_int_equal(nj_gallery_render(&page, &html, &err), NJ_OK);
    data = data_of(html.text);
    own = nj_json_get(cJSON_GetArrayItem(nj_json_get(data, "items"), 1), "own");
    assert_true(nj_json_number(own, "clip_loss", 0) == 0.75);
    assert_int_equal(cJSON_GetArraySize(nj_json_get(data, "settings")), 1);
    assert_int_equal(cJSON_GetArraySize(nj_json_get(data, "prompts")), 2);
    assert_int_equal(
        (int)nj_json_number(cJSON_GetArrayItem(nj_json_get(data, "items"), 2),
                            "settings", 9),
        -1);
    cJSON_Delete(data);
    nj_str_release(&html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_stay_data),
        cmocka_unit_test(settings_are_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

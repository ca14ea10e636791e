/* Gallery: see gallery.h. Settings that many pictures share are written once.
 */
#include "album/gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "base/mem.h"

/* Made from src/album/page/ by the build. */
extern const char nj_page_gallery_css[];
extern const char nj_page_gallery_js[];
extern const char nj_page_gallery_html[];

/* Keys of a record that belong to one picture, not to its settings. */
static const char *const own_keys[] = {"prompt", "seed"};
/* The same of the object `record` inside; these are written with the picture.
 */
static const char *const own_facts[] = {"identity", "iteration", "clip_loss",
                                        "score"};

typedef struct shared {
    char **texts; /* distinct strings in order of appearance */
    size_t count;
    size_t capacity;
    size_t *slots; /* open addressing: index + 1, 0 empty */
    size_t slot_count;
} shared;

static void shared_release(shared *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->texts[i]);
    free(s->texts);
    free(s->slots);
}

static size_t hash_of(const char *text)
{
    size_t h = 1469598103934665603U;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211U;
    return h;
}

static bool shared_init(shared *s, size_t most)
{
    s->slot_count = 16;
    while (s->slot_count < 2 * most)
        s->slot_count *= 2;
    s->slots = nj_calloc(s->slot_count, sizeof(*s->slots));
    return s->slots != NULL;
}

/* Index of an equal text, adding it when new; -1 when memory is short. */
static long shared_index(shared *s, const char *text)
{
    size_t at = hash_of(text) & (s->slot_count - 1);

    if (!s->slots)
        return -1;
    for (; s->slots[at]; at = (at + 1) & (s->slot_count - 1)) {
        if (strcmp(s->texts[s->slots[at] - 1], text) == 0)
            return (long)s->slots[at] - 1;
    }
    if (!nj_grow(&s->texts, &s->capacity, s->count + 1, sizeof(*s->texts)))
        return -1;
    s->texts[s->count] = nj_strdup(text);
    if (!s->texts[s->count])
        return -1;
    s->slots[at] = ++s->count;
    return (long)s->count - 1;
}

/* A JSON text inside a page: '<' would end the script element. U+2028 is fine
 * in a data block. */
static void add_for_page(nj_str *html, const char *json)
{
    for (; *json; json++) {
        if (*json == '<')
            nj_str_add(html, "\\u003c");
        else
            nj_str_addc(html, *json);
    }
}

static void add_json(nj_str *html, const cJSON *value)
{
    char *json = nj_json_print(value);

    if (json)
        add_for_page(html, json);
    else
        html->failed = true;
    cJSON_free(json);
}

static void add_string(nj_str *html, const char *text)
{
    cJSON *value = cJSON_CreateString(text);

    add_json(html, value);
    cJSON_Delete(value);
}

/* Moves what belongs to the one picture from `object` to a new object. */
static cJSON *split_own(cJSON *object)
{
    cJSON *own = cJSON_CreateObject();
    cJSON *record = cJSON_GetObjectItemCaseSensitive(object, "record");

    for (size_t i = 0; i < sizeof(own_keys) / sizeof(own_keys[0]); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(object, own_keys[i]);
    for (size_t i = 0; i < sizeof(own_facts) / sizeof(own_facts[0]); i++) {
        cJSON *fact =
            cJSON_DetachItemFromObjectCaseSensitive(record, own_facts[i]);

        if (fact && !cJSON_AddItemToObject(own, own_facts[i], fact))
            cJSON_Delete(fact);
    }
    return own;
}

/* ,"settings":N,"own":{...}; -1: there is no record. */
static void add_record(nj_str *html, const char *record, shared *settings)
{
    cJSON *object = NULL;
    cJSON *own = NULL;
    char *text = NULL;
    long index = -1;

    if (record &&
        nj_json_parse(record, strlen(record), &object, NULL) == NJ_OK &&
        cJSON_IsObject(object)) {
        own = split_own(object);
        text = nj_json_print(object);
        index = text ? shared_index(settings, text) : -1;
        html->failed = html->failed || index < 0;
    }
    nj_str_addf(html, ",\"settings\":%ld", index);
    if (cJSON_GetArraySize(own) > 0) {
        nj_str_add(html, ",\"own\":");
        add_json(html, own);
    }
    cJSON_free(text);
    cJSON_Delete(own);
    cJSON_Delete(object);
}

static void add_item(nj_str *html, const nj_gallery_item *item,
                     shared *settings, shared *prompts)
{
    long prompt = shared_index(prompts, item->prompt);

    if (prompt < 0)
        html->failed = true;
    nj_str_add(html, "{\"file\":");
    add_string(html, item->file);
    nj_str_addf(html, ",\"prompt\":%ld,\"seed\":", prompt);
    add_string(html, item->seed);
    add_record(html, item->record, settings);
    if (item->scored)
        nj_str_addf(html, ",\"score\":%.6g", item->score);
    nj_str_add(html, "}");
}

static void add_texts(nj_str *html, const char *name, const shared *texts,
                      void (*add)(nj_str *, const char *))
{
    nj_str_addf(html, "],\"%s\":[", name);
    for (size_t i = 0; i < texts->count; i++) {
        nj_str_add(html, i ? ",\n" : "\n");
        add(html, texts->texts[i]);
    }
}

static void add_data(nj_str *html, const nj_gallery_page *page)
{
    shared settings = {0};
    shared prompts = {0};

    if (!shared_init(&settings, page->count + 1) ||
        !shared_init(&prompts, page->count + 1))
        html->failed = true;
    nj_str_add(html, "<script type=\"application/json\" id=\"data\">\n{");
    nj_str_add(html, "\"title\":");
    add_string(html, page->title);
    nj_str_add(html, ",\"id\":");
    add_string(html, page->id);
    nj_str_add(html, ",\"items\":[");
    for (size_t i = 0; i < page->count && !html->failed; i++) {
        nj_str_add(html, i ? ",\n" : "\n");
        add_item(html, &page->items[i], &settings, &prompts);
    }
    add_texts(html, "settings", &settings, add_for_page);
    add_texts(html, "prompts", &prompts, add_string);
    nj_str_add(html, "]}\n</script>\n");
    shared_release(&settings);
    shared_release(&prompts);
}

/* 'sha256-...' of a text, as a content security policy names it. */
static void add_hash(nj_str *html, const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned char base64[64] = {0};

    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock(base64, digest, 32);
    nj_str_addf(html, "'sha256-%s'", (const char *)base64);
}

static void add_head(nj_str *html)
{
    nj_str_add(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                     "<meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\""
                     "default-src 'none'; img-src 'self' file:; style-src ");
    add_hash(html, nj_page_gallery_css);
    nj_str_add(html, "; script-src ");
    add_hash(html, nj_page_gallery_js);
    nj_str_add(
        html,
        "; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n" NJ_GALLERY_MARK
        "\n"
        "<title>nightjar</title>\n<style>");
    nj_str_add(html, nj_page_gallery_css);
    nj_str_add(html, "</style>\n</head>\n");
}

nj_status nj_gallery_render(const nj_gallery_page *page, nj_str *html,
                            nj_err *err)
{
    add_head(html);
    nj_str_add(html, nj_page_gallery_html);
    add_data(html, page);
    nj_str_add(html, "<script>");
    nj_str_add(html, nj_page_gallery_js);
    nj_str_add(html, "</script>\n</body>\n</html>\n");
    if (!nj_str_ok(html))
        return nj_fail(err, NJ_E_MEMORY, "no memory for the gallery");
    return NJ_OK;
}

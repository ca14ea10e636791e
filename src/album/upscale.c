/* Upscaling of files: see upscale.h. */
#include "album/upscale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "image/png.h"
#include "job/record.h"

#define FILE_BYTES_MAX ((size_t)1 << 30)

struct upscaling {
    const nj_upscale_job *job;
    nj_tally *tally;
    char network_sum[65];
    const nj_engine_api *api;
    nj_upscaler *upscaler; /* NULL until it is needed */
};

/* A picture's file and what becomes of it. */
struct piece {
    const char *path;
    char *bytes;
    size_t n;
    char sum[65];
    char *target;
    bool done;
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for a picture");
}

static void tell(const struct upscaling *u, nj_upscale_event what,
                 const struct piece *p, const nj_err *why)
{
    if (u->job->event)
        u->job->event(u->job->user, what, p ? p->path : NULL,
                      p ? p->target : NULL, why);
}

/* ---- names ------------------------------------------------------------- */

/* "x.png" -> "x_out.png", in the job's folder or beside the picture; `tag`
 * (8 digits) goes before `_out`. */
static char *target_name(const struct upscaling *u, const char *path,
                         const char *tag)
{
    const char *name = nj_path_name(path);
    const char *dot = strrchr(name, '.');
    nj_str s = {0};
    char *target;

    if (!u->job->folder)
        nj_str_addn(&s, path, (size_t)(name - path));
    nj_str_addn(&s, name,
                dot && dot != name ? (size_t)(dot - name) : strlen(name));
    if (tag)
        nj_str_addf(&s, "-%.8s", tag);
    nj_str_add(&s, "_out.png");
    if (u->job->folder && nj_str_ok(&s))
        target = nj_path_join(u->job->folder, s.text);
    else
        target = nj_str_take(&s);
    nj_str_release(&s);
    return target;
}

/* Whether the file is what this source and network give. */
static bool is_done(const struct upscaling *u, const struct piece *p)
{
    char *text = NULL;
    cJSON *o = NULL;
    const cJSON *made = NULL;
    nj_map map;
    bool same = false;

    if (nj_map_open(p->target, &map, NULL) != NJ_OK)
        return false;
    if (nj_png_find_text(map.bytes, map.n, NJ_RECORD_KEYWORD, &text, NULL) ==
            NJ_OK &&
        text && nj_json_parse(text, strlen(text), &o, NULL) == NJ_OK) {
        made = nj_json_get(nj_json_get(o, "record"), "upscale");
        same = strcmp(nj_json_string(made, "source_sha256", ""), p->sum) == 0 &&
               strcmp(nj_json_string(made, "sha256", ""), u->network_sum) == 0;
    }
    cJSON_Delete(o);
    free(text);
    nj_map_close(&map);
    return same;
}

/* The plain name, or the one with a tag of source and network. */
static nj_status find_target(const struct upscaling *u, struct piece *p,
                             nj_err *err)
{
    char both[2 * 64 + 1];
    char tag[65];

    snprintf(both, sizeof(both), "%s%s", p->sum, u->network_sum);
    nj_sha256(both, 128, tag);
    for (int i = 0; i < 2; i++) {
        free(p->target);
        p->target = target_name(u, p->path, i ? tag : NULL);
        if (!p->target)
            return no_memory(err);
        if (access(p->target, F_OK) != 0)
            return NJ_OK;
        p->done = is_done(u, p);
        if (p->done)
            return NJ_OK;
    }
    return nj_fail(err, NJ_E_IO, "other files have the names for '%s'",
                   p->path);
}

/* ---- records ----------------------------------------------------------- */

static bool add_upscale(const struct upscaling *u, const struct piece *p,
                        const nj_engine_pixels *out, cJSON *record)
{
    const nj_upscaler_facts *f = u->api->upscaler_facts(u->upscaler);
    cJSON *o = cJSON_CreateObject();

    cJSON_DeleteItemFromObjectCaseSensitive(record, "upscale");
    if (!o || !cJSON_AddItemToObject(record, "upscale", o)) {
        cJSON_Delete(o);
        return false;
    }
    return cJSON_AddStringToObject(o, "program", "nightjar " NJ_VERSION) &&
           cJSON_AddStringToObject(o, "file", nj_path_name(u->job->network)) &&
           cJSON_AddStringToObject(o, "sha256", u->network_sum) &&
           cJSON_AddNumberToObject(o, "scale", f->scale) &&
           cJSON_AddNumberToObject(o, "width", out->width) &&
           cJSON_AddNumberToObject(o, "height", out->height) &&
           cJSON_AddNumberToObject(o, "tile", u->job->tiling.tile) &&
           cJSON_AddNumberToObject(o, "tile_pad", u->job->tiling.pad) &&
           cJSON_AddStringToObject(o, "device", f->device) &&
           cJSON_AddStringToObject(o, "precision",
                                   nj_precision_name(f->precision)) &&
           cJSON_AddStringToObject(o, "libtorch", f->libtorch) &&
           cJSON_AddStringToObject(o, "source", nj_path_name(p->path)) &&
           cJSON_AddStringToObject(o, "source_sha256", p->sum);
}

/* The record's sum of the pixels is that of the larger picture. */
static bool sum_pixels(const nj_engine_pixels *out, cJSON *record)
{
    const nj_picture picture = {out->width, out->height, out->channels,
                                out->bytes};
    nj_picture rgb = {0};
    char hex[65] = "";

    if (nj_picture_to_rgb(&picture, &rgb, NULL) != NJ_OK)
        return false;
    nj_record_pixels_sha256(rgb.pixels, rgb.width, rgb.height, hex);
    nj_picture_release(&rgb);
    cJSON_DeleteItemFromObjectCaseSensitive(record, "pixels_sha256");
    return cJSON_AddStringToObject(record, "pixels_sha256", hex) != NULL;
}

/* The picture's own record, or an empty one. */
static cJSON *own_record(const char *text)
{
    cJSON *o = NULL;

    if (text && nj_json_parse(text, strlen(text), &o, NULL) == NJ_OK &&
        cJSON_IsObject(o))
        return o;
    cJSON_Delete(o);
    return cJSON_CreateObject();
}

static char *extend_record(const struct upscaling *u, const struct piece *p,
                           const nj_engine_pixels *out, const char *text)
{
    cJSON *o = own_record(text);
    cJSON *record = cJSON_GetObjectItemCaseSensitive(o, "record");
    char *json = NULL;

    if (o && !cJSON_IsObject(record)) {
        cJSON_DeleteItemFromObjectCaseSensitive(o, "record");
        record = cJSON_AddObjectToObject(o, "record");
    }
    if (record && add_upscale(u, p, out, record) && sum_pixels(out, record))
        json = nj_json_print(o);
    cJSON_Delete(o);
    return json;
}

/* The texts of the source, when it is a PNG that has them. */
static void find_texts(const struct piece *p, char **json, char **parameters)
{
    const uint8_t *bytes = (const uint8_t *)p->bytes;

    *json = NULL;
    *parameters = NULL;
    if (nj_png_find_text(bytes, p->n, NJ_RECORD_KEYWORD, json, NULL) != NJ_OK ||
        nj_png_find_text(bytes, p->n, NJ_RECORD_PARAMETERS, parameters, NULL) !=
            NJ_OK)
        return;
}

static nj_status encode(const struct upscaling *u, const struct piece *p,
                        const nj_engine_pixels *out, uint8_t **bytes, size_t *n,
                        nj_err *err)
{
    const nj_picture picture = {out->width, out->height, out->channels,
                                out->bytes};
    char *json;
    char *parameters;
    char *extended;
    nj_status status;

    find_texts(p, &json, &parameters);
    extended = extend_record(u, p, out, json);
    if (extended) {
        const nj_png_text texts[2] = {
            {NJ_RECORD_KEYWORD, extended, 1},
            {NJ_RECORD_PARAMETERS, parameters, 0},
        };

        status =
            nj_png_encode(&picture, texts, parameters ? 2 : 1, bytes, n, err);
    } else {
        status = no_memory(err);
    }
    cJSON_free(extended);
    free(parameters);
    free(json);
    return status;
}

/* ---- one picture --------------------------------------------------------- */

/* Grey with alpha becomes RGB with alpha, which the network's two passes know.
 */
static nj_status widen(nj_picture *p, nj_err *err)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    uint8_t *wide;

    if (p->channels != 2)
        return NJ_OK;
    wide = nj_calloc(n, 4);
    if (!wide)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        memset(wide + 4 * i, p->pixels[2 * i], 3);
        wide[4 * i + 3] = p->pixels[2 * i + 1];
    }
    free(p->pixels);
    p->pixels = wide;
    p->channels = 4;
    return NJ_OK;
}

static nj_status open_upscaler(struct upscaling *u, nj_err *err)
{
    const nj_upscale_job *job = u->job;
    nj_status status;

    if (u->upscaler)
        return NJ_OK;
    status = job->engine(&u->api, err);
    if (status == NJ_OK)
        status = u->api->upscaler_open(job->network, &job->machine,
                                       &u->upscaler, err);
    if (status == NJ_OK)
        tell(u, NJ_UPSCALE_LOADED, NULL, NULL);
    return status;
}

static nj_status enlarge(struct upscaling *u, const struct piece *p,
                         nj_engine_pixels *out, nj_err *err)
{
    int scale = u->api->upscaler_facts(u->upscaler)->scale;
    nj_picture picture;
    nj_status status = nj_picture_decode(
        (const uint8_t *)p->bytes, p->n,
        NJ_UPSCALE_PIXELS_MAX / (size_t)(scale * scale), &picture, err);

    if (status == NJ_OK)
        status = widen(&picture, err);
    if (status == NJ_OK) {
        const nj_engine_pixels in = {picture.width, picture.height,
                                     picture.channels, picture.pixels};

        status = u->api->upscale(u->upscaler, &u->job->tiling, &in, out, err);
    }
    nj_picture_release(&picture);
    return status;
}

static nj_status write_result(const struct upscaling *u, const struct piece *p,
                              const uint8_t *bytes, size_t n, nj_err *err)
{
    nj_stop *stop = u->job->stop;
    nj_status status;

    if (stop)
        stop->writing = 1;
    status = nj_file_write_in_folder(p->target, bytes, n, err);
    if (stop)
        stop->writing = 0;
    return status;
}

/* `lasting` says that the next picture would fail the same way. */
static nj_status make(struct upscaling *u, struct piece *p, bool *lasting,
                      nj_err *err)
{
    nj_engine_pixels out = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    nj_status status = open_upscaler(u, err);

    *lasting = status != NJ_OK;
    if (status == NJ_OK)
        status = enlarge(u, p, &out, err);
    if (status == NJ_OK)
        status = encode(u, p, &out, &bytes, &n, err);
    if (status == NJ_OK) {
        status = write_result(u, p, bytes, n, err);
        *lasting = status != NJ_OK;
    }
    *lasting = *lasting || status == NJ_E_DEVICE;
    free(out.bytes);
    free(bytes);
    return status;
}

static nj_status one(struct upscaling *u, const char *path, bool *lasting,
                     nj_err *err)
{
    struct piece p = {.path = path};
    nj_status status = nj_file_read(path, FILE_BYTES_MAX, &p.bytes, &p.n, err);

    *lasting = false;
    if (status == NJ_OK) {
        nj_sha256(p.bytes, p.n, p.sum);
        status = find_target(u, &p, err);
    }
    if (status == NJ_OK && p.done) {
        u->tally->skipped++;
        tell(u, NJ_UPSCALE_THERE, &p, NULL);
    } else if (status == NJ_OK) {
        status = make(u, &p, lasting, err);
        if (status == NJ_OK) {
            u->tally->made++;
            tell(u, NJ_UPSCALE_MADE, &p, NULL);
        }
    }
    if (status != NJ_OK && !*lasting) {
        u->tally->failed++;
        nj_err_add(err, "cannot upscale '%s'", path);
        tell(u, NJ_UPSCALE_FAILED, &p, err);
    }
    free(p.target);
    free(p.bytes);
    return status;
}

nj_status nj_upscale_files(const nj_upscale_job *job, nj_tally *tally,
                           nj_err *err)
{
    struct upscaling u = {.job = job, .tally = tally};
    nj_status status;

    *tally = (nj_tally){.planned = job->paths->count};
    status = nj_file_sha256(job->network, u.network_sum, err);
    for (size_t i = 0; i < job->paths->count && status == NJ_OK; i++) {
        bool lasting;

        if (nj_stop_soon(job->stop)) {
            status = nj_fail(err, NJ_E_INTERRUPTED, "stopped");
            break;
        }
        status = one(&u, job->paths->items[i], &lasting, err);
        if (!lasting)
            status = NJ_OK;
    }
    if (u.upscaler)
        u.api->upscaler_close(u.upscaler);
    return status;
}

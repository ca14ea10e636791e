/* Animations: see animation.h. */
#include "image/animation.h"

#include <stdlib.h>
#include <string.h>

#include <webp/encode.h>
#include <webp/mux.h>

#include "base/mem.h"

/* Pictures of many small changes: good enough to look at, quick to make. */
#define QUALITY 80
#define METHOD  2

struct nj_animation {
    WebPAnimEncoder *encoder;
    WebPConfig config;
    int width;
    int height;
    int fps;
    int frames;
};

static nj_status no_memory(nj_err *err)
{
    return nj_fail(err, NJ_E_MEMORY, "no memory for an animation");
}

nj_status nj_animation_new(int width, int height, int fps, nj_animation **out,
                           nj_err *err)
{
    nj_animation *a;
    WebPAnimEncoderOptions options;

    *out = NULL;
    if (width < 1 || height < 1 || width > WEBP_MAX_DIMENSION ||
        height > WEBP_MAX_DIMENSION || fps < 1 || fps > 1000)
        return nj_fail(err, NJ_E_USAGE,
                       "cannot animate %d x %d at %d frames a second", width,
                       height, fps);
    a = nj_calloc(1, sizeof(*a));
    if (!a || !WebPAnimEncoderOptionsInit(&options) ||
        !WebPConfigInit(&a->config)) {
        free(a);
        return no_memory(err);
    }
    a->width = width;
    a->height = height;
    a->fps = fps;
    a->config.quality = QUALITY;
    a->config.method = METHOD;
    a->encoder = WebPAnimEncoderNew(width, height, &options);
    if (!a->encoder) {
        free(a);
        return no_memory(err);
    }
    *out = a;
    return NJ_OK;
}

void nj_animation_free(nj_animation *a)
{
    if (!a)
        return;
    WebPAnimEncoderDelete(a->encoder);
    free(a);
}

/* When the next frame begins, rounded from the start so that errors do not add
 * up. */
static int milliseconds(const nj_animation *a)
{
    return (int)((int64_t)a->frames * 1000 / a->fps);
}

static nj_status refuse(const nj_animation *a, nj_err *err)
{
    return nj_fail(err, NJ_E_INTERNAL, "libwebp cannot animate: %s",
                   WebPAnimEncoderGetError(a->encoder));
}

nj_status nj_animation_add(nj_animation *a, const uint8_t *rgb, nj_err *err)
{
    WebPPicture p;
    int good;

    if (!WebPPictureInit(&p))
        return no_memory(err);
    p.use_argb = 1;
    p.width = a->width;
    p.height = a->height;
    good = WebPPictureImportRGB(&p, rgb, 3 * a->width) &&
           WebPAnimEncoderAdd(a->encoder, &p, milliseconds(a), &a->config);
    WebPPictureFree(&p);
    a->frames++;
    return good ? NJ_OK : refuse(a, err);
}

nj_status nj_animation_finish(nj_animation *a, uint8_t **bytes, size_t *n,
                              nj_err *err)
{
    WebPData data;

    WebPDataInit(&data);
    if (!WebPAnimEncoderAdd(a->encoder, NULL, milliseconds(a), NULL) ||
        !WebPAnimEncoderAssemble(a->encoder, &data))
        return refuse(a, err);
    *n = data.size;
    *bytes = nj_calloc(data.size, 1);
    if (*bytes)
        memcpy(*bytes, data.bytes, data.size);
    WebPDataClear(&data);
    return *bytes ? NJ_OK : no_memory(err);
}

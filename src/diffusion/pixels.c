/* Pixels: see pixels.h. */
#include "diffusion/pixels.h"

enum { CHANNELS = 3 };

void nj_pixels_to_unit(const uint8_t *rgb, int width, int height, float *out)
{
    size_t plane = (size_t)width * (size_t)height;

    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            out[c * plane + i] = (float)rgb[CHANNELS * i + c] / 255.0F;
}

void nj_pixels_to_signed(const uint8_t *rgb, int width, int height, float *out)
{
    size_t n = CHANNELS * (size_t)width * (size_t)height;

    nj_pixels_to_unit(rgb, width, height, out);
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] * 2.0F - 1.0F;
}

static uint8_t byte_of(float x)
{
    float unit = (x + 1.0F) / 2.0F;

    /* Written so that NaN gives 0. */
    unit = unit > 0.0F ? unit : 0.0F;
    unit = unit < 1.0F ? unit : 1.0F;
    return (uint8_t)(255.0F * unit);
}

void nj_pixels_from_signed(const float *x, int width, int height, uint8_t *rgb)
{
    size_t plane = (size_t)width * (size_t)height;

    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            rgb[CHANNELS * i + c] = byte_of(x[c * plane + i]);
}

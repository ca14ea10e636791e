/* Lists of tensors: see spec.h. */
#include "spec.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void spec_release(spec *s)
{
    free(s->tensors);
    *s = (spec){0};
}

void spec_add(spec *s, spec_shape shape, nj_dtype dtype, spec_values values,
              double scale, const char *format, ...)
{
    spec_tensor t = {
        .dtype = dtype, .ndim = shape.ndim, .values = values, .scale = scale};
    va_list args;

    for (int i = 0; i < shape.ndim; i++)
        t.shape[i] = shape.size[i];
    va_start(args, format);
    vsnprintf(t.name, sizeof(t.name), format, args);
    va_end(args);
    if (!nj_grow(&s->tensors, &s->capacity, s->count + 1,
                 sizeof(*s->tensors))) {
        s->failed = true;
        return;
    }
    s->tensors[s->count++] = t;
}

void spec_add_layer(spec *s, spec_layer l, const char *name, ...)
{
    int side = l.kernel > 0 ? l.kernel : 1;
    int ndim = l.kernel == 0 ? 2 : l.kernel < 0 ? 3 : 4;
    double fan_in = (double)l.in * side * side;
    double gain = l.gain > 0 ? l.gain : 1;
    char full[SPEC_NAME_MAX - 8];
    va_list args;

    va_start(args, name);
    vsnprintf(full, sizeof(full), name, args);
    va_end(args);
    spec_add(s, (spec_shape){ndim, {l.out, l.in, side, side}}, l.dtype,
             SPEC_NORMAL, gain / sqrt(fan_in), "%s.weight", full);
    if (!l.no_bias)
        spec_add(s, (spec_shape){1, {l.out}}, l.dtype, SPEC_CONSTANT, 0,
                 "%s.bias", full);
}

void spec_add_norm(spec *s, int64_t channels, const char *name, ...)
{
    spec_shape shape = {1, {channels}};
    char full[SPEC_NAME_MAX - 8];
    va_list args;

    va_start(args, name);
    vsnprintf(full, sizeof(full), name, args);
    va_end(args);
    spec_add(s, shape, NJ_F32, SPEC_CONSTANT, 1, "%s.weight", full);
    spec_add(s, shape, NJ_F32, SPEC_CONSTANT, 0, "%s.bias", full);
}

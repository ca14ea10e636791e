/* Observer: see observer.h. Names are only put together for somebody. */
#include "model/observer.h"

#include <stdarg.h>
#include <stdio.h>

void nj_observe(const nj_observer *o, const th_tensor *t, const char *format,
                ...)
{
    char name[64];
    va_list args;

    if (!o || !t)
        return;
    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    o->see(o->user, name, t);
}

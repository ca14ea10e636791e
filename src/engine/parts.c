/* Parts: see parts.h. */
#include "engine/parts.h"

#include "base/clock.h"

void nj_clock_start(nj_clock *c)
{
    if (!c || !c->seconds)
        return;
    th_wait(c->device);
    c->since = nj_seconds();
}

void nj_clock_part(nj_clock *c, nj_part part)
{
    double began;

    if (!c || !c->seconds)
        return;
    began = c->since;
    nj_clock_start(c);
    c->seconds[part] += c->since - began;
}

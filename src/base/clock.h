/* Clocks that only ever go forward, in seconds since some moment. */
#ifndef NJ_BASE_CLOCK_H
#define NJ_BASE_CLOCK_H

/* Stands still while the machine sleeps: how long work took. */
double nj_seconds(void);

/* Goes on while the machine sleeps: when something has to be over. */
double nj_steady_seconds(void);

#endif

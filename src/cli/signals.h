/* Signals: Ctrl-C and SIGTERM ask the run loop to stop; see run/stop.h. */
#ifndef NJ_CLI_SIGNALS_H
#define NJ_CLI_SIGNALS_H

#include "run/stop.h"

/* Catches SIGINT and SIGTERM and ignores SIGPIPE, SIGXFSZ (a file that may not
 * grow is an error of the write) and SIGHUP: a run that lost its terminal goes
 * on. A fault in a library is explained before it ends the program. The result
 * is for the run loop; static storage. */
nj_stop *nj_signals_catch(void);

/* One line on standard error about the first or second request to stop, unless
 * this process is to be silent. Safe in a signal's handler. */
void nj_signals_tell(int request);
void nj_signals_silence(void);

#endif

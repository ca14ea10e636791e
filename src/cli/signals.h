/* Signals: Ctrl-C and SIGTERM ask the run loop to stop; see run/stop.h. */
#ifndef NJ_CLI_SIGNALS_H
#define NJ_CLI_SIGNALS_H

#include "run/stop.h"

/* Catches SIGINT and SIGTERM and ignores SIGPIPE and SIGHUP: a run that lost
 * its terminal goes on. A fault in a library is explained before it ends the
 * program. The result is for the run loop; static storage. */
nj_stop *nj_signals_catch(void);

#endif

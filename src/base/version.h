/* What program this is. */
#ifndef NJ_BASE_VERSION_H
#define NJ_BASE_VERSION_H

/* "0.1.0" and the commit it was built from ("unknown" outside a checkout);
 * static storage. */
const char *nj_version(void);
const char *nj_version_commit(void);

#endif

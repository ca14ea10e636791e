/* Free memory: what programs can still get, of the machine and of the share
 * that a container or a cluster's job has of it.
 */
#ifndef NJ_JOB_FREE_MEMORY_H
#define NJ_JOB_FREE_MEMORY_H

#include <stdint.h>

/* Bytes; 0: not known. */
uint64_t nj_free_memory(void);

/* The same of files in another place than /proc and /sys/fs/cgroup. */
uint64_t nj_free_memory_in(const char *proc, const char *cgroups);

#endif

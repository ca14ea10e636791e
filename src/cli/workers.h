/* Workers: one process for each GPU (--device cuda:all). They are forked before
 * libtorch is loaded and share the job as it was resolved: drawn seeds and
 * prompts from standard input are the same for all. The folder's claims share
 * out the pictures; what a worker that dies had begun is made by another.
 */
#ifndef NJ_CLI_WORKERS_H
#define NJ_CLI_WORKERS_H

/* Runs work(user, i) for i in 0..count-1, each in a process of its own, which
 * ends with the exit status that it returns; hands SIGINT and SIGTERM on to
 * them, and waits for all. Returns the exit status of the whole: a worker that
 * came to an end knows of every picture, so one that says "all made" is right
 * whatever became of the others. */
int nj_workers_run(int count, int (*work)(void *user, int i), void *user);

#endif

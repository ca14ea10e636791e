/* Words that a small model cannot know: its card lists the words of its
 * captions under `words`. Cards of models that read any text have no list. */
#ifndef NJ_JOB_VOCABULARY_CHECK_H
#define NJ_JOB_VOCABULARY_CHECK_H

#include "base/err.h"
#include "base/list.h"
#include "job/spec.h"

/* Appends the words of the job's prompts that the card's list lacks, each once
 * and in order; none when the card has no list. */
nj_status nj_job_unknown_words(const nj_job *job, nj_list *out,
                               nj_err *err) NJ_MUST_USE;

#endif

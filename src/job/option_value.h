/* Option values: from text to what the table asks for, checked. Inside of
 * options.c. */
#ifndef NJ_JOB_OPTION_VALUE_H
#define NJ_JOB_OPTION_VALUE_H

#include "job/options.h"

/* A checked value on its way into the options. */
union nj_option_value {
    bool flag;
    int whole;
    double real;
    uint64_t u64;
    nj_seeds seeds;
    nj_curve curve;
};

/* '_' and '-' are the same in names: both as '-'. */
char nj_option_folded(char c);

/* Whether name a is the n characters at b, folded. */
bool nj_option_same_name(const char *a, const char *b, size_t n);

/* Checks the value's text. Types that are text leave *v alone; seeds are
 * owned by *v. The error says what was expected. */
nj_status nj_option_value_parse(const nj_option *option, const char *text,
                                union nj_option_value *v,
                                nj_err *err) NJ_MUST_USE;

#endif

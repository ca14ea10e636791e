/* What the targets for job files, prompt lists and records share. */
#ifndef FUZZ_REQUEST_H
#define FUZZ_REQUEST_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/options.h"
#include "job/request.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

/* A few bytes may ask for a million prompts ("{1..999999}"), which is allowed
 * and takes its time: such inputs say nothing about reading. */
static int asks_for_much(const char *text, size_t n)
{
    size_t digits = 0;
    size_t bars = 0;

    for (size_t i = 2; i < n; i++) {
        int is_digit = text[i] >= '0' && text[i] <= '9';

        if (is_digit && (digits || (text[i - 1] == '.' && text[i - 2] == '.')))
            digits++;
        else
            digits = 0;
        bars += text[i] == '|' || (text[i] == '.' && text[i - 1] == '.');
        if (digits > 1 || bars > 3)
            return 1;
    }
    return 0;
}

/* All defaults: made once, for most of an execution would be spent on it. */
static const nj_options *defaults(void)
{
    static nj_options options;
    static int made;

    if (!made)
        require(nj_options_init(&options, NULL) == NJ_OK);
    made = 1;
    return &options;
}

/* What was accepted can be written and read again, to the same values. */
static void check_wish(const nj_wish *w)
{
    cJSON *first = cJSON_CreateObject();
    cJSON *second = cJSON_CreateObject();
    nj_options again;
    const cJSON *item;

    require(nj_options_copy(defaults(), &again, NULL) == NJ_OK);
    require(
        nj_options_to_json(&w->options, NJ_OF_JOB | NJ_ONLY_CHANGED, first));
    cJSON_ArrayForEach(item, first)
        require(nj_options_set_json(&again, item->string, item, NJ_FROM_JOB,
                                    NULL) == NJ_OK);
    require(nj_options_to_json(&again, NJ_OF_JOB | NJ_ONLY_CHANGED, second));
    require(cJSON_Compare(first, second, 1));
    cJSON_Delete(first);
    cJSON_Delete(second);
    nj_options_release(&again);
}

typedef nj_status (*request_reader)(nj_request *r, const nj_options *options,
                                    const char *text, size_t n, nj_err *err);

static void try_request(request_reader reader, const uint8_t *data, size_t n)
{
    char *text = nj_strndup((const char *)data, n);
    nj_request request = {0};
    nj_err err = {0};

    require(text != NULL);
    if (!asks_for_much((const char *)data, n)) {
        if (reader(&request, defaults(), text, n, &err) == NJ_OK) {
            if (request.count)
                check_wish(&request.wishes[request.count - 1]);
        } else {
            require(err.text[0] && !strchr(err.text, '\n'));
        }
    }
    nj_request_release(&request);
    free(text);
}

#endif

/* Cleaning of prompts for CLIP: the sum of the steps of clean.h, in the order
 * of basic_clean, whitespace_clean and lower in OpenAI's simple_tokenizer.py
 * (openai/CLIP, MIT). */
#include "text/clean.h"

#include "text/tokenizer.h"

char *nj_clean_text(const char *text, size_t length)
{
    nj_points p = {0};
    nj_str out = {0};

    nj_points_add_utf8(&p, text, length);
    nj_fix_text(&p);
    nj_html_unescape(&p);
    nj_html_unescape(&p);
    nj_collapse_spaces(&p);
    nj_lower(&p);
    nj_points_to_str(&p, &out);
    if (p.failed)
        out.failed = true;
    nj_points_release(&p);
    return nj_str_take(&out);
}

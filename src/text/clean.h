/* The steps of cleaning a text for CLIP's tokenizer; nj_clean_text of
 * tokenizer.h is their sum. They follow the behaviour of Python's html.unescape
 * and str.lower and of ftfy.fix_text 6.3.1 with its defaults (Robyn Speer;
 * DOI 10.5281/zenodo.2591652), which the public tokenizer calls. Each step
 * changes the text in place and marks it failed when memory is short.
 */
#ifndef NJ_TEXT_CLEAN_H
#define NJ_TEXT_CLEAN_H

#include "text/points.h"

/* ftfy.fix_text: line by line, each until nothing changes any more. */
void nj_fix_text(nj_points *text);

/* Entities that end in ';', also in capitals where HTML knows none. */
void nj_fix_entities(nj_points *text);

/* html.unescape: entities by HTML5's rules for text of old documents. */
void nj_html_unescape(nj_points *text);

/* True when two or three neighbours are rarely found except where UTF-8 was
 * read as another codec ("mojibake"). */
bool nj_is_bad(const uint32_t *text, size_t n);

/* Classes of a character, NJ_CLASS(...) of tables.h. */
uint64_t nj_char_classes(uint32_t c);

/* Undoes mojibake, as often as it was made. */
void nj_fix_encoding(nj_points *text);

/* Reads U+0080 to U+009F as Windows-1252. */
void nj_fix_c1(nj_points *text);

/* Bytes of the text in a codec NJ_CODEC_...; false when it has a character
 * that the codec has not. U+FFFD is byte 1A in Windows codecs. */
bool nj_codec_encode(const nj_points *text, int codec, nj_str *bytes);

/* Byte 20 back to A0 where that makes UTF-8. */
void nj_restore_a0(nj_str *bytes);

/* UTF-8 sequences that lost bytes (1A, '?') to the UTF-8 of U+FFFD. */
void nj_replace_lossy(nj_str *bytes);

/* Reads UTF-8 with two variants: surrogate pairs in two three-byte sequences
 * (CESU-8) and NUL as C0 80 (Java). False when the bytes are neither. */
bool nj_decode_utf8_variants(const nj_str *bytes, nj_points *out);

/* Normalisation form C. */
void nj_compose(nj_points *text);

/* Runs of white space to one blank, none at the ends. */
void nj_collapse_spaces(nj_points *text);

/* str.lower: full mapping, with the final sigma. */
void nj_lower(nj_points *text);

#endif

/* Tables for cleaning and splitting text. Their contents are written by
 * scripts/make_text_tables.py; this header says what they mean. */
#ifndef NJ_TEXT_TABLES_H
#define NJ_TEXT_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sorted ranges of code points. */
typedef struct nj_range {
    uint32_t first;
    uint32_t last;
} nj_range;

/* True when a range of the table holds c. */
bool nj_char_in(uint32_t c, const nj_range *table, size_t count);

/* \p{L} and \p{N} of the public tokenizer's pattern. */
extern const nj_range nj_letters[];
extern const size_t nj_letters_count;
extern const nj_range nj_numbers[];
extern const size_t nj_numbers_count;

/* For the final sigma: characters with case that are not Case_Ignorable, and
 * the Case_Ignorable ones (Unicode 3.13, D136). */
extern const nj_range nj_cased[];
extern const size_t nj_cased_count;
extern const nj_range nj_case_ignorable[];
extern const size_t nj_case_ignorable_count;

/* HTML5's entities in the order of strcmp, names without '&' and ';'. */
typedef struct nj_entity {
    const char *name;
    bool bare;         /* known without ';' too */
    uint32_t chars[3]; /* ended by 0 where there is room */
} nj_entity;

extern const nj_entity nj_entities[];
extern const size_t nj_entities_count;

/* Names in capitals that HTML does not know and that are read all the same. */
extern const nj_entity nj_entities_upper[];
extern const size_t nj_entities_upper_count;

/* Characters of bytes 128 to 255. In the Windows codecs an unassigned byte
 * stands for the code point of its number. */
enum {
    NJ_CODEC_LATIN_1,
    NJ_CODEC_WINDOWS_1252,
    NJ_CODEC_WINDOWS_1251,
    NJ_CODEC_WINDOWS_1250,
    NJ_CODEC_WINDOWS_1253,
    NJ_CODEC_WINDOWS_1254,
    NJ_CODEC_WINDOWS_1257,
    NJ_CODEC_ISO_8859_2,
    NJ_CODEC_MAC_ROMAN,
    NJ_CODEC_437,
    NJ_CODEC_COUNT
};

extern const uint16_t nj_codecs[NJ_CODEC_COUNT][128];

/* Classes of characters that occur in mojibake: bits of nj_class_range. */
#define NJ_CLASSES(X)                                                          \
    X(COMMON) /* signs that prove nothing by themselves */                     \
    X(C1)     /* control characters U+0080 to U+009F */                        \
    X(BAD)    /* hardly used except in mojibake */                             \
    X(LAW)                                                                     \
    X(CURRENCY)                                                                \
    X(START) /* punctuation at the start of words */                           \
    X(END)   /* punctuation at the end of words */                             \
    X(NUMERIC)                                                                 \
    X(KAOMOJI) /* letters that faces are drawn with */                         \
    X(UPPER_ACCENT)                                                            \
    X(LOWER_ACCENT)                                                            \
    X(UPPER_COMMON) /* other capitals: Greek, Cyrillic, thorn */               \
    X(LOWER_COMMON)                                                            \
    X(BOX)                                                                     \
    X(FIRST_OF_2) /* what a UTF-8 sequence's first byte looks like */          \
    X(FIRST_OF_3)                                                              \
    X(FIRST_OF_4)                                                              \
    X(CONTINUATION)        /* the further bytes, and the blank */              \
    X(CONTINUATION_STRICT) /* those that do not stand for themselves */        \
    X(OE)                                                                      \
    X(LEAD)                                                                    \
    X(AFTER_LEAD)                                                              \
    X(POWER)                                                                   \
    X(ARABIC_LEAD)                                                             \
    X(AFTER_ARABIC)                                                            \
    X(AFTER_A_GRAVE)                                                           \
    X(AFTER_ROOT)                                                              \
    X(AFTER_ALMOST)                                                            \
    X(AFTER_LOW_A)                                                             \
    X(MAC_SECOND)                                                              \
    X(MAC_THIRD)                                                               \
    X(CYRILLIC_LEAD)                                                           \
    X(DEGREE_MICRO)                                                            \
    X(AFTER_A_TILDE)                                                           \
    X(A_CAPITAL)                                                               \
    X(AFTER_BETA_EURO)                                                         \
    X(GREEK_LEAD)                                                              \
    X(LETTER) /* ASCII */                                                      \
    X(LOWER)  /* ASCII */                                                      \
    X(STOP)                                                                    \
    X(BLANK)                                                                   \
    X(NOT_LETTER) /* the last four are found by rule, not listed */            \
    X(WHITE)                                                                   \
    X(WORD)                                                                    \
    X(NOT_NEWLINE)

enum nj_class_bit {
#define NJ_CLASS_BIT(name) NJ_CLASS_BIT_##name,
    NJ_CLASSES(NJ_CLASS_BIT)
#undef NJ_CLASS_BIT
};

#define NJ_CLASS(name) (UINT64_C(1) << NJ_CLASS_BIT_##name)

typedef struct nj_class_range {
    uint32_t first;
    uint32_t last;
    uint64_t classes;
} nj_class_range;

extern const nj_class_range nj_classes[];
extern const size_t nj_classes_count;

/* Usual width of U+FF01 to U+FFEF; ended by 0 where there is room. */
extern const uint16_t nj_widths[0xef][2];

/* Latin ligatures and digraphs and what they are made of. */
typedef struct nj_ligature {
    uint16_t sign;
    uint16_t parts[3]; /* ended by 0 */
} nj_ligature;

extern const nj_ligature nj_ligatures[];
extern const size_t nj_ligatures_count;

#endif

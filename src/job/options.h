/* Options: said once, in the table of option_table.c. Reading a command line,
 * --help, job files, records and checks all go through that table; a value
 * remembers where it came from, and a weaker origin never replaces a stronger
 * one, so origins may be applied in any order.
 *
 *     nj_options o;
 *     nj_options_init(&o, &err);
 *     nj_options_parse(&o, NJ_CMD_GENERATE, argc, argv, &prompts, &err);
 *     ... o.settings.cutn, o.from[nj_option_index("cutn")] ...
 *     nj_options_release(&o);
 */
#ifndef NJ_JOB_OPTIONS_H
#define NJ_JOB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/str.h"
#include "diffusion/settings.h"
#include "image/fit.h"
#include "job/seeds.h"
#include "job/video_encoder.h"

#define NJ_OPTIONS_MAX 160

/* Where a value came from; later ones win. */
typedef enum nj_origin {
    NJ_FROM_DEFAULT = 0,
    NJ_FROM_CARD,
    NJ_FROM_PRESET,
    NJ_FROM_JOB,
    NJ_FROM_COMMAND
} nj_origin;

typedef enum nj_command {
    NJ_CMD_GENERATE = 1 << 0,
    NJ_CMD_MODELS = 1 << 1,
    NJ_CMD_PLAN = 1 << 2,
    NJ_CMD_HELP = 1 << 3,
    NJ_CMD_VERSION = 1 << 4,
    NJ_CMD_INFO = 1 << 5,
    NJ_CMD_REPRODUCE = 1 << 6,
    NJ_CMD_STATUS = 1 << 7,
    NJ_CMD_SHEET = 1 << 8,
    NJ_CMD_GALLERY = 1 << 9,
    NJ_CMD_RANK = 1 << 10,
    NJ_CMD_PICK = 1 << 11,
    NJ_CMD_UPSCALE = 1 << 12,
    NJ_CMD_INDEX = 1 << 13,
    NJ_CMD_SEARCH = 1 << 14,
    NJ_CMD_BENCH = 1 << 15,
    NJ_CMD_PRESETS = 1 << 16
} nj_command;

/* What `nightjar help` writes: for people, for man, for shells. */
typedef enum nj_help_format {
    NJ_HELP_TEXT,
    NJ_HELP_MAN,
    NJ_HELP_BASH,
    NJ_HELP_ZSH,
    NJ_HELP_FISH
} nj_help_format;

typedef enum nj_order { NJ_ORDER_SEED, NJ_ORDER_PROMPT } nj_order;

/* How a run is shown. */
typedef enum nj_show_style {
    NJ_SHOW_AUTO, /* a bar on a terminal, else lines */
    NJ_SHOW_BAR,
    NJ_SHOW_LINES,
    NJ_SHOW_JSON
} nj_show_style;

/* Of all pictures, or of each prompt's. */
typedef enum nj_rank_by { NJ_RANK_BY_ALL, NJ_RANK_BY_PROMPT } nj_rank_by;

/* Values of rank, pick, upscale, index and search: of the morning after. */
typedef struct nj_options_after {
    nj_list clip;
    char *top;  /* a share, see job/share.h */
    char *hits; /* likewise, of search */
    nj_rank_by by;
    double near;
    bool csv;
    bool names;
    bool link;
    char *out;
    char *upscaler;
    int tile;
    int tile_pad;
    char *picks;
    bool all;
    char *export_to;
    double min_score;
} nj_options_after;

/* All values. Texts are owned; NULL stands for "not given". */
typedef struct nj_options {
    nj_settings settings;
    char *models_dir;
    char *preset;
    char *unet;
    char *unet_config;
    nj_list clip;
    char *secondary_model;
    char *lpips;
    char *vgg;
    char *init_image;
    nj_fit init_fit;
    nj_list image_prompt;
    uint64_t seed;
    nj_seeds seeds;
    int n;
    char *prompts;
    nj_list sweep;
    nj_order order;
    char *out;
    bool video;
    nj_video_format video_format;
    int video_every; /* 0: as many frames as are worth seeing */
    int video_fps;
    char *device;
    nj_precision precision;
    nj_memory memory;
    int threads;
    bool truncate;
    bool fast;
    bool no_graphs;
    bool all;
    bool gallery;
    struct {
        int columns;
        int cell;
        int lines;
        int per_page;
        char *font;
        char *out;
    } sheet;
    nj_options_after after;
    bool overwrite;
    char *shard;
    char *deadline;
    char *run_for;
    char *min_free_disk;
    bool quiet;
    bool json;
    nj_show_style progress;
    bool calibrate;
    char *random_weights;
    int steps;
    nj_help_format format;
    bool help;
    bool version;
    unsigned char from[NJ_OPTIONS_MAX]; /* nj_origin by place in the table */
    /* Of a value that came from a record: 1 + the origin that it had when the
     * picture was made; 0: none. */
    unsigned char told[NJ_OPTIONS_MAX];
    /* Where the values of origin NJ_FROM_JOB were written, such as "night.json:
     * job 2"; for messages, NULL: nobody needs to be told. */
    char *place;
} nj_options;

typedef enum nj_option_type {
    NJ_OPT_FLAG,   /* bool */
    NJ_OPT_INT,    /* int, or one of `words` */
    NJ_OPT_DOUBLE, /* double */
    NJ_OPT_CURVE,  /* a number or a schedule, in settings; no offset */
    NJ_OPT_U64,    /* uint64_t */
    NJ_OPT_CHOICE, /* enum; `words` are its values' names */
    NJ_OPT_TEXT,   /* char * */
    NJ_OPT_CHARS,  /* char[max], NUL included */
    NJ_OPT_LIST,   /* nj_list; may be given several times */
    NJ_OPT_SEEDS   /* nj_seeds */
} nj_option_type;

typedef enum nj_option_group {
    NJ_GROUP_MODELS,
    NJ_GROUP_PICTURE,
    NJ_GROUP_GUIDANCE,
    NJ_GROUP_SEEDS,
    NJ_GROUP_JOB,
    NJ_GROUP_OUTPUT,
    NJ_GROUP_MACHINE,
    NJ_GROUP_GENERAL,
    NJ_GROUP_COUNT
} nj_option_group;

/* What a value decides. */
enum {
    NJ_OF_PICTURE = 1,  /* what the picture is: part of its identity */
    NJ_OF_RECORD = 2,   /* kept in records besides: how it was made */
    NJ_OF_JOB = 4,      /* may stand in a job file */
    NJ_OF_WHOLE = 16,   /* the same for all pictures of a job */
    NJ_OF_MANY = 32,    /* stands for other options' values: may be swept, but
                           is no part of a picture itself */
    NJ_ONLY_CHANGED = 8 /* for nj_options_to_json: leave out what has the
                           table's default */
};

typedef struct nj_option_word {
    const char *name;
    int value;
} nj_option_word;

typedef struct nj_option {
    const char *name; /* with '-'; the JSON key is the same with '_' */
    char letter;      /* short name or 0 */
    nj_option_type type;
    size_t offset;    /* in nj_options */
    nj_curved curved; /* which setting of type NJ_OPT_CURVE */
    bool whole;       /* its values are whole numbers */
    double min;
    double max;
    const char *value;           /* how --help calls the value */
    const nj_option_word *words; /* ended by a NULL name */
    const char *fallback;        /* default as text; NULL: not given */
    const char *shown;           /* default as --help says it, or NULL */
    bool (*good)(const char *);  /* further check of a text, or NULL */
    /* NJ_OPT_INT: how a text that is no number is read, or NULL */
    nj_status (*named)(const char *text, int *value, nj_err *err);
    const char *expected; /* what `good` asks for */
    unsigned traits;
    nj_option_group group;
    unsigned commands; /* nj_command bits */
    const char *help;
} nj_option;

/* The table, in the order of --help. */
size_t nj_option_count(void);
const nj_option *nj_option_at(size_t i);
size_t nj_option_index(const nj_option *o);
const char *nj_option_group_name(nj_option_group group);

/* Whether that is the option's name; '_' and '-' are the same. */
bool nj_option_is(const nj_option *o, const char *name, size_t n);

/* The option of that name, NULL: none. Where commands have rows of their own
 * for one name, the first row, which is that of generate. */
const nj_option *nj_option_find(const char *name, size_t n);

/* Whether a sweep may vary it: it decides about pictures one by one. */
bool nj_option_may_sweep(const nj_option *o);

/* " (did you mean 'steps'?)" for a name that no option of `command` has, or
 * "" when none is near; that a file may not hold one that there is; `prefix`
 * stands before the name ("--" or ""). underscores: names are shown as JSON
 * keys. */
void nj_option_hint(nj_str *out, unsigned command, const char *name,
                    bool json_key);

/* All defaults. Release *o in every case. */
nj_status nj_options_init(nj_options *o, nj_err *err) NJ_MUST_USE;
void nj_options_release(nj_options *o);
nj_status nj_options_copy(const nj_options *from, nj_options *to,
                          nj_err *err) NJ_MUST_USE;

/* Checks a value's text and stores it unless a stronger origin already gave
 * one. A list grows when the same origin gives several. The error says what
 * was expected but not the option's name: callers know how it was spelled. */
nj_status nj_options_set(nj_options *o, const nj_option *option,
                         const char *text, nj_origin from,
                         nj_err *err) NJ_MUST_USE;

/* Takes back a value that came from the same or a weaker origin: a list is
 * emptied, other values count as not given. */
void nj_options_forget(nj_options *o, const nj_option *option, nj_origin from);

bool nj_options_given(const nj_options *o, const char *name);
nj_origin nj_options_origin(const nj_options *o, const char *name);

/* Where a picture's record says that a value came from: its origin, or the one
 * that an earlier record told, so that a picture made again from its record has
 * the same record. */
nj_origin nj_options_first_origin(const nj_options *o, const nj_option *option);

/* "default", "card", "preset", "job", "command"; static storage. */
const char *nj_origin_name(nj_origin origin);

/* Takes over the origins that a record tells (its `from` object) for the keys
 * of `object` that are options. */
void nj_options_tell(nj_options *o, const cJSON *object, const cJSON *from);

/* Puts the option as its user wrote it ("option '--cutn'", "night.json: key
 * 'cutn'") before the text of *err and returns its code. */
nj_status nj_options_blame(const nj_options *o, const char *name, nj_err *err);

/* Puts the place of the job's values, and a line in it where that is not 0,
 * before the text of *err and returns its code. */
nj_status nj_options_blame_place(const nj_options *o, int line, nj_err *err);

/* Whether an option has a value, its default included. */
bool nj_options_has(const nj_options *o, const nj_option *option);

/* The value as text that nj_options_set reads back to the same value (a list:
 * entry after entry, parted by newlines). NULL when it was not given or memory
 * is short; the caller frees it. */
char *nj_options_text(const nj_options *o, const nj_option *option);

/* Reads a command line (without the program's and command's names). What is
 * no option goes to `rest`; "--" ends the options. */
nj_status nj_options_parse(nj_options *o, nj_command command, int argc,
                           char *const *argv, nj_list *rest,
                           nj_err *err) NJ_MUST_USE;

/* The same for options that stand in a file: only those that a job file may
 * hold are known. */
nj_status nj_options_parse_from(nj_options *o, nj_origin from, int argc,
                                char *const *argv, nj_list *rest,
                                nj_err *err) NJ_MUST_USE;

/* Sets option `key` of a JSON object from its value: text, number, true/false,
 * null (leaves the default), lists where the option takes several. */
nj_status nj_options_set_json(nj_options *o, const char *key,
                              const cJSON *value, nj_origin from,
                              nj_err *err) NJ_MUST_USE;

/* Appends to `object` every option that has one of `traits` and a value, under
 * its JSON key. False when memory is short. */
bool nj_options_to_json(const nj_options *o, unsigned traits, cJSON *object);

/* JSON key of an option. */
void nj_option_key(const nj_option *option, char out[64]);

/* Appends the options of a command, grouped, at most 80 columns wide. */
void nj_options_help(nj_str *out, nj_command command);

/* Appends `text`, wrapped at 80 columns; every line begins at `column`, the
 * first one after `at` cells that are there already. Ends the line. */
void nj_help_wrap(nj_str *out, const char *text, size_t at, size_t column);

/* What an option does, with its choices and its default: for a row of help. */
void nj_option_meaning(nj_str *out, const nj_option *option);

/* What may stand for an option's value, so that a shell can offer it. */
typedef enum nj_value_kind {
    NJ_VALUE_NONE, /* a flag */
    NJ_VALUE_FREE,
    NJ_VALUE_WORDS, /* of nj_option_choices */
    NJ_VALUE_FILE,
    NJ_VALUE_FOLDER,
    NJ_VALUE_PRESET, /* a name that `nightjar presets` lists */
    NJ_VALUE_SWEEP   /* of nj_option_choices, "NAME=" */
} nj_value_kind;

nj_value_kind nj_option_value_kind(const nj_option *option);

/* Appends the words that an option's value may be; false when memory is
 * short. */
bool nj_option_choices(const nj_option *option, nj_list *out);

#endif

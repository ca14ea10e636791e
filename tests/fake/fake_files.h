/* Files for tests: a scratch folder, tiny model files, and what is in a
 * folder afterwards. Every function fails the running cmocka test, or ends
 * the program, when it cannot do its work. */
#ifndef FAKE_FILES_H
#define FAKE_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* A new empty folder below the system's; the caller frees the name. */
char *fake_folder(void);

/* Removes a folder with all that is in it. */
void fake_remove(const char *folder);

/* "folder/name" in one of a few static buffers. */
const char *fake_path(const char *folder, const char *name);

void fake_write(const char *path, const void *bytes, size_t n);

/* A file's bytes and a zero behind them, to free; `n` may be NULL. */
char *fake_read(const char *path, size_t *n);

/* The text of a PNG under a keyword, to free. */
char *fake_png_text(const char *path, const char *keyword);

/* Writes into folder: unet.safetensors and clip.safetensors with the tensors
 * by which the kinds are known, card.json (a 64x64 network, factor 4, with a
 * class-free card), card_class.json (10 classes) and CLIP's vocabulary. */
void fake_models(const char *folder);

/* A PNG of one colour. */
void fake_png(const char *path, int width, int height);

/* Files below a folder (not folders); 0 when it is not there. */
size_t fake_count(const char *folder);

/* Those of them whose names end in .png. */
size_t fake_pictures(const char *folder);

/* The only file in a folder whose name holds `part`, as a path in a static
 * buffer; NULL when there is none or more than one. */
const char *fake_only(const char *folder, const char *part);

#endif

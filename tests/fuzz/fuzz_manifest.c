/* Any bytes as a manifest: read as far as its lines are whole. Lines get their
 * checksum here, so that what they say is looked at too; an input that begins
 * with '!' is taken as it is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "run/manifest.h"
#include "run/overview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char folder[64];
static char path[96];

static void require(int holds)
{
    if (!holds)
        abort();
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *memory = "/dev/shm";

    if (folder[0])
        return;
    snprintf(folder, sizeof(folder), "%s/nightjar-fuzz-XXXXXX",
             access(memory, W_OK) == 0 ? memory : "/tmp");
    require(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/nightjar.jsonl", folder);
    atexit(remove_folder);
}

/* {"a":1} -> {"a":1,"crc":"0123abcd"} */
static void add_line(nj_str *out, const char *line, size_t n)
{
    size_t start = out->length;

    if (n < 2 || line[n - 1] != '}') {
        nj_str_addn(out, line, n);
        nj_str_addc(out, '\n');
        return;
    }
    nj_str_addn(out, line, n - 1);
    nj_str_addf(out, ",\"crc\":\"%08lx\"}\n",
                crc32(crc32(0, NULL, 0), (const Bytef *)out->text + start,
                      (uInt)(n - 1)));
}

static void write_manifest(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    const char *end = text + n;
    nj_str out = {0};
    FILE *f = fopen(path, "wb");

    require(f != NULL);
    if (n && text[0] == '!') {
        nj_str_addn(&out, text + 1, n - 1);
        text = end;
    }
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);

        add_line(&out, text, length);
        text += length + 1;
    }
    require(fwrite(out.text ? out.text : "", 1, out.length, f) == out.length);
    fclose(f);
    nj_str_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    nj_overview o;

    make_folder();
    write_manifest(data, n);
    require(nj_overview_read(folder, 1800000000, &o, NULL) == NJ_OK);
    require(o.manifests == 1 && o.shards_begun <= o.shards);
    require(o.seconds_left < 0 || (o.running && o.per_hour > 0));
    for (size_t i = 0; i < o.failed; i++)
        require(o.failures[i].file && o.failures[i].why);
    for (size_t i = 0; i < o.worker_count; i++)
        require(o.workers[i].host && nj_worker_state_word(o.workers[i].state));
    nj_overview_release(&o);
    return 0;
}

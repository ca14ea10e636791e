/* Free memory: see free_memory.h. Control groups of version 2: each group above
 * ours may have a limit; file pages that can be dropped do not count. */
#include "job/free_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LINE_MAX_BYTES 4096

static FILE *open_in(const char *folder, const char *name)
{
    nj_str path = {0};
    FILE *f = NULL;

    nj_str_addf(&path, "%s/%s", folder, name);
    if (nj_str_ok(&path))
        f = fopen(path.text, "r");
    nj_str_release(&path);
    return f;
}

/* The number behind `key` in a file of lines "key number"; without a key, the
 * first number. */
static bool read_number(const char *folder, const char *name, const char *key,
                        uint64_t *out)
{
    FILE *f = open_in(folder, name);
    char line[LINE_MAX_BYTES];
    size_t n = strlen(key);
    bool found = false;

    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned long long value;

        found =
            strncmp(line, key, n) == 0 && sscanf(line + n, "%llu", &value) == 1;
        if (found)
            *out = value;
    }
    if (f)
        fclose(f);
    return found;
}

/* "max", which is no number, is no limit. */
static uint64_t room_of(const char *group)
{
    uint64_t limit;
    uint64_t used;
    uint64_t idle = 0;

    if (!read_number(group, "memory.max", "", &limit) ||
        !read_number(group, "memory.current", "", &used))
        return UINT64_MAX;
    (void)read_number(group, "memory.stat", "inactive_file", &idle);
    used -= idle < used ? idle : used;
    return used < limit ? limit - used : 1;
}

/* Of the group and all above it. */
static uint64_t least_room(const char *cgroups, char *path)
{
    uint64_t least = UINT64_MAX;

    for (;;) {
        nj_str group = {0};
        char *slash = strrchr(path, '/');
        uint64_t room = UINT64_MAX;

        nj_str_addf(&group, "%s%s", cgroups, path);
        if (nj_str_ok(&group))
            room = room_of(group.text);
        nj_str_release(&group);
        least = room < least ? room : least;
        if (!slash)
            return least;
        *slash = '\0';
    }
}

static uint64_t room_in_groups(const char *proc, const char *cgroups)
{
    FILE *f = open_in(proc, "self/cgroup");
    char line[LINE_MAX_BYTES];
    uint64_t room = UINT64_MAX;

    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            room = least_room(cgroups, line + 3);
    }
    if (f)
        fclose(f);
    return room;
}

uint64_t nj_free_memory_in(const char *proc, const char *cgroups)
{
    uint64_t groups = room_in_groups(proc, cgroups);
    uint64_t kib = 0;
    uint64_t machine = 0;

    if (read_number(proc, "meminfo", "MemAvailable:", &kib))
        machine = kib * 1024;
    if (groups == UINT64_MAX)
        return machine;
    return machine && machine < groups ? machine : groups;
}

uint64_t nj_free_memory(void)
{
    return nj_free_memory_in("/proc", "/sys/fs/cgroup");
}

/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/cpuset.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void cpu_range(uint64_t *map, unsigned long from, unsigned long to, bool in)
{
    for (unsigned long cpu = from; cpu <= to; cpu++) {
        if (in)
            map[cpu / 64] |= 1ULL << (cpu % 64);
        else
            map[cpu / 64] &= ~(1ULL << (cpu % 64));
    }
}

/* "0-3", "^2", "all" */
static bool take_cpus(char *word, uint64_t *map)
{
    bool in = *word != '^';
    char *end;
    unsigned long from, to;

    if (strcmp(word, "all") == 0) {
        cpu_range(map, 0, CPUSET_MAX - 1, true);
        return true;
    }
    if (!in)
        word++;
    if (!isdigit((unsigned char)*word))
        return false;
    from = to = strtoul(word, &end, 10);
    if (*end == '-' && isdigit((unsigned char)end[1]))
        to = strtoul(end + 1, &end, 10);
    if (*end != '\0' || from > to || to >= CPUSET_MAX)
        return false;
    cpu_range(map, from, to, in);
    return true;
}

bool cpuset_parse(const char *text, uint64_t map[CPUSET_WORDS])
{
    char *copy = strdup(text), *rest = copy, *word;
    bool ok = copy != NULL, any = false;

    memset(map, 0, CPUSET_WORDS * sizeof(*map));
    while (ok && (word = strsep(&rest, ", ")))
        ok = *word == '\0' || take_cpus(word, map);
    free(copy);
    for (size_t i = 0; i < CPUSET_WORDS; i++)
        any = any || map[i];
    return ok && any;
}

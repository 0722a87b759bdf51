/* SPDX-License-Identifier: MIT */
/* The words of the command line. */
#include "guest/frontends/blk.h"
#include "guest/guest.h"

#define WORDS_MAX 128u

static const struct {
    const char *word;
    unsigned feature;
} features[] = {
    {"multipage", BLK_F_MULTIPAGE},   {"indirect", BLK_F_INDIRECT},
    {"persistent", BLK_F_PERSISTENT}, {"multiqueue", BLK_F_MULTIQUEUE},
    {"flush", BLK_F_FLUSH},           {"barrier", BLK_F_BARRIER},
    {"discard", BLK_F_DISCARD},       {"all", ~0u},
};

static unsigned find_feature(const char *word, size_t len)
{
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++)
        if (!strncmp(features[i].word, word, len) && !features[i].word[len])
            return features[i].feature;
    return 0;
}

static bool parse_off(const char *words, unsigned *off)
{
    bool known = true;

    while (*words) {
        const char *end = strchr(words, ',');
        size_t len = end ? (size_t)(end - words) : strlen(words);
        unsigned feature = find_feature(words, len);

        known = known && (feature || !len);
        *off |= feature;
        words += len + (end != NULL);
    }
    return known;
}

static unsigned number(const char *key, unsigned def)
{
    char text[16];

    return cmdline_value(key, text, sizeof(text)) ? (unsigned)strtoul(text, NULL, 10) : def;
}

bool blk_options_cmdline(struct blk_options *opt)
{
    char words[WORDS_MAX];

    *opt = (struct blk_options){.queues = number("blk.queues=", 0),
                                .ring_order = number("blk.order=", BLK_MAX_ORDER),
                                .pool_pages = number("blk.pool=", 0)};
    return !cmdline_value("blk.off=", words, sizeof(words)) || parse_off(words, &opt->off);
}

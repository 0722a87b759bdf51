/* SPDX-License-Identifier: MIT */
/* The hypervisor's command line: Xen's names where it has the same option. */
#include "boot/protocol.h"
#include "lib/printk.h"
#include "lib/string.h"

#define WORD_MAX 256

/* Parses the value (NULL when the option stood alone); false: it makes no sense. `negated`: the option was
 * written no-NAME. */
typedef bool parse_fn(struct boot_options *opt, size_t offset, const char *value, bool negated);

static bool parse_flag(struct boot_options *opt, size_t offset, const char *value, bool negated)
{
    static const char *const yes[] = {"1", "yes", "on", "true", "enable"};
    static const char *const no[] = {"0", "no", "off", "false", "disable"};
    bool *flag = (bool *)((char *)opt + offset);

    if (!value) {
        *flag = !negated;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
            *flag = !strcmp(value, yes[i]) != negated;
            return true;
        }
    }
    return false;
}

static bool parse_text(struct boot_options *opt, size_t offset, const char *value, bool negated)
{
    const size_t size = sizeof(opt->console);
    char *text = (char *)opt + offset;

    if (!value || negated || strlen(value) >= size)
        return false;
    hyp_strlcpy(text, value, size);
    return true;
}

static bool parse_number(struct boot_options *opt, size_t offset, const char *value, bool negated)
{
    const char *end;
    u64 n;

    if (!value || negated)
        return false;
    n = parse_u64(value, &end);
    if (end == value || *end || n > 0xffffffff)
        return false;
    *(unsigned *)((char *)opt + offset) = (unsigned)n;
    return true;
}

/* "4" or "1-4": the larger is what counts, for dom0 always gets as many as there are up to that. */
static bool parse_vcpus(struct boot_options *opt, size_t offset, const char *value, bool negated)
{
    const char *dash = value ? strchr(value, '-') : NULL;

    return parse_number(opt, offset, dash ? dash + 1 : value, negated);
}

static bool parse_level(struct boot_options *opt, size_t offset, const char *value, bool negated)
{
    static const struct {
        const char *name;
        int level;
    } levels[] = {{"none", -1},       {"error", LOG_ERROR}, {"warning", LOG_WARNING},
                  {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"all", LOG_DEBUG}};
    size_t n = value ? strlen(value) : 0;

    /* "warning/all": the second is the level up to which lines are rate limited; ours always are. */
    if (value && strchr(value, '/'))
        n = (size_t)(strchr(value, '/') - value);
    for (size_t i = 0; !negated && n && i < ARRAY_SIZE(levels); i++) {
        if (strlen(levels[i].name) == n && !strncmp(levels[i].name, value, n)) {
            *(int *)((char *)opt + offset) = levels[i].level;
            return true;
        }
    }
    return false;
}

/* A comma list of SIZE, -SIZE, min:SIZE, max:SIZE. */
static bool parse_dom0_mem(struct boot_options *opt, size_t, const char *value, bool negated)
{
    if (!value || negated)
        return false;
    for (const char *p = value, *end;; p = end + 1) {
        u64 *target = &opt->dom0_mem, ignored;

        if (!strncmp(p, "max:", 4)) {
            target = &opt->dom0_mem_max;
            p += 4;
        } else if (!strncmp(p, "min:", 4)) {
            target = &ignored; /* there is never less than asked for: too little memory is an error */
            p += 4;
        } else if (*p == '-') {
            target = &opt->dom0_mem_keep;
            p++;
        }
        *target = parse_size(p, &end);
        if (end == p || (*end && *end != ','))
            return false;
        /* A bare number is kilobytes, as in Xen. */
        if (end[-1] >= '0' && end[-1] <= '9')
            *target = *target > (~0UL >> 10) ? ~0UL : *target << 10;
        if (!*end)
            return true;
    }
}

static bool parse_ignored(struct boot_options *, size_t, const char *, bool)
{
    return true;
}

static const struct option {
    const char *name;
    parse_fn *parse;
    size_t offset;
} options[] = {
    {"console", parse_text, offsetof(struct boot_options, console)},
    {"com1", parse_text, offsetof(struct boot_options, com1)},
    {"com2", parse_text, offsetof(struct boot_options, com2)},
    {"dom0_mem", parse_dom0_mem, 0},
    {"dom0_max_vcpus", parse_vcpus, offsetof(struct boot_options, dom0_max_vcpus)},
    {"loglvl", parse_level, offsetof(struct boot_options, loglvl)},
    {"guest_loglvl", parse_level, offsetof(struct boot_options, guest_loglvl)},
    {"noreboot", parse_flag, offsetof(struct boot_options, noreboot)},
    {"nosmp", parse_flag, offsetof(struct boot_options, nosmp)},
    {"maxcpus", parse_number, offsetof(struct boot_options, maxcpus)},
    {"smep", parse_flag, offsetof(struct boot_options, smep)},
    {"smap", parse_flag, offsetof(struct boot_options, smap)},
    {"sync_console", parse_ignored, 0}, /* it always is */
    /* Debian's GRUB scripts put these on every Xen command line. */
    {"placeholder", parse_ignored, 0},
    {"no-real-mode", parse_ignored, 0},
    {"edd", parse_ignored, 0},
};

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (!strcmp(options[i].name, name))
            return &options[i];
    return NULL;
}

static void parse_word(struct boot_options *opt, char *word)
{
    char *value = strchr(word, '=');
    const struct option *o;
    bool negated = false;

    if (value)
        *value++ = '\0';
    o = find_option(word);
    if (!o && !strncmp(word, "no-", 3)) {
        negated = true;
        o = find_option(word + 3);
    }
    if (!o)
        printk(LOG_WARNING, "command line: unknown option \"%s\" ignored\n", word);
    else if (!o->parse(opt, o->offset, value, negated))
        printk(LOG_WARNING, "command line: option \"%s\": value \"%s\" makes no sense, ignored\n", word,
               value ? value : "");
}

void cmdline_parse(struct boot_options *opt, const char *cmdline)
{
    char word[WORD_MAX];

    *opt = (struct boot_options){
        .console = "com1,vga",
        .com1 = "115200",
        .com2 = "",
        .loglvl = LOG_INFO,
        .guest_loglvl = LOG_WARNING,
        .smep = true,
        .smap = true,
    };
    while (*cmdline) {
        size_t n = 0;

        while (cmdline[n] && cmdline[n] != ' ' && cmdline[n] != '\t')
            n++;
        if (n >= sizeof(word))
            printk(LOG_WARNING, "command line: a word of %zu characters is too long, ignored\n", n);
        if (n && n < sizeof(word)) {
            memcpy(word, cmdline, n);
            word[n] = '\0';
            parse_word(opt, word);
        }
        cmdline += n;
        while (*cmdline == ' ' || *cmdline == '\t')
            cmdline++;
    }
}

/* SPDX-License-Identifier: MIT */
#include "tests/abi/lib/abi.h"

extern const struct claim __start_abi_claims[], __stop_abi_claims[];

static const char *const verdict_names[] = {"SUCCESS", "SKIP", "FAILURE", "ERROR"};

#define MAX_REASONS 6u /* printed of one claim */

static enum verdict current, worst;
static unsigned reasons;

void abi_report(enum verdict v, const char *file, int line, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (reasons++ < MAX_REASONS)
        printf("  %s:%d: %s\n", file, line, text);
    if (v > current)
        current = v;
}

static void restore_defaults(void)
{
    for (unsigned v = 0; v < TRAP_NR; v++)
        trap_set_hook(v, NULL);
    this_vcpu()->fault.seen = false;
    upcall_mask_set(0);
}

static void run(const struct claim *c)
{
    printf("BEGIN %s\n", c->name);
    current = VERDICT_SUCCESS;
    reasons = 0;
    c->fn();
    if (c->kind == CLAIM_CRASHES)
        abi_report(VERDICT_FAILURE, "claim", (int)c->line, "the domain is still alive");
    restore_defaults();
    printf("CLAIM %s %s\n", c->name, verdict_names[current]);
    if (current > worst)
        worst = current;
}

/* The claims lie in the order of their lines or reversed, as the compiler likes; not to rely on. */
static const struct claim *next_claim(unsigned after_line)
{
    const struct claim *best = NULL;

    for (const struct claim *c = __start_abi_claims; c < __stop_abi_claims; c++)
        if (c->line > after_line && (!best || c->line < best->line))
            best = c;
    return best;
}

int guest_main(const char *cmdline)
{
    char only[64] = "", after[64] = "";
    bool reached, list = cmdline_word("list");

    (void)cmdline;
    cmdline_value("claim=", only, sizeof(only));
    reached = !cmdline_value("after=", after, sizeof(after));
    for (const struct claim *c = next_claim(0); c && !list; c = next_claim(c->line))
        if (c->kind != CLAIM_RUNS)
            printf("%s-CLAIM %s\n", c->kind == CLAIM_CRASHES ? "CRASH" : "STORM", c->name);
    for (const struct claim *c = next_claim(0); c; c = next_claim(c->line)) {
        if (list)
            printf("%s: %s\n", c->name, c->text);
        else if (*only ? strcmp(only, c->name) == 0 : reached && c->kind == CLAIM_RUNS)
            run(c);
        if (!reached && strcmp(after, c->name) == 0)
            reached = true;
    }
    printf("VERDICT: %s\n", verdict_names[worst]);
    shutdown(SHUTDOWN_reboot);
}

/* SPDX-License-Identifier: MIT */
/* Messages: formatted on the caller's stack, filtered by level, written to the console in one piece. */
#include "cpu/clock.h"
#include "cpu/console.h"
#include "lib/printk.h"
#include "lib/string.h"

#define LINE_MAX 512

static int log_limit = LOG_INFO, guest_log_limit = LOG_WARNING;

void log_set_limits(int loglvl, int guest_loglvl)
{
    log_limit = loglvl;
    guest_log_limit = guest_loglvl;
}

static void emit(const char *prefix, const char *fmt, va_list ap)
{
    char line[LINE_MAX];
    size_t n = hyp_strlcpy(line, prefix, sizeof(line));
    int len = vsnprintf(line + n, sizeof(line) - n, fmt, ap);

    if (len < 0)
        return;
    n += (size_t)len;
    if (n >= sizeof(line)) {
        n = sizeof(line) - 1;
        line[n - 1] = '\n';
    }
    console_write(line, n);
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    if ((int)level > log_limit)
        return;
    va_start(ap, fmt);
    emit("(hyp) ", fmt, ap);
    va_end(ap);
}

void vprintk_panic(const char *fmt, va_list ap)
{
    emit("(hyp) ", fmt, ap);
}

/* Ten lines a second for all guests together, with a burst of twenty. */
static bool guest_may_print(unsigned *suppressed)
{
    static u64 tokens_at; /* time up to which tokens are spent */
    static unsigned lost;
    const ns_t line = 100000000, burst = 20 * line;
    ns_t t = now();
    u64 spent = __atomic_load_n(&tokens_at, __ATOMIC_RELAXED);

    do {
        u64 base = t > burst && spent < t - burst ? t - burst : spent;

        if (base > t) {
            __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
            return false;
        }
        if (__atomic_compare_exchange_n(&tokens_at, &spent, base + line, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            break;
    } while (true);
    *suppressed = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
    return true;
}

void gprintk(enum log_level level, const char *fmt, ...)
{
    unsigned suppressed;
    va_list ap;

    if ((int)level > guest_log_limit || !guest_may_print(&suppressed))
        return;
    if (suppressed)
        printk(LOG_ERROR, "%u messages about guests suppressed\n", suppressed);
    va_start(ap, fmt);
    emit("(guest) ", fmt, ap);
    va_end(ap);
}

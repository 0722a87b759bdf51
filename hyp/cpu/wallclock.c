/* SPDX-License-Identifier: MIT */
/* Time of day: read from the CMOS clock at start, then dom0's business. */
#include "cpu/clock.h"
#include "cpu/processor.h"
#include "lib/spinlock.h"
#include "lib/string.h"

#define NS_PER_SEC 1000000000UL

enum {
    CMOS_SEC = 0,
    CMOS_MIN = 2,
    CMOS_HOUR = 4,
    CMOS_DAY = 7,
    CMOS_MONTH = 8,
    CMOS_YEAR = 9,
    CMOS_A = 10,
    CMOS_B = 11
};
#define CMOS_A_UPDATING 0x80
#define CMOS_B_BINARY   0x04
#define CMOS_B_24_HOURS 0x02
#define HOUR_PM         0x80

static struct spinlock lock = SPINLOCK_INIT(LOCK_HW);
static u64 boot_sec; /* since 1970 at system time 0 */
static u32 boot_nsec;

struct cmos_time {
    u8 sec, min, hour, day, month, year;
};

static u8 cmos_read(u8 reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static struct cmos_time read_fields(void)
{
    /* An update lasts 2 ms at most and invalidates what is read meanwhile. */
    for (unsigned i = 0; i < 10000 && (cmos_read(CMOS_A) & CMOS_A_UPDATING); i++)
        cpu_relax();
    return (struct cmos_time){cmos_read(CMOS_SEC), cmos_read(CMOS_MIN),   cmos_read(CMOS_HOUR),
                              cmos_read(CMOS_DAY), cmos_read(CMOS_MONTH), cmos_read(CMOS_YEAR)};
}

static u8 from_bcd(u8 v)
{
    return (u8)((v >> 4) * 10 + (v & 15));
}

/* Days since 1970-01-01 of a date in the Gregorian calendar, years counted from March so that the leap day
 * comes last. */
static u64 days_since_1970(unsigned year, unsigned month, unsigned day)
{
    if (month <= 2) {
        month += 12;
        year--;
    }
    return 365UL * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 719469;
}

static u64 to_seconds(struct cmos_time t)
{
    u8 mode = cmos_read(CMOS_B);
    bool pm = t.hour & HOUR_PM;

    t.hour &= (u8)~HOUR_PM;
    if (!(mode & CMOS_B_BINARY))
        t = (struct cmos_time){from_bcd(t.sec), from_bcd(t.min),   from_bcd(t.hour),
                               from_bcd(t.day), from_bcd(t.month), from_bcd(t.year)};
    if (!(mode & CMOS_B_24_HOURS))
        t.hour = (u8)(t.hour % 12 + (pm ? 12 : 0));
    if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > 31)
        return 0;
    return days_since_1970(t.year < 70 ? 2000U + t.year : 1900U + t.year, t.month, t.day) * 86400 +
           t.hour * 3600UL + t.min * 60UL + t.sec;
}

void wallclock_init(void)
{
    struct cmos_time a, b = read_fields();
    unsigned tries = 0;

    do {
        a = b;
        b = read_fields();
    } while (memcmp(&a, &b, sizeof(a)) && ++tries < 5);
    wallclock_set(to_seconds(b), 0, now());
}

void wallclock_set(u64 sec, u32 nsec, ns_t at)
{
    u64 total = sec * NS_PER_SEC + nsec - at, flags = spin_lock_irqsave(&lock);

    boot_sec = total / NS_PER_SEC;
    boot_nsec = (u32)(total % NS_PER_SEC);
    spin_unlock_irqrestore(&lock, flags);
}

void wallclock_get(u64 *sec, u32 *nsec)
{
    u64 flags = spin_lock_irqsave(&lock);

    *sec = boot_sec;
    *nsec = boot_nsec;
    spin_unlock_irqrestore(&lock, flags);
}

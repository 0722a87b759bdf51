/* SPDX-License-Identifier: MIT */
/*
 * The console: everything written goes into a ring for `dmesg` and to the chosen outputs. What is written
 * before console_init() waits in the ring and is shown then.
 *
 * Output is synchronous: a message is on the line when the call returns, so that nothing is lost when the
 * machine dies.
 */
#include "cpu/console.h"
#include "cpu/irq.h"
#include "cpu/processor.h"
#include "cpu/serial.h"
#include "cpu/vga.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "lib/string.h"

#define RING_SIZE  (64U << 10) /* a power of two */
#define INPUT_SIZE 1024U

static struct spinlock lock = SPINLOCK_INIT(LOCK_CONSOLE);
static char ring[RING_SIZE];
static u32 ring_end;   /* free running: where the next character goes */
static u32 ring_start; /* oldest that readers may see */
static struct uart uarts[2] = {{.port = 0x3f8, .irq = 4}, {.port = 0x2f8, .irq = 3}};
static struct uart *serial; /* NULL: no serial console */
static bool vga;            /* the screen is ours: before dom0 runs, if wanted */
static bool vga_text;       /* firmware left it in text mode */
static bool emergency;      /* one CPU is left, whatever lock it held */

static char input[INPUT_SIZE];
static u32 input_head, input_tail;

static u64 console_lock(void)
{
    return READ_ONCE(emergency) ? local_irq_save() : spin_lock_irqsave(&lock);
}

static void console_unlock(u64 flags)
{
    if (READ_ONCE(emergency))
        local_irq_restore(flags);
    else
        spin_unlock_irqrestore(&lock, flags);
}

static void output(char c)
{
    if (vga)
        vga_putc(c);
    if (!serial)
        return;
    if (c == '\n')
        serial_putc(serial, '\r');
    serial_putc(serial, c);
}

void console_write(const char *s, size_t n)
{
    u64 flags = console_lock();

    for (size_t i = 0; i < n; i++) {
        ring[ring_end++ % RING_SIZE] = s[i];
        if (ring_end - ring_start > RING_SIZE)
            ring_start = ring_end - RING_SIZE;
        output(s[i]);
    }
    console_unlock(flags);
}

void console_write_guest(const char *s, size_t n)
{
    u64 flags = console_lock();

    for (size_t i = 0; i < n; i++)
        output(s[i]);
    console_unlock(flags);
}

static void choose_output(const char *word, size_t n, const char *com1_opt, const char *com2_opt)
{
    bool com1 = n == 4 && !strncmp(word, "com1", n), com2 = n == 4 && !strncmp(word, "com2", n);
    struct uart *u = &uarts[com2];
    const char *opt = com2 ? com2_opt : com1_opt;

    if (n == 4 && !strncmp(word, "none", n))
        return;
    if (n == 3 && !strncmp(word, "vga", n)) {
        vga = vga_text;
        if (vga)
            vga_start();
        return;
    }
    if (!com1 && !com2) {
        printk(LOG_WARNING, "console: unknown output \"%.*s\" ignored\n", (int)n, word);
        return;
    }
    if (!serial_init(u, *opt ? opt : "115200"))
        printk(LOG_WARNING,
               u->there ? "console: com%u=%s makes no sense, 115200,8n1 used\n" : "console: no com%u (%s)\n",
               1U + com2, opt);
    if (u->there && !serial)
        serial = u;
}

void console_init(const char *console_opt, const char *com1_opt, const char *com2_opt)
{
    for (const char *p = console_opt; *p;) {
        size_t n = 0;

        while (p[n] && p[n] != ',')
            n++;
        choose_output(p, n, com1_opt, com2_opt);
        p += n + (p[n] == ',');
    }

    u64 flags = console_lock();
    for (u32 at = ring_start; at != ring_end; at++)
        output(ring[at % RING_SIZE]);
    console_unlock(flags);
}

void console_set_vga_text(bool present)
{
    vga_text = present;
}

void console_release_vga(void)
{
    u64 flags = console_lock();

    vga = false;
    console_unlock(flags);
}

/* Takes what the line has received; true when there was something. */
static bool take_input(void)
{
    u64 flags = console_lock();
    bool any = false;

    /* Bounded: an endless stream must not keep the CPU here. */
    for (unsigned i = 0; serial && i < INPUT_SIZE; i++) {
        int c = serial_getc(serial);

        if (c < 0)
            break;
        any = true;
        if (input_head - input_tail < INPUT_SIZE)
            input[input_head++ % INPUT_SIZE] = (char)c;
    }
    console_unlock(flags);
    return any;
}

static void serial_interrupt(void *)
{
    if (take_input())
        console_input_arrived();
}

void console_enable_input(void)
{
    unsigned gsi;

    if (!serial)
        return;
    gsi = irq_isa_to_gsi(serial->irq);
    (void)irq_setup_gsi(gsi, false, false); /* -EEXIST: an override of the firmware's has set it up */
    if (irq_bind(gsi, serial_interrupt, NULL)) {
        printk(LOG_WARNING, "console: interrupt %u of the serial line is not to be had; no input\n", gsi);
        return;
    }
    serial_enable_irq(serial);
}

size_t console_read(char *buf, size_t n)
{
    u64 flags = console_lock();
    size_t got = 0;

    while (got < n && input_tail != input_head)
        buf[got++] = input[input_tail++ % INPUT_SIZE];
    console_unlock(flags);
    return got;
}

void console_emergency(void)
{
    WRITE_ONCE(emergency, true);
    if (!serial && serial_init(&uarts[0], "115200")) {
        serial = &uarts[0];
        for (u32 at = ring_start; at != ring_end; at++)
            output(ring[at % RING_SIZE]);
    }
}

size_t console_ring_read(char *buf, size_t n, u32 *index, bool clear)
{
    u64 flags = console_lock();
    size_t got = 0;
    u32 at = *index;

    /* An index that the ring has overtaken, or that was never given out, starts at the oldest character. */
    if (ring_end - at > ring_end - ring_start)
        at = ring_start;
    while (got < n && at != ring_end)
        buf[got++] = ring[at++ % RING_SIZE];
    if (clear)
        ring_start = ring_end;
    *index = at;
    console_unlock(flags);
    return got;
}

bool console_owns_port(u16 port)
{
    return serial && port >= serial->port && port < serial->port + 8;
}

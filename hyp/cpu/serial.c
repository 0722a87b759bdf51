/* SPDX-License-Identifier: MIT */
/* 16550 UART: polled output, input by interrupt or polling. */
#include "cpu/serial.h"
#include "cpu/processor.h"
#include "lib/string.h"

enum {
    UART_DATA = 0, /* divisor low while DLAB */
    UART_IER = 1,  /* divisor high while DLAB */
    UART_FCR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_SCRATCH = 7,
};
#define LCR_DLAB      0x80
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20
#define MCR_DTR_RTS   0x03
#define MCR_OUT2      0x08 /* gates the interrupt line on PCs */
#define IER_RECEIVE   0x01

#define CLOCK_HZ      1843200U
/* A byte takes 87 us at 115200 baud and 8 ms at 1200; a port read about 1 us. */
#define SPIN_LIMIT 100000

struct line {
    u32 baud, clock; /* baud 0: leave as it is */
    u8 lcr;
};

/* "8n1": data bits, parity, stop bits. */
static bool parse_frame(const char **p, struct line *l)
{
    static const char parities[] = "noems";
    const char *s = *p, *parity;

    if (s[0] < '5' || s[0] > '8' || !s[1] || !(parity = strchr(parities, s[1])) ||
        (s[2] != '1' && s[2] != '2'))
        return false;
    /* none 0, odd 1, even 3, mark 5, space 7 in LCR bits 3-5 */
    u8 bits = parity == parities ? 0 : (u8)(2 * (parity - parities) - 1);
    l->lcr = (u8)((s[0] - '5') | (s[2] == '2' ? 4 : 0) | bits << 3);
    *p = s + 3;
    return true;
}

static bool parse_baud(const char **p, struct line *l)
{
    if (!strncmp(*p, "auto", 4)) {
        l->baud = 0;
        *p += 4;
        return true;
    }
    u64 baud = parse_u64(*p, p);
    if (**p == '/') {
        u64 clock = parse_u64(*p + 1, p);

        if (clock < 16 || clock > 0xffffffff / 16)
            return false;
        l->clock = (u32)clock << 4;
    }
    if (!baud || baud > l->clock / 16)
        return false;
    l->baud = (u32)baud;
    return true;
}

static bool parse_line(const char *p, struct uart *u, struct line *l)
{
    u64 v;

    if (!parse_baud(&p, l))
        return false;
    if (*p == ',' && *++p != ',' && !parse_frame(&p, l))
        return false;
    if (*p == ',' && *++p != ',') {
        v = parse_u64(p, &p);
        if (!v || v > 0xfff8)
            return false;
        u->port = (u16)v;
    }
    if (*p == ',' && *++p != ',') {
        v = parse_u64(p, &p);
        if (v > 15)
            return false;
        u->irq = (u8)v;
    }
    return !*p || *p == ',';
}

bool serial_init(struct uart *u, const char *opt)
{
    struct line l = {.baud = 115200, .clock = CLOCK_HZ, .lcr = 3};
    struct uart wanted = *u;
    bool sense = parse_line(opt, &wanted, &l);

    if (sense)
        *u = wanted;
    else
        l = (struct line){.baud = 115200, .clock = CLOCK_HZ, .lcr = 3};
    outb(u->port + UART_SCRATCH, 0x5a);
    u->there = inb(u->port + UART_SCRATCH) == 0x5a && inb(u->port + UART_LSR) != 0xff;
    if (!u->there)
        return false;
    outb(u->port + UART_IER, 0);
    if (l.baud) {
        u32 divisor = l.clock / (16 * l.baud);

        outb(u->port + UART_LCR, l.lcr | LCR_DLAB);
        outb(u->port + UART_DATA, (u8)divisor);
        outb(u->port + UART_IER, (u8)(divisor >> 8));
        outb(u->port + UART_LCR, l.lcr);
    }
    outb(u->port + UART_FCR, 0x07); /* FIFOs on and cleared, interrupt at the first byte */
    outb(u->port + UART_MCR, MCR_DTR_RTS | MCR_OUT2);
    return sense;
}

void serial_putc(const struct uart *u, char c)
{
    for (unsigned n = 0; n < SPIN_LIMIT && !(inb(u->port + UART_LSR) & LSR_THR_EMPTY); n++)
        cpu_relax();
    outb(u->port + UART_DATA, (u8)c);
}

int serial_getc(const struct uart *u)
{
    return inb(u->port + UART_LSR) & LSR_DATA ? inb(u->port + UART_DATA) : -1;
}

void serial_enable_irq(const struct uart *u)
{
    outb(u->port + UART_IER, IER_RECEIVE);
}

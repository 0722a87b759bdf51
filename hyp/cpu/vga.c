/* SPDX-License-Identifier: MIT */
/* Text screen: what is on it is kept in memory as well, because reading the card's memory is slow. */
#include "cpu/vga.h"
#include "cpu/paging.h"
#include "cpu/processor.h"
#include "lib/string.h"

#define VGA_PADDR 0xb8000UL
#define COLUMNS   80
#define ROWS      25
#define BLANK     0x0720 /* light grey on black */

static volatile u16 *screen; /* NULL: not in use */
static u16 shadow[ROWS][COLUMNS];
static unsigned row, column;

static void show_row(unsigned r)
{
    for (unsigned c = 0; c < COLUMNS; c++)
        screen[r * COLUMNS + c] = shadow[r][c];
}

static void new_line(void)
{
    column = 0;
    if (++row < ROWS)
        return;
    row = ROWS - 1;
    memmove(shadow[0], shadow[1], sizeof(shadow) - sizeof(shadow[0]));
    for (unsigned c = 0; c < COLUMNS; c++)
        shadow[row][c] = BLANK;
    for (unsigned r = 0; r < ROWS; r++)
        show_row(r);
}

void vga_start(void)
{
    screen = paddr_to_virt(VGA_PADDR);
    row = column = 0;
    for (unsigned r = 0; r < ROWS; r++) {
        for (unsigned c = 0; c < COLUMNS; c++)
            shadow[r][c] = BLANK;
        show_row(r);
    }
}

void vga_remap(void)
{
    if (screen)
        screen = ioremap(VGA_PADDR, ROWS * COLUMNS * 2, HYP_PTE_UC);
}

void vga_putc(char c)
{
    if (!screen)
        return;
    if (c == '\n' || column == COLUMNS)
        new_line();
    if (c < ' ')
        return;
    shadow[row][column] = (BLANK & 0xff00) | (u8)c;
    screen[row * COLUMNS + column] = shadow[row][column];
    column++;
}

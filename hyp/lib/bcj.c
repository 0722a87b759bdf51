/* SPDX-License-Identifier: MIT */
/*
 * An operand is converted when its top byte is 00 or ff, as near branches have. What looks like an opcode may
 * itself be part of an earlier opcode's operand, so the last three positions are remembered as bits: bit k is
 * set when the byte k+1 before this one was an opcode that was left alone.
 */
#include "lib/bcj.h"

#define OPCODES_LOW  0x0101010101010101UL
#define OPCODES_HIGH 0x8080808080808080UL

static bool is_opcode(u8 b)
{
    return (b & 0xfe) == 0xe8;
}

static bool is_sign(u8 b)
{
    return b == 0x00 || b == 0xff;
}

/* Bytes before the first opcode among eight; 8: there is none. (The usual test for a zero byte, after making
 * opcodes zero.) */
static unsigned before_opcode(const u8 *p)
{
    u64 v;

    __builtin_memcpy(&v, p, 8);
    v = (v & ~OPCODES_LOW) ^ 0xe8 * OPCODES_LOW;
    v = (v - OPCODES_LOW) & ~v & OPCODES_HIGH;
    return v ? (unsigned)__builtin_ctzl(v) / 8 : 8;
}

/* How far back the oldest of the remembered opcodes is; 0: there is none. */
static unsigned oldest(unsigned history)
{
    return history ? 32 - (unsigned)__builtin_clz(history) : 0;
}

static u32 to_relative(u32 operand, u32 next, unsigned history)
{
    unsigned back = 8 * oldest(history);
    u32 relative = operand - next;

    /* The packer went on converting until the byte that the earlier opcode sees as its top byte was no sign
     * any more. */
    while (back && is_sign((u8)(relative >> (24 - back))))
        relative = (relative ^ ((1u << (32 - back)) - 1)) - next;
    /* 25 bits, sign extended: the top byte is 00 or ff again. */
    return (u32)((s32)(relative << 7) >> 7);
}

static bool convertible(const u8 *p, unsigned history)
{
    if (!is_sign(p[4]))
        return false;
    if (!history)
        return true;
    return !(history & (history - 1)) && !is_sign(p[4 - oldest(history)]);
}

void bcj_x86_decode(u8 *data, size_t n, u32 start)
{
    unsigned history = 0;
    size_t i = 0;

    while (i + 4 < n) {
        if (!history && i + 8 <= n) {
            unsigned skip = before_opcode(data + i);

            i += skip;
            if (skip == 8 || i + 4 >= n)
                continue;
        }
        if (!is_opcode(data[i])) {
            history = history << 1 & 7;
            i++;
            continue;
        }
        if (convertible(data + i, history)) {
            u32 operand;

            __builtin_memcpy(&operand, data + i + 1, 4);
            operand = to_relative(operand, start + (u32)i + 5, history);
            __builtin_memcpy(data + i + 1, &operand, 4);
            history = 0;
            i += 5;
        } else {
            history = (history << 1 | 1) & 7;
            i++;
        }
    }
}

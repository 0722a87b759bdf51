/* SPDX-License-Identifier: MIT */
/*
 * The LZMA decoder proper: an adaptive binary range decoder drives literals, matches with new distances and
 * matches that repeat one of the last four distances.
 *
 * The hot loop keeps the range decoder in local variables: everything that takes a struct range is inlined.
 */
#include "lib/lzma.h"

#define inline_always   static inline __attribute__((always_inline))

#define PROB_BITS       11
#define PROB_HALF       (1u << (PROB_BITS - 1))
#define PROB_SHIFT      5
#define RANGE_TOP       (1u << 24)

#define MATCH_MIN       2
#define SLOTS_DIRECT    4  /* slots below are distances themselves */
#define SLOTS_ALIGN     14 /* from here on: direct bits, then four modelled ones */
#define STATE_LIT_LIMIT 7  /* states below: the last symbol was a literal */

struct range {
    u32 range, code;
    const u8 *in;
};

inline_always void normalize(struct range *r)
{
    if (r->range < RANGE_TOP) {
        r->range <<= 8;
        r->code = r->code << 8 | *r->in++;
    }
}

inline_always bool bit(struct range *r, u16 *prob)
{
    u32 p = *prob, bound;

    normalize(r);
    bound = (r->range >> PROB_BITS) * p;
    if (r->code < bound) {
        r->range = bound;
        /* p + (2048 - p) / 32 with one operation less */
        *prob = (u16)(p - (u32)((s32)(p + 31 - (1u << PROB_BITS)) >> PROB_SHIFT));
        return false;
    }
    r->range -= bound;
    r->code -= bound;
    *prob = (u16)(p - (p >> PROB_SHIFT));
    return true;
}

/* Most significant bit first; the result carries a leading one. */
inline_always u32 tree(struct range *r, u16 *probs, unsigned bits)
{
    u32 symbol = 1;

#pragma GCC unroll 8
    for (unsigned i = 0; i < bits; i++)
        symbol = symbol << 1 | bit(r, &probs[symbol]);
    return symbol;
}

/* Least significant bit first. */
inline_always u32 reverse_tree(struct range *r, u16 *probs, unsigned bits)
{
    u32 symbol = 1, value = 0;

    for (unsigned i = 0; i < bits; i++) {
        u32 b = bit(r, &probs[symbol]);

        symbol = symbol << 1 | b;
        value |= b << i;
    }
    return value;
}

/* Bits of even odds. */
inline_always u32 direct(struct range *r, unsigned bits)
{
    u32 value = 0;

    for (; bits; bits--) {
        u32 borrow;

        normalize(r);
        r->range >>= 1;
        r->code -= r->range;
        borrow = 0u - (r->code >> 31);
        r->code += r->range & borrow;
        value = (value << 1) + (borrow + 1);
    }
    return value;
}

inline_always u32 length(struct range *r, struct lzma_length *l, u32 pos_state)
{
    if (!bit(r, &l->choice))
        return MATCH_MIN + tree(r, l->low[pos_state], 3) - 8;
    if (!bit(r, &l->choice2))
        return MATCH_MIN + 8 + tree(r, l->mid[pos_state], 3) - 8;
    return MATCH_MIN + 16 + tree(r, l->high, 8) - 256;
}

inline_always u32 distance(struct range *r, struct lzma_model *m, u32 len)
{
    u32 slot = tree(r, m->slot[MIN(len - MATCH_MIN, 3u)], 6) - 64, dist, bits;

    if (slot < SLOTS_DIRECT)
        return slot;
    bits = (slot >> 1) - 1;
    dist = (2 | (slot & 1)) << bits;
    /* The trees of all these slots share one array; each begins where its smallest distance minus its slot
     * says. */
    if (slot < SLOTS_ALIGN)
        return dist + reverse_tree(r, &m->special[dist - slot], bits);
    dist += direct(r, bits - 4) << 4;
    return dist + reverse_tree(r, m->align, 4);
}

inline_always u8 plain_literal(struct range *r, u16 *probs)
{
    return (u8)tree(r, probs, 8);
}

/* After a match, the byte that the last distance points to is a good guess: it chooses the probabilities
 * until the first difference. */
inline_always u8 matched_literal(struct range *r, u16 *probs, u32 guess)
{
    u32 symbol = 1, offset = 0x100;

    do {
        u32 guess_bit;

        guess <<= 1;
        guess_bit = guess & offset;
        if (bit(r, &probs[offset + guess_bit + symbol])) {
            symbol = symbol << 1 | 1;
            offset &= guess_bit;
        } else {
            symbol <<= 1;
            offset &= ~guess_bit;
        }
    } while (symbol < 0x100);
    return (u8)symbol;
}

/*
 * Repeats the `dist` bytes before dst until `len` are written. With eight bytes of room behind the match, the
 * last step may write more than asked: what it writes too much is overwritten by what follows.
 */
inline_always void copy_match(u8 *dst, size_t dist, size_t len, size_t room)
{
    u8 *end = dst + len;

    if (len + 8 <= room) {
        size_t period = dist;

        /* A short period is written out until a multiple of it is long enough for steps of eight. */
        for (; unlikely(period < 8) && dst < end; period += dist)
            for (size_t i = 0; i < dist; i++, dst++)
                *dst = dst[-(ptrdiff_t)dist];
        for (; dst < end; dst += 8) {
            u64 v;

            __builtin_memcpy(&v, dst - period, 8);
            __builtin_memcpy(dst, &v, 8);
        }
        return;
    }
    for (; dst < end; dst++)
        *dst = dst[-(ptrdiff_t)dist];
}

static u32 state_after_literal(u32 state)
{
    return state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
}

/* Chooses among the last four distances and moves the chosen one to the front. True: a single byte at the
 * first of them. */
inline_always bool repeated_distance(struct range *r, struct lzma *l, u32 pos_state)
{
    struct lzma_model *m = &l->model;
    u32 dist;

    if (!bit(r, &m->is_rep0[l->state]))
        return !bit(r, &m->is_rep0_long[l->state][pos_state]);
    if (!bit(r, &m->is_rep1[l->state])) {
        dist = l->rep1;
    } else {
        if (!bit(r, &m->is_rep2[l->state])) {
            dist = l->rep2;
        } else {
            dist = l->rep3;
            l->rep3 = l->rep2;
        }
        l->rep2 = l->rep1;
    }
    l->rep1 = l->rep0;
    l->rep0 = dist;
    return false;
}

/* A match's length; its distance becomes rep0. */
inline_always u32 match(struct range *r, struct lzma *l, u32 pos_state)
{
    bool after_literal = l->state < STATE_LIT_LIMIT;
    u32 len;

    if (!bit(r, &l->model.is_rep[l->state])) {
        l->rep3 = l->rep2;
        l->rep2 = l->rep1;
        l->rep1 = l->rep0;
        len = length(r, &l->model.match_length, pos_state);
        l->rep0 = distance(r, &l->model, len);
        l->state = after_literal ? 7 : 10;
    } else if (repeated_distance(r, l, pos_state)) {
        len = 1;
        l->state = after_literal ? 9 : 11;
    } else {
        len = length(r, &l->model.rep_length, pos_state);
        l->state = after_literal ? 8 : 11;
    }
    return len;
}

bool lzma_decode_chunk(struct lzma *l, const u8 *in, size_t in_size, u8 *out, size_t dict_start, size_t pos,
                       size_t end)
{
    const u8 *in_end = in + in_size;
    struct range r = {.range = ~0u, .in = in + 5};
    u32 lc = l->lc;

    if (in_size < 5 || in[0])
        return false;
    r.code = (u32)in[1] << 24 | (u32)in[2] << 16 | (u32)in[3] << 8 | in[4];

    while (pos < end) {
        size_t have = pos - dict_start;
        u32 pos_state = (u32)have & l->pb_mask, len;

        if (r.in > in_end)
            return false;
        if (!bit(&r, &l->model.is_match[l->state][pos_state])) {
            u32 previous = have ? out[pos - 1] : 0;
            u32 context = (((u32)have & l->lp_mask) << lc) + (previous >> (8 - lc));
            u16 *probs = &l->model.literal[0x300 * context];

            if (l->state < STATE_LIT_LIMIT)
                out[pos] = plain_literal(&r, probs);
            else if (l->rep0 < have)
                out[pos] = matched_literal(&r, probs, out[pos - l->rep0 - 1]);
            else
                return false;
            pos++;
            l->state = state_after_literal(l->state);
            continue;
        }
        len = match(&r, l, pos_state);
        /* A match never crosses a chunk's end in LZMA2. */
        if (l->rep0 >= have || len > end - pos)
            return false;
        copy_match(out + pos, (size_t)l->rep0 + 1, len, end - pos);
        pos += len;
    }
    normalize(&r);
    return r.in == in_end && r.code == 0;
}

static void reset_probs(u16 *probs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        probs[i] = PROB_HALF;
}

void lzma_reset_state(struct lzma *l)
{
    _Static_assert(sizeof(struct lzma_model) % sizeof(u16) == 0, "the model is one array of probabilities");
    reset_probs((u16 *)&l->model, sizeof(l->model) / sizeof(u16));
    l->state = l->rep0 = l->rep1 = l->rep2 = l->rep3 = 0;
}

bool lzma_set_properties(struct lzma *l, u8 properties)
{
    u32 lc = properties % 9, lp = properties / 9 % 5, pb = properties / 45;

    if (pb > 4 || lc + lp > LZMA_LC_LP_MAX)
        return false;
    l->lc = lc;
    l->lp_mask = (1u << lp) - 1;
    l->pb_mask = (1u << pb) - 1;
    lzma_reset_state(l);
    return true;
}

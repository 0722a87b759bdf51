/* SPDX-License-Identifier: MIT */
/*
 * LZMA2 framing: chunks of at most 2 MiB, each either stored or compressed, with a control byte that says
 * what is reset before it.
 */
#include "lib/lzma.h"
#include "lib/string.h"

#define CONTROL_END          0x00
#define CONTROL_STORED_RESET 0x01
#define CONTROL_STORED       0x02
#define CONTROL_LZMA         0x80
#define CONTROL_RESET_STATE  0xa0
#define CONTROL_PROPERTIES   0xc0
#define CONTROL_RESET_ALL    0xe0

struct lzma2 {
    const u8 *in;
    size_t in_size, at;
    u8 *out;
    size_t room, pos, dict_start;
    bool need_dict_reset, need_properties, need_state_reset;
};

static size_t be16(const u8 *p)
{
    return (size_t)p[0] << 8 | p[1];
}

static bool stored_chunk(struct lzma2 *s, u8 control)
{
    size_t n;

    if (s->in_size - s->at < 3)
        return false;
    n = be16(s->in + s->at + 1) + 1;
    s->at += 3;
    if (control == CONTROL_STORED_RESET) {
        s->dict_start = s->pos;
        s->need_dict_reset = false;
        s->need_properties = true;
    } else if (s->need_dict_reset) {
        return false;
    }
    if (n > s->in_size - s->at || n > s->room - s->pos)
        return false;
    memcpy(s->out + s->pos, s->in + s->at, n);
    s->at += n;
    s->pos += n;
    return true;
}

static bool apply_resets(struct lzma2 *s, struct lzma *l, u8 control, const u8 *properties)
{
    if (control >= CONTROL_RESET_ALL) {
        s->dict_start = s->pos;
        s->need_dict_reset = false;
    }
    if (s->need_dict_reset)
        return false;
    if (control >= CONTROL_PROPERTIES) {
        s->need_properties = s->need_state_reset = false;
        return lzma_set_properties(l, *properties);
    }
    if (s->need_properties)
        return false;
    if (control >= CONTROL_RESET_STATE) {
        s->need_state_reset = false;
        lzma_reset_state(l);
    }
    return !s->need_state_reset;
}

static bool lzma_chunk(struct lzma2 *s, struct lzma *l, u8 control)
{
    size_t head = control >= CONTROL_PROPERTIES ? 6 : 5, n, packed;
    const u8 *p = s->in + s->at;

    if (s->in_size - s->at < head)
        return false;
    n = ((size_t)(control & 0x1f) << 16) + be16(p + 1) + 1;
    packed = be16(p + 3) + 1;
    s->at += head;
    if (!apply_resets(s, l, control, p + 5))
        return false;
    if (s->in_size - s->at < packed + LZMA_READ_AHEAD || n > s->room - s->pos)
        return false;
    if (!lzma_decode_chunk(l, s->in + s->at, packed, s->out, s->dict_start, s->pos, s->pos + n))
        return false;
    s->at += packed;
    s->pos += n;
    return true;
}

size_t lzma2_decode(struct lzma *l, const u8 *in, size_t in_size, u8 *out, size_t *out_size)
{
    struct lzma2 s = {
        .in = in,
        .in_size = in_size,
        .out = out,
        .room = *out_size,
        .need_dict_reset = true,
        .need_properties = true,
        .need_state_reset = true,
    };

    while (s.at < in_size) {
        u8 control = in[s.at];
        bool ok;

        if (control == CONTROL_END) {
            *out_size = s.pos;
            return s.at + 1;
        }
        if (control >= CONTROL_LZMA)
            ok = lzma_chunk(&s, l, control);
        else
            ok = control <= CONTROL_STORED && stored_chunk(&s, control);
        if (!ok)
            return 0;
    }
    return 0;
}

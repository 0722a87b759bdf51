/* SPDX-License-Identifier: MIT */
/*
 * LZMA2 (the only compressor that .xz files use), decoded in one go from memory to memory. The output buffer
 * is the dictionary.
 */
#ifndef HYP_LIB_LZMA_H
#define HYP_LIB_LZMA_H

#include "lib/types.h"

/* A symbol is read without looking at the end of the input after each of its bits; it is never longer than
 * this. */
#define LZMA_READ_AHEAD 21

#define LZMA_LC_LP_MAX  4
#define LZMA_STATES     12
#define LZMA_POS_MAX    16

struct lzma_length {
    u16 choice, choice2;
    u16 low[LZMA_POS_MAX][8], mid[LZMA_POS_MAX][8], high[256];
};

/* Probabilities are the model's: each starts at one half. */
struct lzma_model {
    u16 is_match[LZMA_STATES][LZMA_POS_MAX];
    u16 is_rep[LZMA_STATES], is_rep0[LZMA_STATES], is_rep1[LZMA_STATES], is_rep2[LZMA_STATES];
    u16 is_rep0_long[LZMA_STATES][LZMA_POS_MAX];
    u16 slot[4][64];  /* distance slots by length */
    u16 special[128]; /* reverse trees of slots 4..13 */
    u16 align[16];    /* lowest four bits of long distances */
    struct lzma_length match_length, rep_length;
    u16 literal[0x300 << LZMA_LC_LP_MAX];
};

struct lzma {
    struct lzma_model model;
    u32 state, rep0, rep1, rep2, rep3;
    u32 lc, lp_mask, pb_mask;
};

/* Sets lc, lp, pb from the properties byte and resets all. False: not a byte that LZMA2 allows. */
bool lzma_set_properties(struct lzma *l, u8 properties);
void lzma_reset_state(struct lzma *l);

/*
 * Decodes one LZMA chunk: exactly `in_size` bytes, behind which LZMA_READ_AHEAD more must be readable, into
 * exactly [out + pos, out + end). Data may refer back to out + dict_start. False: the data are damaged; what
 * has been written is within the range.
 */
bool lzma_decode_chunk(struct lzma *l, const u8 *in, size_t in_size, u8 *out, size_t dict_start, size_t pos,
                       size_t end);

/*
 * LZMA2 stream: returns the number of input bytes that it took (with its end marker) or 0 when it is damaged,
 * cut short, or does not fit. *out_size is the room and becomes what was written. Behind the stream in [in,
 * in + in_size) must be at least LZMA_READ_AHEAD bytes more (the rest of an .xz file is longer).
 */
size_t lzma2_decode(struct lzma *l, const u8 *in, size_t in_size, u8 *out, size_t *out_size);

#endif

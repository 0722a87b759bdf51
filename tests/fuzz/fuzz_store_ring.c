/* SPDX-License-Identifier: MIT */
/*
 * A store that writes what it likes into the shared page, at any moment between two calls of its client. The
 * input is a list of steps: a byte that says which, and its arguments.
 */
#include <stdlib.h>
#include <string.h>
#include "guest/store_ring.h"

struct input {
    const uint8_t *data;
    size_t left;
};

static uint32_t take(struct input *in, size_t n)
{
    uint32_t v = 0;

    for (; n && in->left; n--, in->left--)
        v = v << 8 | *in->data++;
    return v;
}

/* Some of the input, as the store's next bytes. */
static void answer(struct input *in, struct xenstore_domain_interface *page)
{
    for (uint32_t n = take(in, 1); n && in->left; n--)
        page->rsp[MASK_XENSTORE_IDX(page->rsp_prod++)] = (char)take(in, 1);
}

/* What a whole message is taken apart to lies inside of it. */
static void examine(const struct store_reader *rd)
{
    const char *path;
    uint32_t token;
    uint64_t number;
    char names[600];
    struct store_listing listing = {.names = names, .size = sizeof(names)};

    if (rd->head.len > XENSTORE_PAYLOAD_MAX || rd->body[rd->head.len] != '\0')
        abort();
    if (store_event(rd->body, rd->head.len, &path, &token) &&
        (path < rd->body || strlen(path) >= rd->head.len))
        abort();
    store_number(rd->body, rd->head.len, &number);
    if (store_error(rd->body, rd->head.len) >= 0)
        abort();
    listing.len = 0;
    if (store_listing_add(&listing, rd->body, rd->head.len) >= 0 && listing.len > sizeof(names))
        abort();
    if (store_count_names(rd->body, rd->head.len) > (int)rd->head.len)
        abort();
}

static void step(struct input *in, struct store_ring *ring, struct store_reader *rd)
{
    static const char text[1500];
    uint32_t what = take(in, 1);

    switch (what % 8) {
    case 0:
        answer(in, ring->page);
        break;
    case 1:
        ring->page->rsp_prod = take(in, 4);
        break;
    case 2:
        ring->page->req_cons = take(in, 4);
        break;
    case 3:
        store_ring_write(ring, text, take(in, 2) % sizeof(text));
        break;
    case 4:
        ring->page->rsp_cons = take(in, 4);
        ring->page->req_prod = take(in, 4);
        break;
    case 5:
        store_ring_attach(ring, ring->page);
        memset(rd, 0, sizeof(*rd));
        break;
    default:
        if (store_reader_pull(rd, ring) == 1)
            examine(rd);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct store_ring ring;
    struct xenstore_domain_interface *page = calloc(1, sizeof(*page));
    struct store_reader *rd = calloc(1, sizeof(*rd));

    if (page && rd) {
        store_ring_attach(&ring, page);
        while (in.left)
            step(&in, &ring, rd);
    }
    free(page);
    free(rd);
    return 0;
}

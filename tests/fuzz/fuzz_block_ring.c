/* SPDX-License-Identifier: MIT */
/*
 * Any frontend at a block ring: any bytes in its pages, any indices, grants that come and go, operations that
 * end when they like, a daemon that is killed in between. It is served or its device fails; nothing outside
 * its image and its bounds is touched (the fake image and the fake hypervisor abort on it).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/block/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static void take(struct input *in, void *to, size_t bytes)
{
    size_t some = bytes < in->left ? bytes : in->left;

    memset(to, 0, bytes);
    if (some)
        memcpy(to, in->at, some);
    in->at += some;
    in->left -= some;
}

static uint32_t number(struct input *in)
{
    uint32_t n;

    take(in, &n, sizeof(n));
    return n;
}

static uint8_t byte(struct input *in)
{
    uint8_t n;

    take(in, &n, sizeof(n));
    return n;
}

static void ask(struct fake *f, struct input *in)
{
    uint8_t bytes = byte(in);

    take(in, fake_ask(f), bytes % (sizeof(struct blkif_request) + 1));
    fake_push(f);
}

static void scribble(struct fake *f, struct input *in)
{
    uint32_t gref = number(in) % FAKE_PAGES;
    unsigned offset = number(in) % (BLK_PAGE_BYTES - 255);

    take(in, fake_page(f, gref) + offset, byte(in));
}

static void check_bounds(struct fake *f)
{
    if (f->disk.buffers.used > BUFFERS_DISK_BYTES || f->mapped > DISK_PERSISTENT_PAGES + 16)
        abort();
}

static bool step(struct fake *f, struct input *in)
{
    switch (byte(in) % 9) {
    case 0:
    case 1:
        ask(f, in);
        break;
    case 2:
        f->front.sring->req_prod = number(in);
        break;
    case 3:
        f->front.sring->rsp_prod = number(in);
        break;
    case 4:
        f->front.sring->rsp_event = number(in);
        break;
    case 5:
        if (f->image.count > 0)
            fake_complete(f, byte(in) % f->image.count);
        break;
    case 6:
        f->granted[number(in) % FAKE_PAGES] ^= true;
        break;
    case 7:
        scribble(f, in);
        break;
    default:
        f->now_ns += 1000000000;
        return byte(in) % 8 != 0 || fake_restart(f);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t options = byte(&in);
    struct fake *f = fake_new(options & 1 ? 0 : 2, options & 2, options & 4);

    f->image.at_once = options & 4;
    f->disk.limits.readonly = options & 8;
    f->disk.limits.sector_bytes = options & 16 ? 4096 : 512;
    if (fake_connect(f, false)) {
        while (in.left > 0 && step(f, &in)) {
            if (f->disk.queues[0])
                queue_ready(f->disk.queues[0]);
            fake_run(f);
            check_bounds(f);
        }
    }
    fake_free(f);
    return 0;
}

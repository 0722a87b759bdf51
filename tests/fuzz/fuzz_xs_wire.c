/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the wire protocol on top of the store. The input is a list of records: one byte that chooses client
 * and transaction, one that chooses the type, two of length, then the payload. Three clients share a store:
 * domain 0 and two guests, so that watches and conflicts between them happen. Every input ends with the
 * audit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/wire.h"

#define NR_CLIENTS 3
#define NR_TX      4

struct fuzz_client {
    struct xs_client c;
    uint32_t tx[NR_TX]; /* ids of transactions that were started */
    unsigned int nr_tx;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_event(void *ctx, const char *path, const char *token, struct xs_client *cause)
{
    (void)ctx;
    (void)cause;
    if (strlen(path) + strlen(token) + 2 > XENSTORE_PAYLOAD_MAX)
        abort();
}

static void take_reply(void *ctx, const struct xsd_sockmsg *hdr, const void *body)
{
    struct fuzz_client *f = ctx;

    if (hdr->len > XENSTORE_PAYLOAD_MAX)
        abort();
    if (hdr->type == XS_TRANSACTION_START)
        f->tx[f->nr_tx++ % NR_TX] = (uint32_t)strtoul(body, NULL, 10);
}

/* Carries out one record; returns how many bytes it took, 0 at the end. */
static size_t one_record(struct fuzz_client *clients, const uint8_t *data, size_t size)
{
    struct xsd_sockmsg hdr = {.req_id = 1};
    struct fuzz_client *f;
    char *body;
    size_t len;

    if (size < 4)
        return 0;
    f = &clients[data[0] % NR_CLIENTS];
    if (data[0] & 0x80)
        hdr.tx_id = f->tx[(data[0] >> 4) % NR_TX];
    hdr.type = data[1] % (XS_TYPE_COUNT + 2);
    len = (size_t)(data[2] | data[3] << 8) % (XENSTORE_PAYLOAD_MAX + 1);
    if (len > size - 4)
        len = size - 4;
    hdr.len = (uint32_t)len;
    body = malloc(len ? len : 1); /* of exact size: a read beyond it shows */
    if (!body)
        return 0;
    memcpy(body, data + 4, len);
    xs_wire_request(&f->c, NULL, &hdr, body, take_reply);
    free(body);
    return 4 + len;
}

static void home_of(struct xs_client *dom0, const char *path, uint16_t domid)
{
    struct xs_perms *perms = xs_perms_new(1);

    if (!perms)
        abort();
    perms->p[0].domid = domid;
    if (xs_store_mkdir(dom0, NULL, path) || xs_store_set_perms(dom0, NULL, path, perms))
        abort();
    xs_perms_unref(perms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_client clients[NR_CLIENTS] = {0};
    struct xs_store store;
    size_t taken;

    if (xs_store_init(&store))
        return 0;
    for (unsigned int i = 0; i < NR_CLIENTS; i++)
        xs_client_init(&clients[i].c, &store, i, take_event, &clients[i]);
    home_of(&clients[0].c, "/local/domain/1", 1);
    home_of(&clients[0].c, "/local/domain/2", 2);
    while ((taken = one_record(clients, data, size))) {
        data += taken;
        size -= taken;
    }
    if (xs_store_check(&store, stderr))
        abort();
    for (unsigned int i = 0; i < NR_CLIENTS; i++)
        xs_client_reset(&clients[i].c);
    if (xs_store_forget_domain(&store, 1) || xs_counts_get(&store.main.counts, 1) ||
        xs_store_check(&store, stderr))
        abort();
    for (unsigned int i = 0; i < NR_CLIENTS; i++)
        xs_client_fini(&clients[i].c);
    xs_store_fini(&store);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "tests/host/xs/fake_hv.h"

struct fake_domain fake[FAKE_DOMAINS];
int fake_event;

struct hv {
    int unused;
};

static struct hv the_hv;

void fake_reset(void)
{
    memset(fake, 0, sizeof(fake));
    for (int i = 0; i < FAKE_DOMAINS; i++) {
        fake[i].state = i < 6 ? HV_RUNNING : HV_GONE;
        fake[i].local_port = -1;
    }
    fake_event = -1;
}

struct hv *hv_open(void)
{
    return &the_hv;
}

void hv_close(struct hv *hv)
{
    (void)hv;
}

int hv_event_fd(const struct hv *hv)
{
    (void)hv;
    return -1;
}

bool hv_present(void)
{
    return true;
}

int hv_next_event(struct hv *hv, bool *virq)
{
    int port = fake_event;

    (void)hv;
    fake_event = -1;
    *virq = port == FAKE_VIRQ_PORT;
    return port;
}

int hv_bind(struct hv *hv, unsigned int domid, unsigned int port)
{
    (void)hv;
    (void)port;
    if (domid >= FAKE_DOMAINS || fake[domid].no_bind) {
        errno = EINVAL;
        return -1;
    }
    fake[domid].local_port = 100 + (int)domid;
    return fake[domid].local_port;
}

void hv_unbind(struct hv *hv, int port)
{
    (void)hv;
    fake[port - 100].local_port = -1;
}

void hv_notify(struct hv *hv, int port)
{
    (void)hv;
    fake[port - 100].notified++;
}

struct xenstore_domain_interface *hv_map_ring(struct hv *hv, unsigned int domid, unsigned long mfn,
                                              bool *by_grant)
{
    (void)hv;
    if (domid >= FAKE_DOMAINS || fake[domid].no_map || (fake[domid].no_grant && mfn != 1000 + domid)) {
        errno = EINVAL;
        return NULL;
    }
    *by_grant = !fake[domid].no_grant;
    fake[domid].mapped++;
    return &fake[domid].ring;
}

void hv_unmap_ring(struct hv *hv, struct xenstore_domain_interface *page, bool by_grant)
{
    struct fake_domain *d = (struct fake_domain *)(void *)((char *)page - offsetof(struct fake_domain, ring));

    (void)hv;
    (void)by_grant;
    d->mapped--;
}

struct xenstore_domain_interface *hv_map_own_ring(unsigned int *port)
{
    *port = 7;
    fake[0].mapped++;
    return &fake[0].ring;
}

void hv_unmap_own_ring(struct xenstore_domain_interface *page)
{
    (void)page;
    fake[0].mapped--;
}

enum hv_state hv_domain_state(struct hv *hv, unsigned int domid)
{
    (void)hv;
    return domid < FAKE_DOMAINS ? fake[domid].state : HV_GONE;
}

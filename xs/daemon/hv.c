/* SPDX-License-Identifier: MIT */
/* Hypervisor access through the stable libraries and dom0's xenfs. */
#define __XEN_TOOLS__ 1
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xen/domctl.h>
#include <xen/grant_table.h>

#include "xs/daemon/hv.h"
#include "xs/daemon/log.h"

#define RING_BYTES 4096

struct hv {
    xencall_handle *call;
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *fmem;
    int virq_port;
};

bool hv_present(void)
{
    char text[64] = "";
    FILE *f = fopen("/proc/xen/capabilities", "re");

    if (f) {
        if (!fgets(text, sizeof(text), f))
            text[0] = '\0';
        fclose(f);
    }
    return strstr(text, "control_d") != NULL;
}

struct hv *hv_open(void)
{
    struct hv *hv = calloc(1, sizeof(*hv));
    const char *what = "memory";

    if (!hv)
        goto fail;
    hv->virq_port = -1;
    what = "xenevtchn_open";
    hv->evtchn = xenevtchn_open(NULL, 0);
    if (!hv->evtchn)
        goto fail;
    what = "xengnttab_open";
    hv->gnttab = xengnttab_open(NULL, 0);
    if (!hv->gnttab)
        goto fail;
    what = "xencall_open";
    hv->call = xencall_open(NULL, XENCALL_OPENFLAG_NON_REENTRANT);
    if (!hv->call)
        goto fail;
    what = "xenforeignmemory_open";
    hv->fmem = xenforeignmemory_open(NULL, 0);
    if (!hv->fmem)
        goto fail;
    what = "binding VIRQ_DOM_EXC";
    hv->virq_port = xenevtchn_bind_virq(hv->evtchn, VIRQ_DOM_EXC);
    if (hv->virq_port < 0)
        goto fail;
    return hv;
fail:
    log_error("hypervisor: %s: %s", what, strerror(errno));
    hv_close(hv);
    return NULL;
}

void hv_close(struct hv *hv)
{
    if (!hv)
        return;
    if (hv->fmem)
        xenforeignmemory_close(hv->fmem);
    if (hv->call)
        xencall_close(hv->call);
    if (hv->gnttab)
        xengnttab_close(hv->gnttab);
    if (hv->evtchn)
        xenevtchn_close(hv->evtchn);
    free(hv);
}

int hv_event_fd(const struct hv *hv)
{
    return xenevtchn_fd(hv->evtchn);
}

int hv_next_event(struct hv *hv, bool *virq)
{
    int port = xenevtchn_pending(hv->evtchn);

    if (port < 0)
        return -1;
    xenevtchn_unmask(hv->evtchn, (evtchn_port_t)port);
    *virq = port == hv->virq_port;
    return port;
}

int hv_bind(struct hv *hv, unsigned int domid, unsigned int port)
{
    return xenevtchn_bind_interdomain(hv->evtchn, domid, port);
}

void hv_unbind(struct hv *hv, int port)
{
    xenevtchn_unbind(hv->evtchn, (evtchn_port_t)port);
}

void hv_notify(struct hv *hv, int port)
{
    xenevtchn_notify(hv->evtchn, (evtchn_port_t)port);
}

/* ---- rings ---- */

struct xenstore_domain_interface *hv_map_ring(struct hv *hv, unsigned int domid, unsigned long mfn,
                                              bool *by_grant)
{
    xen_pfn_t frame = mfn;
    void *page = xengnttab_map_grant_ref(hv->gnttab, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);

    *by_grant = page != NULL;
    if (!page)
        page = xenforeignmemory_map(hv->fmem, domid, PROT_READ | PROT_WRITE, 1, &frame, NULL);
    return page;
}

void hv_unmap_ring(struct hv *hv, struct xenstore_domain_interface *page, bool by_grant)
{
    if (by_grant)
        xengnttab_unmap(hv->gnttab, page, 1);
    else
        xenforeignmemory_unmap(hv->fmem, page, 1);
}

static int read_own_port(unsigned int *port)
{
    FILE *f = fopen("/proc/xen/xsd_port", "re");
    int n;

    if (!f)
        return -1;
    n = fscanf(f, "%u", port);
    fclose(f);
    if (n != 1) {
        errno = EIO;
        return -1;
    }
    return 0;
}

struct xenstore_domain_interface *hv_map_own_ring(unsigned int *port)
{
    void *page;
    int fd;

    if (read_own_port(port))
        return NULL;
    fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    page = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

void hv_unmap_own_ring(struct xenstore_domain_interface *page)
{
    munmap(page, RING_BYTES);
}

/* ---- domains ---- */

enum hv_state hv_domain_state(struct hv *hv, unsigned int domid)
{
    struct xen_domctl *op = xencall_alloc_buffer(hv->call, sizeof(*op));
    enum hv_state state = HV_UNKNOWN;
    int rc;

    if (!op)
        return HV_UNKNOWN;
    memset(op, 0, sizeof(*op));
    op->cmd = XEN_DOMCTL_getdomaininfo;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = (domid_t)domid;
    rc = xencall1(hv->call, __HYPERVISOR_domctl, (uintptr_t)op);
    /* The answer is about the first domain that is not below the one asked for. */
    if ((rc < 0 && errno == ESRCH) || (rc >= 0 && op->domain != domid))
        state = HV_GONE;
    else if (rc >= 0 && (op->u.getdomaininfo.flags & XEN_DOMINF_dying))
        state = HV_DYING;
    else if (rc >= 0)
        state = op->u.getdomaininfo.flags & XEN_DOMINF_shutdown ? HV_SHUTDOWN : HV_RUNNING;
    xencall_free_buffer(hv->call, op);
    return state;
}

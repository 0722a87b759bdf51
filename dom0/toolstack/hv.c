/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <xen/event_channel.h>

#include <xentoollog.h>

#define HV_PAGE_BYTES    4096U
#define HV_SCRATCH_PAGES 16U
/* Nothing that the toolstack asks for needs more; a larger request is a mistake of ours. */
#define HV_SCRATCH_MAX (16U << 20)

/* The libraries have lines of their own for a failure; the caller's one line is the one that is wanted. */
static void drop_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
                         const char *context, const char *format, va_list al)
{
    (void)logger, (void)level, (void)errnoval, (void)context, (void)format, (void)al;
}

static void drop_progress(struct xentoollog_logger *logger, const char *context, const char *doing_what,
                          int percent, unsigned long done, unsigned long total)
{
    (void)logger, (void)context, (void)doing_what, (void)percent, (void)done, (void)total;
}

static void keep_logger(struct xentoollog_logger *logger)
{
    (void)logger;
}

static struct xentoollog_logger silent = {drop_message, drop_progress, keep_logger};

int hv_open(struct hv *hv)
{
    memset(hv, 0, sizeof(*hv));
    if (access("/dev/xen/privcmd", R_OK | W_OK) != 0)
        return -1;
    hv->call = xencall_open(&silent, 0);
    if (!hv->call)
        return -1;
    hv->fmem = xenforeignmemory_open(&silent, 0);
    /* One buffer for the whole run: an allocation each call would cost an mmap and two faults. */
    hv->op = hv->fmem ? xencall_alloc_buffer_pages(hv->call, 1 + HV_SCRATCH_PAGES) : NULL;
    if (!hv->op) {
        int saved = errno;

        hv_close(hv);
        errno = saved;
        return -1;
    }
    hv->scratch = (char *)hv->op + HV_PAGE_BYTES;
    hv->scratch_bytes = HV_SCRATCH_PAGES * HV_PAGE_BYTES;
    return 0;
}

static bool hv_scratch_is_own(const struct hv *hv)
{
    return hv->scratch != (char *)hv->op + HV_PAGE_BYTES;
}

void hv_close(struct hv *hv)
{
    if (!hv->call)
        return;
    if (hv->op) {
        if (hv_scratch_is_own(hv))
            xencall_free_buffer_pages(hv->call, hv->scratch, hv->scratch_bytes / HV_PAGE_BYTES);
        xencall_free_buffer_pages(hv->call, hv->op, 1 + HV_SCRATCH_PAGES);
    }
    if (hv->fmem)
        xenforeignmemory_close(hv->fmem);
    xencall_close(hv->call);
    memset(hv, 0, sizeof(*hv));
}

void hv_forget(struct hv *hv)
{
    if (hv->fmem)
        xenforeignmemory_close(hv->fmem);
    if (hv->call)
        xencall_close(hv->call);
    memset(hv, 0, sizeof(*hv));
}

void *hv_scratch(struct hv *hv, size_t bytes)
{
    size_t pages = (bytes + HV_PAGE_BYTES - 1) / HV_PAGE_BYTES;
    void *grown;

    if (bytes <= hv->scratch_bytes)
        return hv->scratch;
    if (bytes > HV_SCRATCH_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    grown = xencall_alloc_buffer_pages(hv->call, pages);
    if (!grown)
        return NULL;
    if (hv_scratch_is_own(hv))
        xencall_free_buffer_pages(hv->call, hv->scratch, hv->scratch_bytes / HV_PAGE_BYTES);
    hv->scratch = grown;
    hv->scratch_bytes = pages * HV_PAGE_BYTES;
    return grown;
}

int hv_domctl(struct hv *hv, struct xen_domctl *op)
{
    int r;

    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    memcpy(hv->op, op, sizeof(*op));
    r = xencall1(hv->call, __HYPERVISOR_domctl, (uintptr_t)hv->op);
    memcpy(op, hv->op, sizeof(*op));
    return r < 0 ? -1 : 0;
}

int hv_sysctl(struct hv *hv, struct xen_sysctl *op)
{
    int r;

    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    memcpy(hv->op, op, sizeof(*op));
    r = xencall1(hv->call, __HYPERVISOR_sysctl, (uintptr_t)hv->op);
    memcpy(op, hv->op, sizeof(*op));
    return r < 0 ? -1 : 0;
}

long hv_memory_op(struct hv *hv, unsigned int cmd, void *arg, size_t bytes)
{
    long r;

    if (bytes > HV_PAGE_BYTES) {
        errno = EINVAL;
        return -1;
    }
    if (bytes)
        memcpy(hv->op, arg, bytes);
    r = xencall2L(hv->call, __HYPERVISOR_memory_op, cmd, (uintptr_t)hv->op);
    if (bytes)
        memcpy(arg, hv->op, bytes);
    return r;
}

int hv_evtchn_alloc_unbound(struct hv *hv, uint32_t domid, uint32_t remote)
{
    struct evtchn_alloc_unbound *alloc = hv->op;

    memset(alloc, 0, sizeof(*alloc));
    alloc->dom = (domid_t)domid;
    alloc->remote_dom = (domid_t)remote;
    if (xencall2(hv->call, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (uintptr_t)alloc) < 0)
        return -1;
    return (int)alloc->port;
}

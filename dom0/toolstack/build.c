/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/version.h>

#include "dom0/toolstack/report.h"

/* A ramdisk may be an installer's; what does not fit into the guest is found by the layout. */
#define RAMDISK_MAX_BYTES ((size_t)16 << 30)

/* Values of XEN_DOMCTL_settscinfo that have no name in the public headers of the tools. */
#define TSC_MODE_DEFAULT 0U
#define TSC_MODE_ALWAYS  1U
#define TSC_MODE_NEVER   2U

int build_failed(const struct build *b, const char *what)
{
    report_error("create %s: %s: %s", b->cfg->name, what, strerror(errno));
    return -1;
}

static int compute_layout(struct build *b)
{
    const struct domain_config *cfg = b->cfg;
    uint64_t need;
    const char *why = layout_compute(&b->layout, &b->image, cfg->memory_kib >> 2, b->ramdisk.len, &need);

    if (why && need)
        report_error("create %s: %s: memory is %llu MiB, at least %llu MiB are needed", cfg->name, why,
                     (unsigned long long)(cfg->memory_kib >> 10), (unsigned long long)((need + 255) >> 8));
    else if (why)
        report_error("create %s: %s", cfg->name, why);
    return why ? -1 : 0;
}

static int open_files(struct build *b)
{
    const struct domain_config *cfg = b->cfg;
    int rc;

    report_within(cfg->kernel_at);
    rc = kernel_load(&b->elf, cfg->kernel);
    if (rc == 0)
        rc = kernel_parse(&b->elf, cfg->kernel, &b->image);
    report_within(cfg->ramdisk_at);
    if (rc == 0 && cfg->ramdisk)
        rc = kernel_bytes_open(&b->ramdisk, cfg->ramdisk, RAMDISK_MAX_BYTES, NULL);
    report_within(NULL);
    return rc;
}

int build_open(struct build *b, const struct domain_config *cfg)
{
    memset(b, 0, sizeof(*b));
    b->cfg = cfg;
    b->elf.fd = b->ramdisk.fd = -1;
    if (open_files(b) == 0 && compute_layout(b) == 0)
        return 0;
    build_close(b);
    return -1;
}

void build_close(struct build *b)
{
    free(b->mfn_of);
    b->mfn_of = NULL;
    kernel_bytes_close(&b->elf);
    kernel_bytes_close(&b->ramdisk);
}

/* Refuse early and with figures what would end as a bare ENOMEM half-way. */
static int check_free_memory(struct toolstack *ts, const struct build *b)
{
    struct xen_sysctl_physinfo info;
    uint64_t free_kib;

    if (hv_physinfo(&ts->hv, &info) != 0)
        return build_failed(b, "the machine's free memory");
    free_kib = (info.free_pages + info.scrub_pages) << 2;
    if (b->cfg->memory_kib > free_kib) {
        report_error("create %s: memory: %llu MiB wanted, %llu MiB are free", b->cfg->name,
                     (unsigned long long)(b->cfg->memory_kib >> 10), (unsigned long long)(free_kib >> 10));
        return -1;
    }
    return 0;
}

static int set_scheduling(struct toolstack *ts, const struct build *b)
{
    const struct domain_config *cfg = b->cfg;

    if ((cfg->cpu_weight || cfg->cpu_cap_set) &&
        hv_domain_set_sched(&ts->hv, b->domid, cfg->cpu_weight, cfg->cpu_cap_set, cfg->cpu_cap) != 0)
        return build_failed(b, "cpu_weight or cap");
    for (uint32_t vcpu = 0; cfg->affinity && vcpu < cfg->maxvcpus; vcpu++)
        if (hv_vcpu_set_affinity(&ts->hv, b->domid, vcpu, cfg->affinity, cfg->affinity_words) != 0)
            return build_failed(b, "cpus");
    return 0;
}

static int set_limits(struct toolstack *ts, const struct build *b)
{
    static const uint32_t tsc_modes[] = {
        [TSC_NATIVE] = TSC_MODE_NEVER, [TSC_DEFAULT] = TSC_MODE_DEFAULT, [TSC_EMULATE] = TSC_MODE_ALWAYS};
    const struct domain_config *cfg = b->cfg;
    struct hv *hv = &ts->hv;

    if (hv_domain_max_vcpus(hv, b->domid, cfg->maxvcpus) != 0)
        return build_failed(b, "vcpus");
    if (hv_domain_max_mem(hv, b->domid, cfg->memory_kib + MAX_MEM_SLACK_KIB) != 0)
        return build_failed(b, "memory limit");
    if (hv_set_memory_map(hv, b->domid, cfg->maxmem_kib << 10) != 0)
        return build_failed(b, "memory map");
    if (hv_domain_set_tsc(hv, b->domid, tsc_modes[cfg->tsc]) != 0)
        return build_failed(b, "tsc_mode");
    return set_scheduling(ts, b);
}

static int alloc_port(struct toolstack *ts, const struct build *b, const char *what, uint32_t *port)
{
    int r = hv_evtchn_alloc_unbound(&ts->hv, b->domid, 0);

    if (r < 0)
        return build_failed(b, what);
    *port = (uint32_t)r;
    return 0;
}

int build_create(struct toolstack *ts, struct build *b)
{
    const struct domain_config *cfg = b->cfg;
    struct xen_domctl_createdomain create;

    if (check_free_memory(ts, b) != 0)
        return -1;
    memset(&create, 0, sizeof(create));
    memcpy(create.handle, cfg->uuid, sizeof(create.handle));
    create.max_vcpus = cfg->maxvcpus;
    create.max_evtchn_port = cfg->max_event_channels;
    create.max_grant_frames = (int32_t)cfg->max_grant_frames;
    create.max_maptrack_frames = (int32_t)cfg->max_maptrack_frames;
    create.grant_opts = XEN_DOMCTL_GRANT_version(1);
    if (hv_domain_create(&ts->hv, &create, &b->domid) != 0)
        return build_failed(b, "new domain");
    if (set_limits(ts, b) != 0 || alloc_port(ts, b, "event channel of the store", &b->store_port) != 0 ||
        alloc_port(ts, b, "event channel of the console", &b->console_port) != 0) {
        hv_domain_destroy(&ts->hv, b->domid);
        return -1;
    }
    return 0;
}

int build_fill(struct toolstack *ts, struct build *b)
{
    struct xen_domctl_getdomaininfo info;

    if (build_give_memory(ts, b) != 0)
        return -1;
    if (hv_domain_info(&ts->hv, b->domid, &info) != 0)
        return build_failed(b, "shared_info");
    if (build_copy_image(ts, b, info.shared_info_frame) != 0 ||
        build_start_vcpu(ts, b, info.shared_info_frame) != 0)
        return -1;
    if (hv_seed_grants(&ts->hv, b->domid, b->console_mfn, b->store_mfn) != 0)
        return build_failed(b, "first grants");
    return 0;
}

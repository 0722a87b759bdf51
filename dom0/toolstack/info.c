/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"

#define PAGES_PER_MIB 256

/* What `info` shows, under xl's names where xl has one. */
struct machine {
    struct utsname uts;
    struct xen_sysctl_physinfo phys;
    uint32_t scheduler;
    long version;
    char extraversion[sizeof(xen_extraversion_t)];
    char capabilities[sizeof(xen_capabilities_info_t)];
    char cmdline[sizeof(xen_commandline_t)];
    struct xen_compile_info compile;
};

static int ask(struct toolstack *ts, struct machine *m)
{
    struct hv *hv = &ts->hv;

    memset(m, 0, sizeof(*m));
    uname(&m->uts);
    m->version = hv_version(hv);
    if (m->version < 0 || hv_physinfo(hv, &m->phys) != 0 || hv_sched_id(hv, &m->scheduler) != 0 ||
        hv_version_string(hv, XENVER_extraversion, m->extraversion, sizeof(m->extraversion)) != 0 ||
        hv_version_string(hv, XENVER_capabilities, m->capabilities, sizeof(m->capabilities)) != 0 ||
        hv_version_string(hv, XENVER_commandline, m->cmdline, sizeof(m->cmdline)) != 0 ||
        hv_compile_info(hv, &m->compile) != 0) {
        report_error("info: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static const char *scheduler_name(uint32_t id)
{
    switch (id) {
    case XEN_SCHEDULER_CREDIT:
        return "credit";
    case XEN_SCHEDULER_CREDIT2:
        return "credit2";
    case XEN_SCHEDULER_RTDS:
        return "rtds";
    case XEN_SCHEDULER_NULL:
        return "null";
    default:
        return "unknown";
    }
}

static void print_table(const struct machine *m)
{
    const struct xen_sysctl_physinfo *p = &m->phys;

    printf("%-23s: %s\n", "host", m->uts.nodename);
    printf("%-23s: %s\n", "release", m->uts.release);
    printf("%-23s: %s\n", "version", m->uts.version);
    printf("%-23s: %s\n", "machine", m->uts.machine);
    printf("%-23s: %u\n", "nr_cpus", p->nr_cpus);
    printf("%-23s: %u\n", "max_cpu_id", p->max_cpu_id);
    printf("%-23s: %u\n", "nr_nodes", p->nr_nodes);
    printf("%-23s: %u\n", "cores_per_socket", p->cores_per_socket);
    printf("%-23s: %u\n", "threads_per_core", p->threads_per_core);
    printf("%-23s: %u.%03u\n", "cpu_mhz", p->cpu_khz / 1000, p->cpu_khz % 1000);
    printf("%-23s:", "hw_caps");
    for (size_t i = 0; i < sizeof(p->hw_cap) / sizeof(p->hw_cap[0]); i++)
        printf("%c%08x", i ? ':' : ' ', p->hw_cap[i]);
    printf("\n%-23s:%s\n", "virt_caps", p->capabilities & XEN_SYSCTL_PHYSCAP_pv ? " pv" : "");
    printf("%-23s: %" PRIu64 "\n", "total_memory", p->total_pages / PAGES_PER_MIB);
    printf("%-23s: %" PRIu64 "\n", "free_memory", (p->free_pages - p->outstanding_pages) / PAGES_PER_MIB);
    printf("%-23s: %" PRIu64 "\n", "outstanding_claims", p->outstanding_pages / PAGES_PER_MIB);
    printf("%-23s: %ld\n", "xen_major", m->version >> 16);
    printf("%-23s: %ld\n", "xen_minor", m->version & 0xffff);
    printf("%-23s: %s\n", "xen_extra", m->extraversion);
    printf("%-23s: %ld.%ld%s\n", "xen_version", m->version >> 16, m->version & 0xffff, m->extraversion);
    printf("%-23s: %s\n", "xen_caps", m->capabilities);
    printf("%-23s: %s\n", "xen_scheduler", scheduler_name(m->scheduler));
    printf("%-23s: %s\n", "xen_commandline", m->cmdline);
    printf("%-23s: %s\n", "cc_compiler", m->compile.compiler);
    printf("%-23s: %s\n", "cc_compile_date", m->compile.compile_date);
}

static json_t *to_json(const struct machine *m)
{
    const struct xen_sysctl_physinfo *p = &m->phys;

    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:s, s:s, s:s, s:s, "
                     "s:s, s:s}",
                     "host", m->uts.nodename, "release", m->uts.release, "nr_cpus", (int)p->nr_cpus,
                     "max_cpu_id", (int)p->max_cpu_id, "nr_nodes", (int)p->nr_nodes, "cores_per_socket",
                     (int)p->cores_per_socket, "threads_per_core", (int)p->threads_per_core, "cpu_khz",
                     (int)p->cpu_khz, "total_pages", (json_int_t)p->total_pages, "free_pages",
                     (json_int_t)p->free_pages, "outstanding_pages", (json_int_t)p->outstanding_pages,
                     "xen_major", (int)(m->version >> 16), "xen_minor", (int)(m->version & 0xffff),
                     "xen_extra", m->extraversion, "xen_caps", m->capabilities, "xen_scheduler",
                     scheduler_name(m->scheduler), "xen_commandline", m->cmdline, "cc_compiler",
                     m->compile.compiler, "cc_compile_date", m->compile.compile_date);
}

int cmd_info(struct toolstack *ts, int argc, char **argv)
{
    struct machine m;
    bool json;

    if (!output_options(argc, argv, &json) || optind != argc)
        return cmd_usage(argv);
    if (toolstack_need_hv(ts) != 0 || ask(ts, &m) != 0)
        return EXIT_FAILURE;
    if (json)
        return output_json(to_json(&m));
    print_table(&m);
    return EXIT_SUCCESS;
}

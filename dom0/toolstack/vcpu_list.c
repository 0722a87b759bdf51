/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"

#define AFFINITY_WORDS 64 /* 4096 CPUs */
#define AFFINITY_TEXT  128

/* "0-3,5"; "all" when it holds every CPU of the machine. */
static void format_affinity(const uint64_t *map, uint32_t cpus, char text[AFFINITY_TEXT])
{
    uint32_t set = 0;
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        uint32_t last = cpu;

        if (!(map[cpu / 64] >> (cpu % 64) & 1))
            continue;
        while (last + 1 < cpus && (map[(last + 1) / 64] >> ((last + 1) % 64) & 1))
            last++;
        set += last - cpu + 1;
        if (used < AFFINITY_TEXT)
            used += (size_t)(cpu == last
                                 ? snprintf(text + used, AFFINITY_TEXT - used, "%s%u", used ? "," : "", cpu)
                                 : snprintf(text + used, AFFINITY_TEXT - used, "%s%u-%u", used ? "," : "",
                                            cpu, last));
        cpu = last;
    }
    if (set == cpus)
        snprintf(text, AFFINITY_TEXT, "all");
}

struct vcpu_row {
    const char *name;
    uint32_t domid, vcpu;
    struct xen_domctl_getvcpuinfo info;
    char affinity[AFFINITY_TEXT];
};

static void print_row(const struct vcpu_row *row)
{
    char cpu[12] = "-";

    if (row->info.online)
        snprintf(cpu, sizeof(cpu), "%u", row->info.cpu);
    printf("%-32s %5u %5u %5s  %c%c%c %8" PRIu64 ".%" PRIu64 "  %s\n", row->name, row->domid, row->vcpu, cpu,
           row->info.running ? 'r' : '-', row->info.blocked ? 'b' : '-', row->info.online ? '-' : 'p',
           row->info.cpu_time / 1000000000, row->info.cpu_time / 100000000 % 10, row->affinity);
}

static json_t *row_json(const struct vcpu_row *row)
{
    return json_pack("{s:s, s:i, s:i, s:o, s:b, s:b, s:b, s:I, s:s}", "name", row->name, "domid",
                     (int)row->domid, "vcpu", (int)row->vcpu, "cpu",
                     row->info.online ? json_integer(row->info.cpu) : json_null(), "online", row->info.online,
                     "running", row->info.running, "blocked", row->info.blocked, "cpu_time_ns",
                     (json_int_t)row->info.cpu_time, "affinity", row->affinity);
}

/* All vCPUs of one domain; array NULL prints. 0, or -1 after a report. */
static int show_domain(struct toolstack *ts, const struct xen_domctl_getdomaininfo *domain, uint32_t cpus,
                       json_t *array)
{
    char *name = toolstack_domain_name(ts, domain->domain);
    struct vcpu_row row = {.name = name, .domid = domain->domain};
    uint64_t map[AFFINITY_WORDS];
    int rc = 0;

    for (row.vcpu = 0; row.vcpu <= domain->max_vcpu_id && rc == 0; row.vcpu++) {
        memset(map, 0, sizeof(map));
        if (hv_vcpu_info(&ts->hv, row.domid, row.vcpu, &row.info) != 0) {
            if (errno == ESRCH) /* a number that was left out */
                continue;
            rc = -1;
        } else if (hv_vcpu_get_affinity(&ts->hv, row.domid, row.vcpu, map, AFFINITY_WORDS) != 0) {
            rc = -1;
        }
        if (rc != 0) {
            report_error("vcpu-list: domain %u vCPU %u: %s", row.domid, row.vcpu, strerror(errno));
            break;
        }
        format_affinity(map, cpus, row.affinity);
        if (array)
            json_array_append_new(array, row_json(&row));
        else
            print_row(&row);
    }
    free(name);
    return rc;
}

int cmd_vcpu_list(struct toolstack *ts, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo *list;
    struct xen_sysctl_physinfo machine;
    json_t *array = NULL;
    size_t count;
    int rc = 0;
    bool json;

    if (!output_options(argc, argv, &json))
        return cmd_usage(argv);
    if (output_domains(ts, argv + optind, argc - optind, &list, &count) != 0)
        return EXIT_FAILURE;
    if (hv_physinfo(&ts->hv, &machine) != 0) {
        report_error("vcpu-list: %s", strerror(errno));
        free(list);
        return EXIT_FAILURE;
    }
    if (machine.max_cpu_id >= AFFINITY_WORDS * 64)
        machine.max_cpu_id = AFFINITY_WORDS * 64 - 1;
    if (json)
        array = json_array();
    else
        printf("%-32s %5s %5s %5s  %-3s %10s  %s\n", "Name", "ID", "VCPU", "CPU", "Stt", "Time(s)",
               "Affinity");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = show_domain(ts, &list[i], machine.max_cpu_id + 1, array);
    free(list);
    if (rc == 0 && json)
        return output_json(array);
    json_decref(array);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

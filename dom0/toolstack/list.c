/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/output.h"

#define PAGE_KIB 4U

static uint64_t memory_kib(const struct xen_domctl_getdomaininfo *info)
{
    return (info->tot_pages + info->outstanding_pages) * PAGE_KIB;
}

/* A domain that may grow without limit has all bits set. */
static uint64_t maxmem_kib(const struct xen_domctl_getdomaininfo *info)
{
    return info->max_pages > UINT64_MAX / PAGE_KIB / 1024 ? UINT32_MAX : info->max_pages * PAGE_KIB;
}

static json_t *to_json(struct toolstack *ts, const struct xen_domctl_getdomaininfo *info)
{
    const char *reason = output_shutdown_reason(info);
    char *name = toolstack_domain_name(ts, info->domain);
    char state[7];
    json_t *value;

    output_state(info, state);
    value = json_pack("{s:i, s:s?, s:I, s:I, s:i, s:s, s:s?, s:I}", "domid", (int)info->domain, "name", name,
                      "memory_kib", (json_int_t)memory_kib(info), "maxmem_kib", (json_int_t)maxmem_kib(info),
                      "vcpus", (int)info->nr_online_vcpus, "state", state, "shutdown_reason", reason,
                      "cpu_time_ns", (json_int_t)info->cpu_time);
    free(name);
    return value;
}

static int print_json(struct toolstack *ts, const struct xen_domctl_getdomaininfo *list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, to_json(ts, &list[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return output_json(array);
}

static void print_table(struct toolstack *ts, const struct xen_domctl_getdomaininfo *list, size_t count)
{
    printf("%-40s %5s %5s %5s  %-6s  %9s\n", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
    for (size_t i = 0; i < count; i++) {
        char *name = toolstack_domain_name(ts, list[i].domain);
        char state[7];

        output_state(&list[i], state);
        printf("%-40s %5u %5" PRIu64 " %5u  %-6s  %7" PRIu64 ".%" PRIu64 "\n", name, list[i].domain,
               memory_kib(&list[i]) / 1024, list[i].nr_online_vcpus, state, list[i].cpu_time / 1000000000,
               list[i].cpu_time / 100000000 % 10);
        free(name);
    }
}

int cmd_list(struct toolstack *ts, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo *list;
    int status = EXIT_SUCCESS;
    size_t count;
    bool json;

    if (!output_options(argc, argv, &json))
        return cmd_usage(argv);
    if (output_domains(ts, argv + optind, argc - optind, &list, &count) != 0)
        return EXIT_FAILURE;
    if (json)
        status = print_json(ts, list, count);
    else
        print_table(ts, list, count);
    free(list);
    return status;
}

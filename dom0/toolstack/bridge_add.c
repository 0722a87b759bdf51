/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/cmd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/net_link.h"
#include "dom0/toolstack/report.h"

/* "10.0.5.1/24". */
static bool parse_address(const char *text, uint32_t *address, unsigned int *prefix_len)
{
    char host[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    char *end;
    unsigned long len;

    if (!slash || (size_t)(slash - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    len = strtoul(slash + 1, &end, 10);
    if (end == slash + 1 || *end != '\0' || len > 32)
        return false;
    *prefix_len = (unsigned int)len;
    return inet_pton(AF_INET, host, address) == 1;
}

static int set_up(struct net_link *net, const char *name, const char *address_text, uint32_t address,
                  unsigned int prefix_len)
{
    struct net_link_info info;

    if (net_bridge_create(net, name) != 0 && errno != EEXIST) {
        report_error("bridge %s: cannot create it: %s", name, strerror(errno));
        return -1;
    }
    if (net_link_get(net, name, &info) != 0) {
        report_error("bridge %s: %s", name, strerror(errno));
        return -1;
    }
    if (!info.is_bridge) {
        report_error("bridge %s: there is an interface of that name which is no bridge", name);
        return -1;
    }
    if (address_text && net_address_add(net, info.index, address, prefix_len) != 0 && errno != EEXIST) {
        report_error("bridge %s: cannot give it %s: %s", name, address_text, strerror(errno));
        return -1;
    }
    if (net_link_set_up(net, info.index) != 0) {
        report_error("bridge %s: cannot set it up: %s", name, strerror(errno));
        return -1;
    }
    return 0;
}

int cmd_bridge_add(struct toolstack *ts, int argc, char **argv)
{
    const char *address_text = argc == 3 ? argv[2] : NULL;
    uint32_t address = 0;
    unsigned int prefix_len = 0;
    struct net_link *net;
    int rc;

    (void)ts;
    if (argc < 2 || argc > 3)
        return cmd_usage(argv);
    if (!net_link_name_valid(argv[1])) {
        report_error("bridge %s: that can be no name of an interface", argv[1]);
        return EXIT_FAILURE;
    }
    if (address_text && !parse_address(address_text, &address, &prefix_len)) {
        report_error("bridge %s: %s is no IPv4 address with a prefix length, like 10.0.5.1/24", argv[1],
                     address_text);
        return EXIT_FAILURE;
    }
    net = net_link_open();
    if (!net) {
        report_error("bridge %s: cannot open netlink: %s", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    rc = set_up(net, argv[1], address_text, address, prefix_len);
    net_link_close(net);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/net/forward.h"

static int parse_port(const char **text, char end, uint16_t *port)
{
    char *after;
    unsigned long value;

    if (**text < '0' || **text > '9')
        return -1;
    value = strtoul(*text, &after, 10);
    if (value == 0 || value > UINT16_MAX || (*after != end && !(end == ' ' && *after == '\0')))
        return -1;
    *port = (uint16_t)value;
    *text = *after ? after + 1 : after;
    return 0;
}

int net_forward_parse(struct net_forward forwards[NET_FORWARDS_MAX], const char *text)
{
    int n = 0;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        struct net_forward *forward;

        if (n == (int)NET_FORWARDS_MAX)
            return -1;
        forward = &forwards[n++];
        if (strncmp(text, "tcp:", 4) == 0)
            forward->protocol = "tcp";
        else if (strncmp(text, "udp:", 4) == 0)
            forward->protocol = "udp";
        else
            return -1;
        text += 4;
        if (parse_port(&text, ':', &forward->port) != 0 || parse_port(&text, ' ', &forward->guest_port) != 0)
            return -1;
    }
    return n;
}

int net_forward_address(char out[16], const char *ip)
{
    static const char blanks[] = " ,";
    struct in_addr address;

    for (; ip && *ip; ip += strspn(ip, blanks)) {
        size_t len = strcspn(ip, blanks);

        if (len > 0 && len < 16) {
            memcpy(out, ip, len);
            out[len] = '\0';
            if (inet_pton(AF_INET, out, &address) == 1)
                return 0;
        }
        ip += len;
    }
    return -1;
}

/* SPDX-License-Identifier: MIT */
#include "guest/net/dhcp_message.h"
#include "guest/net/wire.h"
#include "guest/string.h"

enum dhcp_option {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_ADDRESS = 50,
    OPTION_LEASE = 51,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_PARAMETERS = 55,
    OPTION_RENEW = 58,
    OPTION_REBIND = 59,
    OPTION_END = 255,
};

static const uint8_t parameters[] = {OPTION_MASK, OPTION_ROUTER, OPTION_LEASE, OPTION_RENEW, OPTION_REBIND};

static uint8_t *write_option(uint8_t *at, uint8_t option, const void *value, uint8_t len)
{
    *at++ = option;
    *at++ = len;
    memcpy(at, value, len);
    return at + len;
}

static uint8_t *write_address(uint8_t *at, uint8_t option, uint32_t addr)
{
    uint8_t value[4];

    put32(value, addr);
    return addr ? write_option(at, option, value, sizeof(value)) : at;
}

void dhcp_message_write(uint8_t *buf, const struct dhcp_question *q)
{
    struct dhcp_header h = {.op = DHCP_BOOTREQUEST, .hardware = ARP_HARDWARE_ETHERNET, .hardware_len = 6};
    uint8_t type = (uint8_t)q->type, *at = buf + sizeof(h);

    put32(h.xid, q->xid);
    put16(h.seconds, q->seconds);
    /* Without an address, not every server's answer could reach us otherwise. */
    put16(h.flags, q->own ? 0 : DHCP_FLAG_BROADCAST);
    put32(h.client_ip, q->own);
    memcpy(h.client_mac, q->mac, 6);
    put32(h.cookie, DHCP_COOKIE);
    memset(buf, 0, DHCP_QUESTION_BYTES);
    memcpy(buf, &h, sizeof(h));
    at = write_option(at, OPTION_TYPE, &type, 1);
    at = write_address(at, OPTION_ADDRESS, q->wanted);
    at = write_address(at, OPTION_SERVER, q->server);
    at = write_option(at, OPTION_PARAMETERS, parameters, sizeof(parameters));
    *at = OPTION_END;
}

/* The first 32 bits of the value, 0 if it is shorter. */
static uint32_t value32(struct view value)
{
    const uint8_t *at = view_take(&value, 4);

    return at ? get32(at) : 0;
}

static void read_option(struct dhcp_answer *a, uint8_t option, struct view value)
{
    switch (option) {
    case OPTION_TYPE:
        a->type = value.len ? value.data[0] : DHCP_NONE;
        break;
    case OPTION_MASK:
        a->mask = value32(value);
        break;
    case OPTION_ROUTER:
        a->gateway = value32(value);
        break;
    case OPTION_SERVER:
        a->server = value32(value);
        break;
    case OPTION_LEASE:
        a->lease = value32(value);
        break;
    case OPTION_RENEW:
        a->renew = value32(value);
        break;
    case OPTION_REBIND:
        a->rebind = value32(value);
        break;
    default:
        break;
    }
}

/* Options in the fields for names (overload) are not looked at: none that we need is put there by any server
 * known. */
static bool read_options(struct dhcp_answer *a, struct view options)
{
    for (;;) {
        const uint8_t *option = view_take(&options, 1), *len;
        struct view value;

        if (!option || *option == OPTION_END)
            return true;
        if (*option == OPTION_PAD)
            continue;
        len = view_take(&options, 1);
        if (!len)
            return false;
        value.len = *len;
        value.data = view_take(&options, *len);
        if (!value.data)
            return false;
        read_option(a, *option, value);
    }
}

bool dhcp_message_read(struct view message, struct dhcp_answer *a)
{
    const struct dhcp_header *h = view_take(&message, sizeof(*h));

    memset(a, 0, sizeof(*a));
    if (!h || h->op != DHCP_BOOTREPLY || h->hardware_len != 6 || get32(h->cookie) != DHCP_COOKIE)
        return false;
    a->xid = get32(h->xid);
    a->addr = get32(h->your_ip);
    memcpy(a->mac, h->client_mac, sizeof(a->mac));
    return read_options(a, message) && a->type != DHCP_NONE;
}

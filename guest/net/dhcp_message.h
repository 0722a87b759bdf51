/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_DHCP_MESSAGE_H
#define GUEST_NET_DHCP_MESSAGE_H

/* DHCP messages as bytes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest/net/bytes.h"

enum dhcp_type { DHCP_NONE, DHCP_DISCOVER, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK };

/* What an answer says; 0 for what it does not say. */
struct dhcp_answer {
    enum dhcp_type type;
    uint32_t xid;
    uint8_t mac[6];
    uint32_t addr, mask, gateway, server;
    uint32_t lease, renew, rebind; /* seconds */
};

struct dhcp_question {
    enum dhcp_type type; /* DHCP_DISCOVER or DHCP_REQUEST */
    uint32_t xid;
    uint16_t seconds;
    const uint8_t *mac;
    uint32_t own;    /* the address that is in use already, or 0 */
    uint32_t wanted; /* an address that was offered, or 0 */
    uint32_t server; /* who offered it, or 0 */
};

#define DHCP_QUESTION_BYTES 300u

/* Writes DHCP_QUESTION_BYTES. */
void dhcp_message_write(uint8_t *buf, const struct dhcp_question *question);

/* False if the message is not one that a server may send. */
bool dhcp_message_read(struct view message, struct dhcp_answer *answer);

#endif

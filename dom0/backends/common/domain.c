/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "dom0/backends/common/broker_internal.h"

bool broker_domain_lives(struct broker *broker, uint32_t domid)
{
    return broker_call(broker, BROKER_OP_LIVES, &domid, sizeof(domid), NULL) != ESRCH;
}

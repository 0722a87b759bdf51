/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "dom0/backends/common/broker_internal.h"
#include "dom0/backends/common/xenbus_internal.h"

bool backend_domain_lives(const struct backend_env *env, uint32_t domid)
{
    return broker_call(env->broker, BROKER_OP_LIVES, &domid, sizeof(domid), NULL) != ESRCH;
}

/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DOMAIN_LOCK_H
#define HOSPES_TOOLSTACK_DOMAIN_LOCK_H

#include <stdint.h>

/*
 * What makes or removes devices of one guest happens one at a time: the monitor and operators may want
 * several at once. The kernel drops the lock with its holder.
 */
struct domain_lock {
    char path[64];
    int fd; /* -1: there is no writable /run; what must happen happens all the same */
};

/* Waits for the lock. */
void domain_lock(struct domain_lock *lock, uint32_t domid);

/* With the domain gone nobody needs its file either. */
void domain_unlock(struct domain_lock *lock);

#endif

/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/domain_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_DIR "/run/hospes"

/* The last holder may have removed the file while this one waited for it: then there is a new one to wait
 * for. */
static bool is_still_there(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

void domain_lock(struct domain_lock *lock, uint32_t domid)
{
    mkdir(RUN_DIR, 0755);
    snprintf(lock->path, sizeof(lock->path), RUN_DIR "/lock.%u", domid);
    for (;;) {
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (lock->fd < 0)
            return;
        while (flock(lock->fd, LOCK_EX) != 0 && errno == EINTR)
            ;
        if (is_still_there(lock->fd, lock->path))
            return;
        close(lock->fd);
    }
}

void domain_unlock(struct domain_lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path);
    close(lock->fd);
    lock->fd = -1;
}

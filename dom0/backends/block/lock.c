/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_PLACE ((off_t)1 << 62)
#define STEP_MS       5

static int set_lock(int fd, short type, off_t place)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/* Whether some other open file has the place. */
static bool is_locked(int fd, off_t place)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int lock_image(int fd, bool readonly, uint32_t domid, uint32_t devid, int timeout_ms)
{
    const struct timespec step = {0, STEP_MS * 1000000l};
    /* Domain numbers are below 2^15, device numbers below 2^30. */
    off_t mine = DEVICES_PLACE + ((off_t)(domid & 0x7fff) << 32) + devid;
    int error;

    for (int waited = 0; is_locked(fd, mine); waited += STEP_MS) {
        if (waited >= timeout_ms)
            return ETIMEDOUT;
        nanosleep(&step, NULL);
    }
    error = set_lock(fd, readonly ? F_RDLCK : F_WRLCK, LOCK_SHARE_PLACE);
    if (error == EAGAIN || error == EACCES)
        return EBUSY;
    /* A shared lock, which a descriptor for reading may have too. */
    return error ? error : set_lock(fd, F_RDLCK, mine);
}

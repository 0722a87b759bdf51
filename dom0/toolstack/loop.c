/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/backends/block/lock.h"

/* Others take free devices too; each try is another number. */
#define LOOP_TRIES 64

/* Whether loop device NAME serves the file, and may be written or we want to write. */
static bool conflicts(const char *name, const struct stat *file, bool readonly)
{
    struct loop_info64 info;
    char path[64];
    bool hit;
    int fd;

    /* Only devices in use have this directory, and opening one that is not would keep its number busy. */
    snprintf(path, sizeof(path), "/sys/block/%.24s/loop", name);
    if (access(path, F_OK) != 0)
        return false;
    snprintf(path, sizeof(path), "/dev/%.24s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    hit = ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == file->st_ino &&
          info.lo_device == file->st_dev && !(readonly && (info.lo_flags & LO_FLAGS_READ_ONLY));
    close(fd);
    return hit;
}

static bool in_use(const struct stat *file, bool readonly)
{
    DIR *dir = opendir("/sys/block");
    struct dirent *entry;
    bool hit = false;

    if (!dir)
        return false;
    while (!hit && (entry = readdir(dir)))
        hit = strncmp(entry->d_name, "loop", 4) == 0 && conflicts(entry->d_name, file, readonly);
    closedir(dir);
    return hit;
}

/* Whether hospes-blockd serves the file, and it or we would write. */
static bool is_served(int file_fd, bool readonly)
{
    struct flock lock = {.l_type = readonly ? F_RDLCK : F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = LOCK_SHARE_PLACE,
                         .l_len = 1};

    return fcntl(file_fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int try_one(int control, const struct loop_config *config, bool readonly)
{
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    char path[32];
    int fd, saved;

    if (number < 0)
        return -1;
    snprintf(path, sizeof(path), "/dev/loop%d", number);
    fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (ioctl(fd, LOOP_CONFIGURE, config) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* A free loop device for the file; -1 with errno. */
static int attach(int control, const struct loop_config *config, bool readonly)
{
    int fd = -1;

    for (int i = 0; i < LOOP_TRIES && fd < 0; i++) {
        fd = try_one(control, config, readonly);
        if (fd < 0 && errno != EBUSY)
            break;
    }
    /* hospes-blockd locks the file before it looks for loop devices: one of us two sees the other. */
    if (fd >= 0 && is_served((int)config->fd, readonly)) {
        close(fd);
        errno = EBUSY;
        return -1;
    }
    return fd;
}

int loop_attach(int file_fd, const char *path, bool readonly)
{
    struct loop_config config;
    struct stat file;
    int control, fd = -1, saved;

    if (fstat(file_fd, &file) != 0)
        return -1;
    memset(&config, 0, sizeof(config));
    config.fd = (uint32_t)file_fd;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO | (readonly ? LO_FLAGS_READ_ONLY : 0);
    snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%.63s", path);

    control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return -1;
    /* One at a time, or two that are given the same file at once would both find it free. */
    while (flock(control, LOCK_EX) != 0 && errno == EINTR)
        ;
    if (in_use(&file, readonly) || is_served(file_fd, readonly))
        errno = EBUSY;
    else
        fd = attach(control, &config, readonly);
    saved = errno;
    close(control);
    errno = saved;
    return fd;
}

/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/nbd_handshake.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREETING        0x4e42444d41474943ull /* "NBDMAGIC" */
#define OPTION_MAGIC    0x49484156454f5054ull /* "IHAVEOPT" */
#define FIXED_NEWSTYLE  1u
#define NO_ZEROES       2u
#define OPT_EXPORT_NAME 1u
#define FLAG_READ_ONLY  2u
#define FLAG_SEND_FLUSH 4u

struct greeting {
    uint64_t magic, option_magic;
    uint16_t flags;
} __attribute__((packed));

struct option {
    uint32_t client_flags; /* goes before the first option */
    uint64_t magic;
    uint32_t option, length;
} __attribute__((packed));

struct export_reply {
    uint64_t bytes;
    uint16_t flags;
} __attribute__((packed));

static int receive_all(int fd, void *to, size_t len, int timeout_ms)
{
    char *at = to;

    while (len > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, timeout_ms);
        ssize_t got;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return ready == 0 ? ETIMEDOUT : errno;
        got = recv(fd, at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return EPIPE;
        at += got;
        len -= (size_t)got;
    }
    return 0;
}

int nbd_handshake(int fd, const char *name, int timeout_ms, uint64_t *bytes, bool *readonly)
{
    struct option option = {.client_flags = htobe32(FIXED_NEWSTYLE | NO_ZEROES),
                            .magic = htobe64(OPTION_MAGIC),
                            .option = htobe32(OPT_EXPORT_NAME),
                            .length = htobe32((uint32_t)strlen(name))};
    struct greeting greeting;
    struct export_reply reply;
    uint16_t flags;
    int error = receive_all(fd, &greeting, sizeof(greeting), timeout_ms);

    if (error)
        return error;
    flags = be16toh(greeting.flags);
    if (be64toh(greeting.magic) != GREETING || be64toh(greeting.option_magic) != OPTION_MAGIC ||
        (flags & (FIXED_NEWSTYLE | NO_ZEROES)) != (FIXED_NEWSTYLE | NO_ZEROES))
        return EPROTO;
    if (send(fd, &option, sizeof(option), MSG_NOSIGNAL) != sizeof(option) ||
        send(fd, name, strlen(name), MSG_NOSIGNAL) != (ssize_t)strlen(name))
        return EPIPE;
    error = receive_all(fd, &reply, sizeof(reply), timeout_ms);
    if (error)
        return error;
    flags = be16toh(reply.flags);
    if (!(flags & FLAG_SEND_FLUSH))
        return EPROTO;
    *bytes = be64toh(reply.bytes);
    *readonly = flags & FLAG_READ_ONLY;
    return 0;
}

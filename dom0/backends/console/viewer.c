/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/viewer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dom0/backends/console/guest.h"

#define INPUT_BYTES 1024

/*
 * Reads no more than the guest can take now: what is typed ahead waits in the kernel, where it makes the
 * typing program wait.
 */
static void on_ready(void *arg, uint32_t events)
{
    struct viewer *viewer = arg;
    size_t space = guest_input_space(viewer->guest);
    char buf[INPUT_BYTES];
    ssize_t got;

    if ((events & EPOLLIN) && space > 0) {
        got = read(viewer->fd, buf, space < sizeof(buf) ? space : sizeof(buf));
        if (got > 0)
            guest_input(viewer->guest, buf, (size_t)got);
        else if (!viewer->is_terminal && (got == 0 || (errno != EAGAIN && errno != EINTR))) {
            guest_drop_viewer(viewer->guest, viewer);
            return;
        }
    } else if (!viewer->is_terminal && (events & (EPOLLHUP | EPOLLERR))) {
        guest_drop_viewer(viewer->guest, viewer);
        return;
    }
    guest_pump_viewers(viewer->guest);
}

struct viewer *viewer_new(struct loop *loop, struct guest *guest, int fd, bool is_terminal)
{
    struct viewer *viewer = calloc(1, sizeof(*viewer));

    if (viewer) {
        viewer->guest = guest;
        viewer->fd = fd;
        viewer->is_terminal = is_terminal;
        viewer->handle = loop_add(loop, fd, 0, on_ready, viewer);
        if (viewer->handle)
            return viewer;
    }
    free(viewer);
    close(fd);
    return NULL;
}

void viewer_free(struct viewer *viewer)
{
    loop_remove(viewer->handle);
    close(viewer->fd);
    free(viewer);
}

bool viewer_flush(struct viewer *viewer, const struct backlog *backlog)
{
    const char *bytes;
    size_t len;

    while ((len = backlog_peek(backlog, &viewer->position, &bytes)) > 0) {
        ssize_t n = write(viewer->fd, bytes, len);

        if (n < 0)
            return viewer->is_terminal || errno == EAGAIN || errno == EINTR;
        viewer->position += (uint64_t)n;
    }
    return true;
}

bool viewer_done(const struct viewer *viewer, const struct backlog *backlog)
{
    return viewer->is_terminal || viewer->position == backlog->end;
}

void viewer_update(struct viewer *viewer, const struct backlog *backlog, bool guest_takes_input)
{
    uint32_t events = (guest_takes_input ? EPOLLIN : 0) | (viewer->position < backlog->end ? EPOLLOUT : 0);

    loop_set_events(viewer->handle, events);
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "dom0/backends/console/console_paths.h"
#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

#define ESCAPE_BYTE        0x1d /* ^] */
#define CONSOLE_TIMEOUT_MS 5000
#define LIMIT_BYTES        "1048576" /* libxl's; a console daemon may keep that much for a viewer */

struct console_nodes {
    uint32_t domid, port;
    uint64_t mfn;
};

static int nodes_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct console_nodes *c = arg;
    /* dom0's: a guest that could write `tty` could point an operator's terminal at any file. */
    const struct xsc_perm perms[] = {{0, 'n'}, {c->domid, 'r'}};
    char dir[64], path[96];

    snprintf(dir, sizeof(dir), "/local/domain/%u/console", c->domid);
    if (xsc_mkdir(xs, tx, dir) != 0 || xsc_set_perms(xs, tx, dir, perms, 2) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/ring-ref", dir);
    if (xsc_printf(xs, tx, path, "%" PRIu64, c->mfn) != 0)
        return -1;
    snprintf(path, sizeof(path), "%s/port", dir);
    if (xsc_printf(xs, tx, path, "%u", c->port) != 0)
        return -1;
    return xsc_writef(xs, tx, LIMIT_BYTES, "%s/limit", dir) == 0 &&
                   xsc_writef(xs, tx, "xenconsoled", "%s/type", dir) == 0 &&
                   xsc_writef(xs, tx, "pty", "%s/output", dir) == 0 &&
                   xsc_writef(xs, tx, "", "%s/tty", dir) == 0
               ? 0
               : -1;
}

int console_write_nodes(struct toolstack *ts, uint32_t domid, uint64_t console_mfn, uint32_t port)
{
    struct console_nodes c = {.domid = domid, .port = port, .mfn = console_mfn};

    if (xsc_transact(ts->xs, nodes_body, &c) == 0)
        return 0;
    report_error("domain %u: nodes of its console: %s", domid, strerror(errno));
    return -1;
}

/* The terminal's path once a daemon has written it; malloc'd, NULL after a report. */
static char *wait_tty(struct toolstack *ts, uint32_t domid)
{
    int64_t deadline = device_now_ms() + CONSOLE_TIMEOUT_MS;
    char path[64], *tty = NULL;

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", domid);
    if (xsc_watch(ts->xs, path, "console-tty") != 0) {
        report_error("console: domain %u: %s", domid, strerror(errno));
        return NULL;
    }
    for (;;) {
        int64_t left = deadline - device_now_ms();

        free(tty);
        tty = xsc_read(ts->xs, XSC_NO_TX, path, NULL);
        if (tty && *tty)
            break;
        if (left <= 0) {
            report_error("console: domain %u has no terminal (is hospes-consoled running?)", domid);
            free(tty);
            tty = NULL;
            break;
        }
        free(xsc_wait_watch(ts->xs, (int)left));
    }
    xsc_unwatch(ts->xs, path, "console-tty");
    return tty;
}

static int connect_socket(uint32_t domid)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    snprintf(addr.sun_path, sizeof(addr.sun_path), CONSOLE_SOCKET_DIR "/%u", domid);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Our daemon's socket, or the pseudo-terminal of whatever daemon serves the guest. */
int console_open(struct toolstack *ts, uint32_t domid)
{
    char *tty = wait_tty(ts, domid);
    int fd;

    if (!tty)
        return -1;
    fd = connect_socket(domid);
    if (fd < 0)
        fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        report_error("console: domain %u: %s: %s", domid, tty, strerror(errno));
    else
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    free(tty);
    return fd;
}

static volatile sig_atomic_t told_to_stop;

static void on_signal(int sig)
{
    (void)sig;
    told_to_stop = 1;
}

/* What was typed and is not yet with the daemon: a guest that does not read must not keep ^] from us. */
struct typed {
    char bytes[4096];
    size_t len;
};

/* False when the operator wants to leave. */
static bool read_keys(struct typed *typed, bool *stdin_open)
{
    char *start = typed->bytes + typed->len;
    ssize_t got = read(STDIN_FILENO, start, sizeof(typed->bytes) - typed->len);
    char *escape;

    if (got <= 0) {
        *stdin_open = got < 0 && (errno == EINTR || errno == EAGAIN);
        return true;
    }
    escape = memchr(start, ESCAPE_BYTE, (size_t)got);
    typed->len += escape ? (size_t)(escape - start) : (size_t)got;
    return !escape;
}

static void send_keys(struct typed *typed, int fd)
{
    ssize_t sent = write(fd, typed->bytes, typed->len);

    if (sent <= 0)
        return;
    typed->len -= (size_t)sent;
    memmove(typed->bytes, typed->bytes + sent, typed->len);
}

/* False at the end of the guest or of our own output. */
static bool show_output(int fd)
{
    char buf[4096];
    ssize_t got = read(fd, buf, sizeof(buf));

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t done = 0; done < got;) {
        ssize_t n = write(STDOUT_FILENO, buf + done, (size_t)(got - done));

        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        done += n > 0 ? n : 0;
    }
    return got > 0;
}

static void relay(int fd)
{
    struct typed typed = {.len = 0};
    bool stdin_open = true;

    while (!told_to_stop) {
        struct pollfd pfds[2] = {
            {.fd = fd, .events = (short)(POLLIN | (typed.len ? POLLOUT : 0))},
            {.fd = stdin_open && typed.len < sizeof(typed.bytes) ? STDIN_FILENO : -1, .events = POLLIN},
        };

        if (poll(pfds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if ((pfds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !show_output(fd))
            return;
        if ((pfds[1].revents & (POLLIN | POLLHUP)) && !read_keys(&typed, &stdin_open)) {
            send_keys(&typed, fd);
            return;
        }
        if (typed.len)
            send_keys(&typed, fd);
    }
}

void console_join(int fd)
{
    struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    struct termios saved, raw;
    bool terminal;

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    terminal = tcgetattr(STDIN_FILENO, &saved) == 0;
    if (terminal) {
        raw = saved;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    relay(fd);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    close(fd);
}

int cmd_console(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;
    int fd;

    if (argc != 2)
        return cmd_usage(argv);
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (domid == 0) {
        report_error("console: domain 0 is this one");
        return EXIT_FAILURE;
    }
    fd = console_open(ts, domid);
    if (fd < 0)
        return EXIT_FAILURE;
    console_join(fd);
    return EXIT_SUCCESS;
}

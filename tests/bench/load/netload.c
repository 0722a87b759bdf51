/* SPDX-License-Identifier: MIT */
/*
 * Load for a network path.
 *
 *   netload serve                       answers all of the below; datagrams to port 5005 are sent back
 *   netload send HOST SECONDS           TCP to HOST: "netload: BYTES_PER_SECOND"
 *   netload recv HOST SECONDS           TCP from HOST, likewise
 *   netload pingpong HOST SECONDS       one byte there and back by TCP: "netload: ROUND_TRIPS_PER_SECOND"
 *   netload udp HOST SECONDS SIZE       datagrams that arrived: "netload: DATAGRAMS_PER_SECOND"
 *
 * Any error ends it with status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PORT_SINK = 5001, PORT_SOURCE, PORT_ECHO, PORT_UDP, PORT_UDP_ECHO };

#define CHUNK     65536u
#define UDP_QUERY "how many?" /* a datagram with this asks for the count, and sets it to zero */

static char chunk[CHUNK];

static void fail(const char *what)
{
    fprintf(stderr, "netload: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        errno = EINVAL;
        fail(host);
    }
    return a;
}

/* --- the side that serves: one process a connection --- */

static void serve_connection(int fd, int port)
{
    ssize_t n;

    while (port != PORT_SOURCE && (n = read(fd, chunk, port == PORT_ECHO ? 1 : CHUNK)) > 0)
        if (port == PORT_ECHO && write(fd, chunk, (size_t)n) != n)
            break;
    while (port == PORT_SOURCE && write(fd, chunk, CHUNK) > 0)
        ;
    _exit(EXIT_SUCCESS);
}

static int listener(int type, int port)
{
    struct sockaddr_in a = address("0.0.0.0", port);
    int fd = socket(AF_INET, type, 0), on = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || (type == SOCK_STREAM && listen(fd, 8) != 0))
        fail("listen");
    return fd;
}

static void accept_on(int fd, int port)
{
    int on = 1, peer = accept(fd, NULL, NULL);

    if (peer < 0)
        return;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (fork() == 0)
        serve_connection(peer, port);
    close(peer);
}

static void serve_udp(int fd)
{
    struct sockaddr_in from;
    uint64_t count = 0;

    for (;;) {
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(fd, chunk, CHUNK, 0, (struct sockaddr *)&from, &len);

        if (n == sizeof(UDP_QUERY) && memcmp(chunk, UDP_QUERY, sizeof(UDP_QUERY)) == 0) {
            sendto(fd, &count, sizeof(count), 0, (struct sockaddr *)&from, len);
            count = 0;
        } else if (n >= 0) {
            count++;
        }
    }
}

static void serve_udp_echo(int fd)
{
    struct sockaddr_in from;

    for (;;) {
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(fd, chunk, CHUNK, 0, (struct sockaddr *)&from, &len);

        if (n >= 0)
            sendto(fd, chunk, (size_t)n, 0, (struct sockaddr *)&from, len);
    }
}

static void serve(void)
{
    struct pollfd fds[3];
    int udp = listener(SOCK_DGRAM, PORT_UDP), udp_echo = listener(SOCK_DGRAM, PORT_UDP_ECHO);

    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 3; i++)
        fds[i] = (struct pollfd){listener(SOCK_STREAM, PORT_SINK + i), POLLIN, 0};
    if (fork() == 0)
        serve_udp(udp);
    if (fork() == 0)
        serve_udp_echo(udp_echo);
    while (poll(fds, 3, -1) >= 0 || errno == EINTR)
        for (int i = 0; i < 3; i++)
            if (fds[i].revents & POLLIN)
                accept_on(fds[i].fd, PORT_SINK + i);
}

/* --- the side that measures --- */

static int connect_to(const char *host, int port)
{
    struct sockaddr_in a = address(host, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
        fail(host);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* Bytes a second in one direction. The sender's last bytes are still in its buffer: a few in a thousand. */
static double stream(const char *host, int port, double seconds)
{
    int fd = connect_to(host, port);
    double begin = now(), total = 0;

    while (now() - begin < seconds) {
        ssize_t n = port == PORT_SINK ? write(fd, chunk, CHUNK) : read(fd, chunk, CHUNK);

        if (n <= 0)
            fail(host);
        total += (double)n;
    }
    return total / (now() - begin);
}

static double pingpong(const char *host, double seconds)
{
    int fd = connect_to(host, PORT_ECHO);
    double begin = now(), total = 0;

    for (; now() - begin < seconds; total++)
        if (write(fd, chunk, 1) != 1 || read(fd, chunk, 1) != 1)
            fail(host);
    return total / (now() - begin);
}

static uint64_t udp_count(int fd)
{
    for (int tries = 0; tries < 20; tries++) {
        struct pollfd p = {fd, POLLIN, 0};
        uint64_t count;

        if (send(fd, UDP_QUERY, sizeof(UDP_QUERY), 0) > 0 && poll(&p, 1, 500) > 0 &&
            recv(fd, &count, sizeof(count), 0) == sizeof(count))
            return count;
    }
    errno = ETIMEDOUT;
    fail("no count");
    return 0;
}

static double udp(const char *host, double seconds, size_t size)
{
    struct sockaddr_in a = address(host, PORT_UDP);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    double begin;

    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || size > CHUNK)
        fail(host);
    udp_count(fd);
    begin = now();
    while (now() - begin < seconds)
        if (send(fd, chunk, size, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
            fail(host);
    return (double)udp_count(fd) / (now() - begin);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;
    double result;

    if (argc == 2 && strcmp(what, "serve") == 0) {
        serve();
        return EXIT_FAILURE;
    }
    if (argc == 4 && strcmp(what, "send") == 0) {
        result = stream(argv[2], PORT_SINK, seconds);
    } else if (argc == 4 && strcmp(what, "recv") == 0) {
        result = stream(argv[2], PORT_SOURCE, seconds);
    } else if (argc == 4 && strcmp(what, "pingpong") == 0) {
        result = pingpong(argv[2], seconds);
    } else if (argc == 5 && strcmp(what, "udp") == 0) {
        result = udp(argv[2], seconds, strtoul(argv[4], NULL, 10));
    } else {
        fprintf(stderr, "usage: netload serve | send|recv|pingpong HOST SECONDS | udp HOST SECONDS SIZE\n");
        return EXIT_FAILURE;
    }
    printf("netload: %.0f\n", result);
    return EXIT_SUCCESS;
}

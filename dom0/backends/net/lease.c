/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/lease.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "dom0/backends/net/antispoof.h"
#include "dom0/backends/net/forward.h"

#define HOSTS_DIR    "/run/hospes/net/dhcp-hosts"
#define DNSMASQ_PID  "/run/hospes/net/dnsmasq.pid"
#define DNSMASQ_NAME "dnsmasq"

static void path_of(char path[128], uint32_t domid, uint32_t devid)
{
    snprintf(path, 128, HOSTS_DIR "/vif%" PRIu32 ".%" PRIu32, domid, devid);
}

void net_lease_set(const struct net_device *device)
{
    char path[128], address[16];
    uint8_t mac[6];
    FILE *out;

    net_lease_clear(device->domid, device->devid);
    if (!device->mac || !net_parse_mac(mac, device->mac) || net_forward_address(address, device->ip) != 0)
        return;
    path_of(path, device->domid, device->devid);
    out = fopen(path, "we");
    if (!out)
        return;
    fprintf(out, "%s,%s\n", device->mac, address);
    fclose(out);
}

/* Whether the process is what the pid file meant. */
static bool is_dnsmasq(long pid)
{
    char path[64], name[32] = "";
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    in = fopen(path, "re");
    if (!in)
        return false;
    if (!fgets(name, sizeof(name), in))
        name[0] = '\0';
    fclose(in);
    return strcmp(name, DNSMASQ_NAME "\n") == 0;
}

/* New files it sees by itself, but one that is gone only when it is told. */
static void tell_dnsmasq(void)
{
    FILE *in = fopen(DNSMASQ_PID, "re");
    long pid = 0;

    if (!in)
        return;
    if (fscanf(in, "%ld", &pid) == 1 && pid > 1 && is_dnsmasq(pid))
        kill((pid_t)pid, SIGHUP);
    fclose(in);
}

void net_lease_clear(uint32_t domid, uint32_t devid)
{
    char path[128];

    path_of(path, domid, devid);
    if (unlink(path) == 0)
        tell_dnsmasq();
}

void net_lease_clear_all(void)
{
    DIR *dir = opendir(HOSTS_DIR);
    const struct dirent *file;
    bool any = false;

    if (!dir)
        return;
    while ((file = readdir(dir)))
        any |= strncmp(file->d_name, "vif", 3) == 0 && unlinkat(dirfd(dir), file->d_name, 0) == 0;
    closedir(dir);
    if (any)
        tell_dnsmasq();
}

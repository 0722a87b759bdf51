/* SPDX-License-Identifier: MIT */
/*
 * What becomes of each key: the configuration that a file asks for, and the line that an operator reads when
 * it asks for what cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/xlcfg_device.h"
#include "tests/host/toolstack/capture.h"

/* A kernel and a disk that exist; the parser looks no further. */
#define THERE "/bin/true"
#define BASE  "name = 'g'\nkernel = '" THERE "'\nmemory = 64\n"

static int parse(struct domain_config *cfg, const char *text)
{
    capture_start();
    return domain_config_parse(cfg, "f.cfg", text, strlen(text), NULL, 0);
}

static void test_defaults(void **state)
{
    struct domain_config cfg;
    const uint8_t none[16] = {0};

    (void)state;
    assert_int_equal(parse(&cfg, BASE), 0);
    assert_string_equal(capture_text(), "");
    assert_string_equal(cfg.name, "g");
    assert_string_equal(cfg.cmdline, "");
    assert_null(cfg.ramdisk);
    assert_int_equal(cfg.memory_kib, 65536);
    assert_int_equal(cfg.maxmem_kib, 65536);
    assert_int_equal(cfg.vcpus, 1);
    assert_int_equal(cfg.maxvcpus, 1);
    assert_int_equal(cfg.on_poweroff, ACTION_DESTROY);
    assert_int_equal(cfg.on_reboot, ACTION_RESTART);
    assert_int_equal(cfg.on_crash, ACTION_DESTROY);
    assert_int_equal(cfg.max_event_channels, 1023);
    assert_memory_not_equal(cfg.uuid, none, 16);
    domain_config_free(&cfg);
}

static void test_everything(void **state)
{
    struct domain_config cfg;
    static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                     0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

    (void)state;
    assert_int_equal(parse(&cfg, BASE
                           "type = 'pv'\nbuilder = 'generic'\nramdisk = '" THERE "'\n"
                           "uuid = '01234567-89AB-cdef-0123-456789abcdef'\n"
                           "root = '/dev/xvda ro'\nextra = 'quiet'\nmaxmem = 128\n"
                           "vcpus = 2\nmaxvcpus = '4'\ncpus = '0-2,^1'\ncpu_weight = 512\ncap = 50\n"
                           "tsc_mode = 'default'\nmax_grant_version = 1\npool = 'Pool-0'\n"
                           "on_poweroff = 'preserve'\non_crash = 'restart'\non_reboot = 'rename-restart'\n"
                           "pci = []\nvfb = []\nlocaltime = 0\n"),
                     0);
    assert_string_equal(capture_text(), "");
    assert_memory_equal(cfg.uuid, uuid, 16);
    assert_string_equal(cfg.cmdline, "root=/dev/xvda ro quiet");
    assert_int_equal(cfg.maxmem_kib, 131072);
    assert_int_equal(cfg.vcpus, 2);
    assert_int_equal(cfg.maxvcpus, 4);
    assert_int_equal(cfg.affinity[0], 5);
    assert_int_equal(cfg.cpu_weight, 512);
    assert_true(cfg.cpu_cap_set);
    assert_int_equal(cfg.cpu_cap, 50);
    assert_int_equal(cfg.tsc, TSC_DEFAULT);
    assert_int_equal(cfg.on_poweroff, ACTION_PRESERVE);
    assert_int_equal(cfg.on_crash, ACTION_RESTART);
    assert_int_equal(cfg.on_reboot, ACTION_RENAME_RESTART);
    domain_config_free(&cfg);
}

static void test_warnings(void **state)
{
    struct domain_config cfg;

    (void)state;
    assert_int_equal(parse(&cfg, BASE "memroy = 3\nvnc = 1\ncmdline = 'a'\nextra = 'b'\n"), 0);
    assert_string_equal(cfg.cmdline, "a");
    assert_string_equal(capture_text(),
                        "hospes: f.cfg:4: warning: unknown key memroy is ignored\n"
                        "hospes: f.cfg:5: warning: vnc has no meaning for a PV guest and is ignored\n"
                        "hospes: f.cfg:6: warning: cmdline is used, root and extra are ignored\n");
    domain_config_free(&cfg);
}

static void test_golden_errors(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "hospes: f.cfg: no name is given\n"},
        {"name = 'g'\n", "hospes: f.cfg: no memory is given\n"},
        {"name = 'g'\nmemory = 1\n", "hospes: f.cfg: no kernel is given\n"},
        {BASE "type = 'hvm'\n", "hospes: f.cfg:4: type: only PV guests exist here (type = \"pv\")\n"},
        {BASE "builder = 'hvm'\n", "hospes: f.cfg:4: builder: only PV guests exist here\n"},
        {BASE "pci = ['00:1f.0']\n", "hospes: f.cfg:4: pci is not supported\n"},
        {BASE "vfb = ['vnc=1']\n", "hospes: f.cfg:4: vfb is not supported\n"},
        {BASE "bootloader = 'pygrub'\n", "hospes: f.cfg:4: bootloader is not supported\n"},
        {BASE "localtime = 1\n", "hospes: f.cfg:4: localtime is not supported\n"},
        {BASE "memory = '64M'\n", "hospes: f.cfg:4: memory: \"64M\" is not a number\n"},
        {BASE "memory = 0\n", "hospes: f.cfg:4: memory: 0 is not in the range 1 to 16777216\n"},
        {BASE "memory = 99999999999999999999\n",
         "hospes: f.cfg:4: memory: 99999999999999999999 is not in the range 1 to 16777216\n"},
        {BASE "maxmem = 63\n", "hospes: f.cfg:4: maxmem: less than memory\n"},
        {BASE "vcpus = 3\nmaxvcpus = 2\n", "hospes: f.cfg:5: maxvcpus: less than vcpus\n"},
        {BASE "vcpus = [1]\n", "hospes: f.cfg:4: vcpus: expected a string, found a list\n"},
        {BASE "kernel = '/nonexistent/k'\n",
         "hospes: f.cfg:4: kernel: /nonexistent/k: No such file or directory\n"},
        {BASE "ramdisk = '/tmp'\n", "hospes: f.cfg:4: ramdisk: /tmp: not a regular file\n"},
        {BASE "name = '12'\n", "hospes: f.cfg:4: name: " DOMAIN_NAME_RULE "\n"},
        {BASE "name = 'a b'\n", "hospes: f.cfg:4: name: " DOMAIN_NAME_RULE "\n"},
        {BASE "name = '../x'\n", "hospes: f.cfg:4: name: " DOMAIN_NAME_RULE "\n"},
        {BASE "uuid = '1234'\n",
         "hospes: f.cfg:4: uuid: not a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)\n"},
        {BASE "on_crash = 'pray'\n",
         "hospes: f.cfg:4: on_crash: is one of destroy, restart, rename-restart, preserve\n"},
        {BASE "on_crash = 'coredump-destroy'\n", "hospes: f.cfg:4: on_crash: there are no core dumps; "
                                                 "destroy, restart, rename-restart and preserve exist\n"},
        {BASE "cpus = 'x'\n", "hospes: f.cfg:4: cpus: not a set of CPUs like \"0-3,^1\"\n"},
        {BASE "tsc_mode = 'odd'\n", "hospes: f.cfg:4: tsc_mode: is one of default, always_emulate, native\n"},
        {BASE "disk = 'x'\n", "hospes: f.cfg:4: disk: expected a list of strings: [ '...', '...' ]\n"},
        {BASE "disk = [ 1 ]\n", "hospes: f.cfg:4: disk: item 1 of the list is not a string\n"},
        {BASE "disk = [ '/nonexistent,raw,xvda' ]\n",
         "hospes: f.cfg:4: disk: /nonexistent: No such file or directory\n"},
        {BASE "disk = [ '/tmp,raw,xvda' ]\n",
         "hospes: f.cfg:4: disk: /tmp: neither a file nor a block device\n"},
        {BASE "disk = [ '" THERE ",raw,xvda,ro',\n '/bin/false,raw,xvda' ]\n",
         "hospes: f.cfg:5: disk: xvda is there twice\n"},
        {BASE "disk = [ '" THERE ",raw,xvda',\n '" THERE ",raw,xvdb,ro' ]\n",
         "hospes: f.cfg:5: disk: " THERE " is used twice and not read-only\n"},
        {BASE "vif = [ 'bridge' ]\n", "hospes: f.cfg:4: vif: not KEY=VALUE: bridge\n"},
    };
    struct domain_config cfg;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse(&cfg, cases[i].text), -1);
        assert_string_equal(capture_text(), cases[i].message);
        domain_config_free(&cfg);
    }
}

static void test_long_cmdline(void **state)
{
    struct domain_config cfg;
    char text[2048], words[1100];

    (void)state;
    memset(words, 'a', sizeof(words));
    words[1023] = '\0';
    snprintf(text, sizeof(text), BASE "extra = '%s'\n", words);
    assert_int_equal(parse(&cfg, text), 0);
    domain_config_free(&cfg);
    words[1023] = 'a';
    words[1024] = '\0';
    snprintf(text, sizeof(text), BASE "extra = '%s'\n", words);
    assert_int_equal(parse(&cfg, text), -1);
    assert_string_equal(
        capture_text(),
        "hospes: f.cfg:4: extra: the guest's command line has 1024 bytes, at most 1023 fit\n");
}

static void test_relative_path(void **state)
{
    struct domain_config cfg;
    char cwd[256];

    (void)state;
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir("/usr/bin"), 0);
    assert_int_equal(parse(&cfg, BASE "kernel = 'true'\nramdisk = '../bin/true'\n"), 0);
    assert_string_equal(cfg.kernel, "/usr/bin/true");
    assert_string_equal(cfg.ramdisk, "/usr/bin/../bin/true");
    domain_config_free(&cfg);
    assert_int_equal(chdir(cwd), 0);
}

static void test_missing_file(void **state)
{
    struct domain_config cfg;

    (void)state;
    capture_start();
    assert_int_equal(domain_config_load(&cfg, "/nonexistent/g.cfg", NULL, 0), -1);
    assert_string_equal(capture_text(), "hospes: /nonexistent/g.cfg: No such file or directory\n");
}

static void test_disk_forms(void **state)
{
    static const struct {
        const char *spec, *target, *vdev;
        uint32_t devid;
        bool readonly, cdrom;
    } cases[] = {
        {"phy:/dev/x,xvda,w", "/dev/x", "xvda", 51712, false, false},
        {"file:/a b.img,xvdb1,r", "/a b.img", "xvdb1", 51729, true, false},
        {"tap:aio:/x,sda,w", "/x", "sda", 2048, false, false},
        {"/x,raw,xvdc,rw", "/x", "xvdc", 51744, false, false},
        {"/x,,hdc,ro", "/x", "hdc", 5632, true, false},
        {"/x,raw,xvda", "/x", "xvda", 51712, false, false},
        {"/x, raw, hda, cdrom", "/x", "hda", 768, true, true},
        {"file:/x,hdd:cdrom,r", "/x", "hdd", 5696, true, true},
        {"format=raw, vdev=xvda, access=rw, target=/path,with=comma", "/path,with=comma", "xvda", 51712,
         false, false},
        {"vdev=xvdq,access=ro,target=/x", "/x", "xvdq", 1 << 28 | 16 << 8, true, false},
        {"vdev=xvdaa16,backendtype=phy,target=/x", "/x", "xvdaa16", 1 << 28 | 26 << 8 | 16, false, false},
        {"backend=Domain-0,vdev=xvda,ro,discard,direct-io-safe,target=/x", "/x", "xvda", 51712, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct disk_config disk;

        capture_start();
        if (xlcfg_parse_disk("f", 1, cases[i].spec, &disk) != 0)
            fail_msg("%s: %s", cases[i].spec, capture_text());
        assert_string_equal(disk.target, cases[i].target);
        assert_string_equal(disk.vdev, cases[i].vdev);
        assert_int_equal(disk.devid, cases[i].devid);
        assert_int_equal(disk.readonly, cases[i].readonly);
        assert_int_equal(disk.cdrom, cases[i].cdrom);
        disk_config_free(&disk);
    }
}

static void test_disk_errors(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        {"", "hospes: f:9: disk: the name of the disk (vdev=xvda) is missing in: \n"},
        {"/x", "hospes: f:9: disk: the name of the disk (vdev=xvda) is missing in: /x\n"},
        {"/x,xvda,w", "hospes: f:9: disk: unknown format: xvda\n"},
        {"x,raw,xvda", "hospes: f:9: disk: the target is not an absolute path: x\n"},
        {"/x,vhd,xvda", "hospes: f:9: disk: the formats raw and qcow2 are served here, not: vhd\n"},
        {"/x,qcow2,xvda,backendtype=phy",
         "hospes: f:9: disk: xvda: the format qcow2 needs backendtype=hospes or qdisk\n"},
        {"vdev=xvda,backendtype=linux,limit-iops=5,target=/x",
         "hospes: f:9: disk: xvda: limit-iops and limit-bytes need backendtype=hospes\n"},
        {"vdev=xvda,limit-iops=5k,target=/x",
         "hospes: f:9: disk: limit-iops is a number of requests a second, not: 5k\n"},
        {"vdev=xvda,limit-bytes=fast,target=/x",
         "hospes: f:9: disk: limit-bytes is a number of bytes a second, like 1000000 or 20m, not: fast\n"},
        {"vdev=xvda,backendtype=fast,target=/x", "hospes: f:9: disk: unknown backendtype: fast\n"},
        {"/x,raw,zz", "hospes: f:9: disk: no name of a disk (xvda, xvdb1, sda, hda, ...): zz\n"},
        {"/x,raw,xvda256", "hospes: f:9: disk: no name of a disk (xvda, xvdb1, sda, hda, ...): xvda256\n"},
        {"/x,raw,hde", "hospes: f:9: disk: no name of a disk (xvda, xvdb1, sda, hda, ...): hde\n"},
        {"/x,raw,xvda,maybe", "hospes: f:9: disk: access is one of r, ro, w, rw, not: maybe\n"},
        {"/x,raw,xvda,w,more", "hospes: f:9: disk: one word too many: more\n"},
        {"vdev=xvda,color=red,target=/x", "hospes: f:9: disk: unknown parameter: color\n"},
        {"vdev=xvda,backendtype=tap,target=/x",
         "hospes: f:9: disk: this backendtype does not exist here: tap\n"},
        {"vdev=xvda,backendtype=qdisk,limit-iops=1,target=/x",
         "hospes: f:9: disk: xvda: limit-iops and limit-bytes need backendtype=hospes\n"},
        {"vdev=xvda,backend=dd,target=/x",
         "hospes: f:9: disk: disks are served by Domain-0 only, not by: dd\n"},
        {"vdev=hdc,cdrom", "hospes: f:9: disk: the target is missing in: vdev=hdc,cdrom\n"},
        {"nbd:h:1,xvda,w", "hospes: f:9: disk: this kind of target is not served here: nbd:h:1\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct disk_config disk;

        capture_start();
        assert_int_equal(xlcfg_parse_disk("f", 9, cases[i].spec, &disk), -1);
        assert_string_equal(capture_text(), cases[i].message);
        disk_config_free(&disk);
    }
}

static void test_vif(void **state)
{
    static const uint8_t mac[6] = {0x00, 0x16, 0x3e, 0x01, 0x02, 0xff};
    struct vif_config vif;

    (void)state;
    capture_start();
    assert_int_equal(
        xlcfg_parse_vif("f", 1,
                        " mac=00:16:3e:01:02:FF , bridge=br0,vifname=web0,ip=10.0.0.2 10.0.0.3,mtu=9000,"
                        "rate=10Mb/s@20ms,type=vif",
                        &vif),
        0);
    assert_string_equal(capture_text(), "");
    assert_memory_equal(vif.mac, mac, 6);
    assert_string_equal(vif.bridge, "br0");
    assert_string_equal(vif.vifname, "web0");
    assert_string_equal(vif.ip, "10.0.0.2 10.0.0.3");
    assert_int_equal(vif.mtu, 9000);
    assert_int_equal(vif.rate_bytes, 25000);
    assert_int_equal(vif.rate_usecs, 20000);
    vif_config_free(&vif);
    assert_int_equal(xlcfg_parse_vif("f", 1, "", &vif), 0);
    assert_memory_equal(vif.mac, mac, 3);
    assert_true(vif.mac[3] < 0x80);
    vif_config_free(&vif);
}

static void test_disk_backends(void **state)
{
    static const struct {
        const char *spec;
        enum disk_backend backend;
        enum disk_format format;
        uint64_t iops, bytes;
    } cases[] = {
        {"/x,raw,xvda,w", DISK_BACKEND_LINUX, DISK_FORMAT_RAW, 0, 0},
        {"/x,raw,xvda,w,backendtype=linux", DISK_BACKEND_LINUX, DISK_FORMAT_RAW, 0, 0},
        {"/x,raw,xvda,w,backendtype=phy", DISK_BACKEND_LINUX, DISK_FORMAT_RAW, 0, 0},
        {"/x,raw,xvda,w,backendtype=hospes", DISK_BACKEND_HOSPES, DISK_FORMAT_RAW, 0, 0},
        {"/x,qcow2,xvda,w", DISK_BACKEND_HOSPES, DISK_FORMAT_QCOW2, 0, 0},
        {"qcow2:/x,xvda,w", DISK_BACKEND_HOSPES, DISK_FORMAT_QCOW2, 0, 0},
        {"/x,raw,xvda,w,backendtype=qdisk", DISK_BACKEND_QDISK, DISK_FORMAT_RAW, 0, 0},
        {"/x,qcow2,xvda,w,backendtype=qdisk", DISK_BACKEND_QDISK, DISK_FORMAT_QCOW2, 0, 0},
        {"format=qcow2,vdev=xvda,target=/x", DISK_BACKEND_HOSPES, DISK_FORMAT_QCOW2, 0, 0},
        {"vdev=xvda,limit-iops=100,limit-bytes=20m,target=/x", DISK_BACKEND_HOSPES, DISK_FORMAT_RAW, 100,
         20 << 20},
        {"vdev=xvda,limit-bytes=4096,target=/x", DISK_BACKEND_HOSPES, DISK_FORMAT_RAW, 0, 4096},
        {"vdev=xvda,limit-iops=0,target=/x", DISK_BACKEND_LINUX, DISK_FORMAT_RAW, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct disk_config disk;

        capture_start();
        if (xlcfg_parse_disk("f", 1, cases[i].spec, &disk) != 0)
            fail_msg("%s: %s", cases[i].spec, capture_text());
        assert_int_equal(disk.backend, cases[i].backend);
        assert_int_equal(disk.format, cases[i].format);
        assert_int_equal(disk.limit_iops, cases[i].iops);
        assert_int_equal(disk.limit_bytes, cases[i].bytes);
        disk_config_free(&disk);
    }
}

static void test_limits(void **state)
{
    static const char *const bad[] = {"", "-1", "x", "1x", "1kk", " 1", "99999999999999999999", "2000000g"};
    uint64_t limit;

    (void)state;
    assert_true(xlcfg_parse_limit("0", false, &limit));
    assert_int_equal(limit, 0);
    assert_true(xlcfg_parse_limit("3K", true, &limit));
    assert_int_equal(limit, 3072);
    assert_true(xlcfg_parse_limit("1g", true, &limit));
    assert_int_equal(limit, 1 << 30);
    assert_false(xlcfg_parse_limit("3k", false, &limit));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(xlcfg_parse_limit(bad[i], true, &limit));
}

static void test_vif_backends(void **state)
{
    struct vif_config vif;

    (void)state;
    capture_start();
    assert_int_equal(xlcfg_parse_vif("f", 1, "bridge=br0", &vif), 0);
    assert_int_equal(vif.backend, VIF_BACKEND_LINUX);
    vif_config_free(&vif);
    assert_int_equal(xlcfg_parse_vif("f", 1, "backendtype=hospes,antispoof=1,queues=16", &vif), 0);
    assert_int_equal(vif.backend, VIF_BACKEND_HOSPES);
    assert_true(vif.antispoof);
    assert_int_equal(vif.queues, 16);
    vif_config_free(&vif);
    assert_int_equal(
        xlcfg_parse_vif("f", 1, "forward=tcp:8080:80,forward=udp:53:5353,ip=10.0.5.2 10.0.5.3", &vif), 0);
    assert_int_equal(vif.backend, VIF_BACKEND_HOSPES);
    assert_string_equal(vif.forward, "tcp:8080:80 udp:53:5353");
    vif_config_free(&vif);
    assert_string_equal(capture_text(), "");
}

static void test_vif_errors(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        {"mac=00:16:3e", "hospes: f:9: vif: not a MAC address: 00:16:3e\n"},
        {"mac=01:16:3e:00:00:00",
         "hospes: f:9: vif: a group address cannot be a card's: 01:16:3e:00:00:00\n"},
        {"mac=00:16:3e:00:0:000", "hospes: f:9: vif: not a MAC address: 00:16:3e:00:0:000\n"},
        {"bridge=a/b", "hospes: f:9: vif: not a name for a network interface: a/b\n"},
        {"vifname=sixteen-letters-x",
         "hospes: f:9: vif: not a name for a network interface: sixteen-letters-x\n"},
        {"type=ioemu", "hospes: f:9: vif: a PV guest has no emulated card: type: ioemu\n"},
        {"rate=fast", "hospes: f:9: vif: not a rate like 10Mb/s or 250KB/s@20ms: fast\n"},
        {"mtu=10", "hospes: f:9: vif: mtu is 68 to 65535, not: 10\n"},
        {"backendtype=phy", "hospes: f:9: vif: backendtype is linux or hospes, not: phy\n"},
        {"antispoof=yes", "hospes: f:9: vif: antispoof is 0 or 1, not: yes\n"},
        {"queues=0", "hospes: f:9: vif: queues is 1 to 16, not: 0\n"},
        {"queues=17", "hospes: f:9: vif: queues is 1 to 16, not: 17\n"},
        {"forward=80:80",
         "hospes: f:9: vif: forward is tcp:PORT:GUEST-PORT or udp:PORT:GUEST-PORT, not: 80:80\n"},
        {"forward=tcp:80:",
         "hospes: f:9: vif: forward is tcp:PORT:GUEST-PORT or udp:PORT:GUEST-PORT, not: tcp:80:\n"},
        {"forward=udp:65536:1",
         "hospes: f:9: vif: forward is tcp:PORT:GUEST-PORT or udp:PORT:GUEST-PORT, not: udp:65536:1\n"},
        {"forward=tcp:80:80", "hospes: f:9: vif: forward needs the guest's address (ip=10.0.5.2)\n"},
        {"forward=tcp:80:80,ip=fe80::1",
         "hospes: f:9: vif: forward needs the guest's address (ip=10.0.5.2)\n"},
        {"backendtype=linux,queues=2", "hospes: f:9: vif: queues needs backendtype=hospes\n"},
        {"backendtype=linux,antispoof=1", "hospes: f:9: vif: antispoof needs backendtype=hospes\n"},
        {"backend=dd", "hospes: f:9: vif: cards are served by Domain-0 only, not by: dd\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vif_config vif;

        capture_start();
        assert_int_equal(xlcfg_parse_vif("f", 9, cases[i].spec, &vif), -1);
        assert_string_equal(capture_text(), cases[i].message);
        vif_config_free(&vif);
    }
}

static void test_rates(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
        uint32_t usecs;
    } good[] = {
        {"1000000B/s", 50000, 50000},  {"8Mb/s", 50000, 50000},   {"1GB/s@1s", 1000000000, 1000000},
        {"250KB/s@20ms", 5000, 20000}, {"1MB/s@100us", 100, 100},
    };
    static const char *const bad[] = {"",           "10",       "10M",  "Mb/s",  "10Mb",
                                      "10Mb/s@",    "10Mb/s@x", "0B/s", "-1B/s", "99999999999999999999GB/s",
                                      "10Mb/s@11s", "10Mb/sec"};
    uint64_t bytes;
    uint32_t usecs;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(xlcfg_parse_rate(good[i].text, &bytes, &usecs));
        assert_int_equal(bytes, good[i].bytes);
        assert_int_equal(usecs, good[i].usecs);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(xlcfg_parse_rate(bad[i], &bytes, &usecs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_everything),
        cmocka_unit_test(test_warnings),      cmocka_unit_test(test_golden_errors),
        cmocka_unit_test(test_long_cmdline),  cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_relative_path), cmocka_unit_test(test_disk_forms),
        cmocka_unit_test(test_disk_errors),   cmocka_unit_test(test_vif),
        cmocka_unit_test(test_vif_errors),    cmocka_unit_test(test_rates),
        cmocka_unit_test(test_disk_backends), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_vif_backends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

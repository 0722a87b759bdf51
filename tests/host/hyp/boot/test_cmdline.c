/* SPDX-License-Identifier: MIT */
/* Claim: Xen's options set what they set there; an unknown or senseless one costs one warning line and
 * nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot/protocol.h"
#include "lib/printk.h"
#include "machine.h"

static struct boot_options parse(const char *text, unsigned messages)
{
    struct boot_options opt;
    char *copy = strdup(text);

    machine_reset();
    cmdline_parse(&opt, copy);
    free(copy);
    assert_int_equal(machine_messages, messages);
    return opt;
}

static void test_defaults(void **state)
{
    struct boot_options opt = parse("", 0);

    (void)state;
    assert_string_equal(opt.console, "com1,vga");
    assert_string_equal(opt.com1, "115200");
    assert_int_equal(opt.loglvl, LOG_INFO);
    assert_true(opt.smep && opt.smap && !opt.noreboot && !opt.nosmp);
    assert_true(!opt.dom0_mem && !opt.dom0_mem_max && !opt.dom0_mem_keep && !opt.maxcpus);
}

static void test_values(void **state)
{
    struct boot_options opt =
        parse("  console=com2,vga com1=9600,8n1\tcom2=115200,8n1,0x2f8,3 loglvl=all/warning  "
              "guest_loglvl=none maxcpus=3 dom0_max_vcpus=1-4 noreboot sync_console ",
              0);

    (void)state;
    assert_string_equal(opt.console, "com2,vga");
    assert_string_equal(opt.com1, "9600,8n1");
    assert_string_equal(opt.com2, "115200,8n1,0x2f8,3");
    assert_int_equal(opt.loglvl, LOG_DEBUG);
    assert_int_equal(opt.guest_loglvl, -1);
    assert_int_equal(opt.maxcpus, 3);
    assert_int_equal(opt.dom0_max_vcpus, 4);
    assert_true(opt.noreboot);
}

static void test_dom0_mem(void **state)
{
    struct boot_options opt = parse("dom0_mem=512M", 0);

    (void)state;
    assert_true(opt.dom0_mem == 512UL << 20 && !opt.dom0_mem_max);
    opt = parse("dom0_mem=1048576", 0); /* kilobytes */
    assert_true(opt.dom0_mem == 1UL << 30);
    opt = parse("dom0_mem=1G,max:2G,min:100M", 0);
    assert_true(opt.dom0_mem == 1UL << 30 && opt.dom0_mem_max == 2UL << 30);
    opt = parse("dom0_mem=max:768M", 0);
    assert_true(!opt.dom0_mem && opt.dom0_mem_max == 768UL << 20);
    opt = parse("dom0_mem=-256M", 0);
    assert_true(opt.dom0_mem_keep == 256UL << 20);
    opt = parse("dom0_mem=99999999999T", 0);
    assert_true(opt.dom0_mem == ~0UL);
    parse("dom0_mem=", 1);
    parse("dom0_mem=M", 1);
    parse("dom0_mem=512M,", 1);
    parse("dom0_mem=512Mx", 1);
    parse("dom0_mem=max:", 1);
    parse("dom0_mem", 1);
}

static void test_flags(void **state)
{
    (void)state;
    assert_false(parse("smep=off", 0).smep);
    assert_false(parse("no-smep", 0).smep);
    assert_true(parse("no-smep=0", 0).smep);
    assert_true(parse("noreboot=yes", 0).noreboot);
    assert_false(parse("noreboot=no", 0).noreboot);
    assert_true(parse("smap=maybe", 1).smap);
}

static void test_unknown(void **state)
{
    (void)state;
    parse("placeholder no-real-mode edd=off", 0);
    parse("iommu=on", 1);
    assert_non_null(strstr(machine_last_message, "iommu"));
    parse("ucode=scan cpufreq=xen no-such-thing =x", 4);
    parse("console", 1);
    parse("maxcpus=many maxcpus=99999999999 loglvl=loud", 3);
}

static void test_long_words(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[1999] = '\0';
    parse(text, 1);
    memcpy(text, "console=", 8);
    text[200] = '\0';
    assert_string_equal(parse(text, 1).console, "com1,vga");
}

static void test_noise(void **state)
{
    static const char letters[] = "abcom1dom0_mem=,:-/ \t9xMGno";

    (void)state;
    srandom(5);
    for (unsigned round = 0; round < 20000; round++) {
        char text[200];
        size_t n = (size_t)random() % sizeof(text);
        struct boot_options opt;

        for (size_t i = 0; i < n; i++)
            text[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
        char *copy = malloc(n + 1);
        memcpy(copy, text, n);
        copy[n] = '\0';
        cmdline_parse(&opt, copy);
        free(copy);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),  cmocka_unit_test(test_dom0_mem),
        cmocka_unit_test(test_flags),    cmocka_unit_test(test_unknown), cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}

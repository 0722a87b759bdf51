/* SPDX-License-Identifier: MIT */
/*
 * xen_version: what the hypervisor says of itself. Toolstacks and kernels choose their behaviour by
 * these answers, and version (0) is the call that kernels use to have pending events delivered.
 */
#include "tests/abi/lib/abi.h"

CLAIM(version, "version is 4.17")
{
    EXPECT_EQ(hv_xen_version(XENVER_version, NULL), 4 << 16 | 17);
}

CLAIM(extraversion, "extraversion is a terminated string; a bad pointer is EFAULT")
{
    xen_extraversion_t s;

    memset(s, 'x', sizeof(s));
    EXPECT_EQ(hv_xen_version(XENVER_extraversion, s), 0);
    EXPECT(strnlen(s, sizeof(s)) < sizeof(s));
    EXPECT_EQ(hv_xen_version(XENVER_extraversion, BAD_PTR), -XEN_EFAULT);
}

CLAIM(compile_info, "compile_info fills four strings; a bad pointer is EFAULT")
{
    struct xen_compile_info info;

    memset(&info, 'x', sizeof(info));
    EXPECT_EQ(hv_xen_version(XENVER_compile_info, &info), 0);
    EXPECT(strnlen(info.compiler, sizeof(info.compiler)) < sizeof(info.compiler));
    EXPECT(strnlen(info.compile_date, sizeof(info.compile_date)) < sizeof(info.compile_date));
    EXPECT_EQ(hv_xen_version(XENVER_compile_info, BAD_PTR), -XEN_EFAULT);
}

CLAIM(capabilities, "capabilities name 64-bit PV guests")
{
    xen_capabilities_info_t caps;

    EXPECT_EQ(hv_xen_version(XENVER_capabilities, caps), 0);
    EXPECT(strstr(caps, "xen-3.0-x86_64") != NULL);
    EXPECT_EQ(hv_xen_version(XENVER_capabilities, BAD_PTR), -XEN_EFAULT);
}

CLAIM(changeset, "changeset is a terminated string")
{
    xen_changeset_info_t s;

    memset(s, 'x', sizeof(s));
    EXPECT_EQ(hv_xen_version(XENVER_changeset, s), 0);
    EXPECT(strnlen(s, sizeof(s)) < sizeof(s));
}

CLAIM(platform_parameters, "virt_start is where the read-only M2P begins")
{
    struct xen_platform_parameters p;

    EXPECT_EQ(hv_xen_version(XENVER_platform_parameters, &p), 0);
    EXPECT_EQ(p.virt_start, HYPERVISOR_VIRT_START);
    EXPECT_EQ(hv_xen_version(XENVER_platform_parameters, BAD_PTR), -XEN_EFAULT);
}

CLAIM(features, "submap 0 of the features of the first domain; other submaps are EINVAL")
{
    struct xen_feature_info f = {.submap_idx = 0};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_xen_version(XENVER_get_features, &f), 0);
    EXPECT(f.submap & 1u << XENFEAT_mmu_pt_update_preserve_ad);
    EXPECT(f.submap & 1u << XENFEAT_highmem_assist);
    EXPECT(f.submap & 1u << XENFEAT_gnttab_map_avail_bits);
    EXPECT(f.submap & 1u << XENFEAT_dom0);
    EXPECT(!(f.submap & 1u << XENFEAT_writable_page_tables));
    EXPECT(!(f.submap & 1u << XENFEAT_writable_descriptor_tables));
    EXPECT(!(f.submap & 1u << XENFEAT_auto_translated_physmap));
    EXPECT(!(f.submap & 1u << XENFEAT_supervisor_mode_kernel));
    f.submap_idx = 1;
    EXPECT_EQ(hv_xen_version(XENVER_get_features, &f), -XEN_EINVAL);
    EXPECT_EQ(hv_xen_version(XENVER_get_features, BAD_PTR), -XEN_EFAULT);
}

CLAIM(pagesize, "pagesize is 4096; it takes no argument, and one is EINVAL")
{
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, &(int){0}), -XEN_EINVAL);
}

CLAIM(guest_handle, "the first domain's handle is all zero")
{
    xen_domain_handle_t h, zero = {0};

    FIRST_DOMAIN_ONLY();
    memset(h, 1, sizeof(h));
    EXPECT_EQ(hv_xen_version(XENVER_guest_handle, h), 0);
    EXPECT_EQ(memcmp(h, zero, sizeof(h)), 0);
}

CLAIM(commandline, "the hypervisor's command line is shown to the first domain")
{
    static xen_commandline_t s;

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_xen_version(XENVER_commandline, s), 0);
    EXPECT(strstr(s, "console=") != NULL);
}

CLAIM(build_id, "build_id returns a length, or says that there is none")
{
    long n = hv_xen_version(XENVER_build_id, NULL);

    FIRST_DOMAIN_ONLY();
    EXPECT(n > 0 || n == -XEN_ENODATA);
}

CLAIM(unknown, "an unknown sub-operation is ENOSYS")
{
    EXPECT_EQ(hv_xen_version(11, NULL), -XEN_ENOSYS);
    EXPECT_EQ(hv_xen_version(-1, NULL), -XEN_ENOSYS);
}

CLAIM(kernel_pointer, "a pointer into the hypervisor's range is EFAULT")
{
    EXPECT_EQ(hv_xen_version(XENVER_extraversion, HV_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_xen_version(XENVER_extraversion, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
}

CLAIM(read_only_pointer, "an output pointer into a page mapped read-only is EFAULT")
{
    EXPECT_EQ(hv_xen_version(XENVER_extraversion, mm_root()), -XEN_EFAULT);
}

CLAIM(registers, "a hypercall keeps rbx, rbp and r12 to r15, and the stack")
{
    uint64_t bad;

    asm volatile("push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15\n\t"
                 "mov $0x1111, %%ebx; mov $0x2222, %%ebp; mov $0x3333, %%r12d; mov $0x4444, %%r13d\n\t"
                 "mov $0x5555, %%r14d; mov $0x6666, %%r15d; mov $0x7777, %%r9d\n\t"
                 "push %%rsp\n\t"
                 "syscall\n\t"
                 "pop %%rax; xor %%rsp, %%rax\n\t"
                 "sub $0x1111, %%rbx; or %%rbx, %%rax; sub $0x2222, %%rbp; or %%rbp, %%rax\n\t"
                 "sub $0x3333, %%r12; or %%r12, %%rax; sub $0x4444, %%r13; or %%r13, %%rax\n\t"
                 "sub $0x5555, %%r14; or %%r14, %%rax; sub $0x6666, %%r15; or %%r15, %%rax\n\t"
                 "sub $0x7777, %%r9; or %%r9, %%rax\n\t"
                 "pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx"
                 : "=a"(bad)
                 : "a"((unsigned long)__HYPERVISOR_xen_version), "D"(0ul), "S"(0ul)
                 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
    EXPECT_EQ(bad, 0);
}

CLAIM(bad_number, "a hypercall number that does not exist is ENOSYS")
{
    static const unsigned long numbers[] = {11, 63, 64, 127, 128, 1000, 0xffffffff, 0x100000011ul, ~0ul};

    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
        EXPECT_EQ(hypercall2(numbers[i], 0, 0), -XEN_ENOSYS);
}

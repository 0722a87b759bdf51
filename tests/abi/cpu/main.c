/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of the guest kernel, emulated or refused.
 *
 * The kernel runs at privilege level 3, so each of these faults; the hypervisor decodes those that PV
 * kernels use and gives #GP for the rest.
 */
#include "tests/abi/lib/abi.h"
#include "guest/time.h"

static bool rdmsr(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0, hi = 0;
    int v = FAULT_OF("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr));

    *value = (uint64_t)hi << 32 | lo;
    return v < 0;
}

static bool wrmsr(uint32_t msr, uint64_t value)
{
    return FAULT_OF("wrmsr", ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))) < 0;
}

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *r)
{
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2"
                 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                 : "0"(leaf), "2"(subleaf));
}

CLAIM(cli_sti, "CLI and STI are no-ops in the kernel once it has virtual IOPL 1, and touch no mask")
{
    struct physdev_set_iopl iopl = {.iopl = 1};

    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(FAULT_OF("cli", :::), -1);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 0);
    EXPECT_EQ(FAULT_OF("sti", :::), -1);
    upcall_mask_set(1);
    EXPECT_EQ(FAULT_OF("sti", :::), -1);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 1);
    upcall_mask_set(0);
}

CLAIM(cli_without_iopl, "with virtual IOPL 0, CLI and port input are #GP in the kernel")
{
    struct physdev_set_iopl iopl = {.iopl = 0};
    uint8_t v;

    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(FAULT_OF("cli", :::), VEC_GP);
    EXPECT_EQ(FAULT_OF("inb $0x80, %0", : "=a"(v)), VEC_GP);
    iopl.iopl = 1;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(FAULT_OF("inb $0x80, %0", : "=a"(v)), -1);
}

CLAIM(architectural_iopl,
      "with the assist for it the kernel counts as ring 0: CLI and ports go with virtual IOPL 0")
{
    struct physdev_set_iopl iopl = {.iopl = 0};
    uint8_t v;

    EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(FAULT_OF("cli", :::), -1);
    EXPECT_EQ(FAULT_OF("inb $0x80, %0", : "=a"(v)), -1);
    EXPECT_EQ(hv_vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    EXPECT_EQ(FAULT_OF("cli", :::), VEC_GP);
    iopl.iopl = 1;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

CLAIM(cr_reads, "CR0 has PE, PG and WP; CR4 has PAE; CR3 is the root; CR2 the last fault's address")
{
    uint64_t cr0, cr2, cr3, cr4, v;
    char *slot = abi_slot();

    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    EXPECT_EQ(cr0 & 0x80010001, 0x80010001);
    EXPECT_EQ(cr4 & 0x20, 0x20);
    EXPECT_EQ(cr3 >> 12, virt_to_mfn(mm_root()));
    EXPECT(!probe_read64(slot, &v));
    asm volatile("mov %%cr2, %0" : "=r"(cr2));
    EXPECT_EQ(cr2, slot);
    abi_slot_free(slot);
}

CLAIM(cr0_ts, "CR0.TS follows fpu_taskswitch, MOV to CR0 and CLTS; no other bit may change")
{
    uint64_t cr0, now;

    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    EXPECT_EQ(cr0 & 8, 0);
    EXPECT_EQ(hv_fpu_taskswitch(1), 0);
    asm volatile("mov %%cr0, %0" : "=r"(now));
    EXPECT_EQ(now, cr0 | 8);
    EXPECT_EQ(FAULT_OF("clts", :::), -1);
    asm volatile("mov %%cr0, %0" : "=r"(now));
    EXPECT_EQ(now, cr0);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr0", ::"r"(cr0 | 8)), -1);
    asm volatile("mov %%cr0, %0" : "=r"(now));
    EXPECT_EQ(now, cr0 | 8);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr0", ::"r"(cr0)), -1);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr0", ::"r"(cr0 & ~0x10000ul)), VEC_GP);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr0", ::"r"(cr0 & ~0x80000000ul)), VEC_GP);
}

CLAIM(cr3_write, "MOV to CR3 of the present root is accepted, of a frame that is no root #GP")
{
    uint64_t cr3;
    void *page = abi_page();

    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    EXPECT_EQ(FAULT_OF("mov %0, %%cr3", ::"r"(cr3) : "memory"), -1);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr3", ::"r"((uint64_t)virt_to_mfn(page) << 12) : "memory"), VEC_GP);
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    EXPECT_EQ(cr3 >> 12, virt_to_mfn(mm_root()));
    page_free(page, 0);
}

CLAIM(cr4_write, "MOV to CR4 of its present value is accepted, whatever bits are tried never fault")
{
    uint64_t cr4, now;

    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4)), -1);
    asm volatile("mov %%cr4, %0" : "=r"(now));
    EXPECT_EQ(now, cr4);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4 | 0x80)), -1);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4)), -1);
}

CLAIM(cr4_bits, "CR4: TSD, DE, FSGSBASE and OSXSAVE are the guest's own, four are shown, all others read 0")
{
    uint64_t first, now;
    uint32_t r[4];

    asm volatile("mov %%cr4, %0" : "=r"(first));
    EXPECT_EQ(first & 0x660, 0x660); /* PAE, MCE, OSFXSR, OSXMMEXCPT */
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(~0xf004000ul)), -1);
    asm volatile("mov %%cr4, %0" : "=r"(now));
    EXPECT_EQ(now & ~0x50000ul, 0x66c);
    cpuid(7, 0, r);
    EXPECT_EQ(now >> 16 & 1, r[1] & 1);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(0ul)), -1);
    asm volatile("mov %%cr4, %0" : "=r"(now));
    EXPECT_EQ(now, 0x660);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(first)), -1);
}

CLAIM(cr4_fsgsbase,
      "RDFSBASE and its like are #UD until the guest turns CR4.FSGSBASE on, and when it is off again")
{
    uint64_t cr4;
    uint32_t r[4];

    cpuid(7, 0, r);
    if (!(r[1] & 1))
        SKIP("no FSGSBASE here");
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    EXPECT_EQ(cr4 & 1ul << 16, 0);
    EXPECT_EQ(FAULT_OF("rdfsbase %%rax", ::: "rax"), 6);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4 | 1ul << 16)), -1);
    EXPECT_EQ(FAULT_OF("rdfsbase %%rax", ::: "rax"), -1);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4)), -1);
    EXPECT_EQ(FAULT_OF("rdfsbase %%rax", ::: "rax"), 6);
}

CLAIM(tsd, "CR4.TSD makes RDTSC #GP in user mode only by the guest's own choice; the kernel reads on")
{
    uint64_t cr4, a, b;

    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    a = rdtsc();
    b = rdtsc();
    EXPECT(b > a);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4 | 4)), -1);
    a = rdtsc();
    b = rdtsc();
    EXPECT(b > a);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4)), -1);
}

CLAIM(not_emulated, "HLT, LGDT, LIDT, LLDT, LTR, INVD, SWAPGS, VMCALL and SYSRET are #GP or #UD")
{
    static char table[10];

#define REFUSED(insn, ...)                   \
    do {                                     \
        int v = FAULT_OF(insn, __VA_ARGS__); \
        if (v != VEC_GP && v != VEC_UD)      \
            FAIL("%s: vector %d", insn, v);  \
    } while (0)
    REFUSED("hlt", :::);
    REFUSED("lgdt (%0)", ::"r"(table));
    REFUSED("lidt (%0)", ::"r"(table));
    REFUSED("lldt %w0", ::"r"(0));
    REFUSED("ltr %w0", ::"r"(0));
    REFUSED("invd", :::);
    REFUSED("swapgs", :::);
    REFUSED("vmcall", ::: "rax");
    REFUSED("lmsw %w0", ::"r"(0));
    REFUSED("invlpg (%0)", ::"r"(table));
    REFUSED("monitor", ::"a"(table), "c"(0), "d"(0));
#undef REFUSED
}

CLAIM(msr_gs_base, "RDMSR and WRMSR of FS, GS and kernel GS base; a non-canonical one is #GP")
{
    uint64_t fs, v;

    EXPECT(rdmsr(0xc0000100, &fs));
    EXPECT(wrmsr(0xc0000100, 0x123456));
    EXPECT(rdmsr(0xc0000100, &v));
    EXPECT_EQ(v, 0x123456);
    EXPECT(wrmsr(0xc0000100, fs));
    EXPECT(wrmsr(0xc0000101, 0x1000));
    EXPECT(rdmsr(0xc0000101, &v));
    EXPECT_EQ(v, 0x1000);
    EXPECT(wrmsr(0xc0000102, 0x2000));
    EXPECT(rdmsr(0xc0000102, &v));
    EXPECT_EQ(v, 0x2000);
    EXPECT(rdmsr(0xc0000101, &v));
    EXPECT_EQ(v, 0x1000);
    for (uint32_t msr = 0xc0000100; msr <= 0xc0000102; msr++)
        EXPECT(!wrmsr(msr, 1ul << 60));
    EXPECT(wrmsr(0xc0000101, 0));
}

CLAIM(msr_user_base, "KERNEL_GS_BASE is the base that set_segment_base calls the user's")
{
    uint64_t v;

    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER, 0x7000), 0);
    EXPECT(rdmsr(0xc0000102, &v));
    EXPECT_EQ(v, 0x7000);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_KERNEL, 0x8000), 0);
    EXPECT(rdmsr(0xc0000101, &v));
    EXPECT_EQ(v, 0x8000);
}

CLAIM(msr_known, "PAT reads 0x050100070406, EFER has LMA and LME, APIC_BASE names vCPU 0 the boot CPU")
{
    uint64_t v;

    EXPECT(rdmsr(0x277, &v));
    EXPECT_EQ(v, 0x050100070406);
    EXPECT(rdmsr(0xc0000080, &v));
    EXPECT_EQ(v & 0x500, 0x500);
    EXPECT(rdmsr(0x1b, &v));
    EXPECT_EQ(v & 0xfffffd00, 0xfee00900);
}

CLAIM(msr_unknown, "MSRs that do not exist are #GP to read and to write")
{
    static const uint32_t msrs[] = {0x5, 0x3ff, 0x1234, 0x40001000, 0xc0001234, 0xc0012345, 0xffffffff};
    uint64_t v;

    for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
        EXPECT(!rdmsr(msrs[i], &v));
        EXPECT(!wrmsr(msrs[i], 0));
    }
}

CLAIM(msr_dangerous, "SYSENTER, LSTAR and EFER cannot be changed to the guest's liking")
{
    uint64_t before, after;

    EXPECT(rdmsr(0xc0000080, &before));
    wrmsr(0xc0000080, before ^ 0x801);
    EXPECT(rdmsr(0xc0000080, &after));
    EXPECT_EQ(after, before);
    wrmsr(0xc0000082, 0x1234);
    wrmsr(0x176, 0x1234);
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
}

CLAIM(msr_sweep, "reading every MSR of the architectural ranges harms nobody")
{
    static const uint32_t bases[] = {0, 0xc0000000, 0xc0010000, 0x40000000};
    uint64_t v;

    for (unsigned b = 0; b < ARRAY_SIZE(bases); b++)
        for (uint32_t i = 0; i < 0x800; i++)
            rdmsr(bases[b] + i, &v);
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
}

CLAIM(cpuid_signature, "forced CPUID shows the Xen leaves: signature, version 4.17, PV without hypercall MSR")
{
    uint32_t r[4];
    char name[13] = "";

    cpuid(0x40000000, 0, r);
    EXPECT(r[0] >= 0x40000003 && r[0] < 0x40000100);
    memcpy(name, &r[1], 12);
    EXPECT_EQ(strcmp(name, "XenVMMXenVMM"), 0);
    cpuid(0x40000001, 0, r);
    EXPECT_EQ(r[0], 4 << 16 | 17);
    cpuid(0x40000002, 0, r);
    EXPECT_EQ(r[2] & 1, 1);
}

CLAIM(cpuid_policy, "CPUID hides what a PV kernel cannot use and shows what it needs")
{
    uint32_t r[4];

    cpuid(1, 0, r);
    EXPECT_EQ(r[3] & (1u << 3), 0);  /* PSE */
    EXPECT_EQ(r[3] & (1u << 13), 0); /* PGE */
    EXPECT_EQ(r[3] & (1u << 17), 0); /* PSE36 */
    EXPECT_EQ(r[3] & (1u << 1), 0);  /* VME */
    EXPECT_EQ(r[2] & (1u << 5), 0);  /* VMX */
    EXPECT_EQ(r[2] & (1u << 17), 0); /* PCID */
    EXPECT_EQ(r[2] & (1u << 3), 0);  /* MONITOR */
    EXPECT(r[2] & 1u << 31);         /* hypervisor */
    EXPECT(r[3] & 1u << 6);          /* PAE */
    EXPECT(r[3] & 1u << 5);          /* MSR */
    EXPECT(r[3] & 1u << 24);         /* FXSR */
    EXPECT(r[3] & 1u << 16);         /* PAT */
    cpuid(0x80000001, 0, r);
    EXPECT_EQ(r[3] & (1u << 26), 0); /* 1 GiB pages */
    EXPECT(r[3] & 1u << 29);         /* long mode */
    EXPECT(r[3] & 1u << 20);         /* NX */
    EXPECT(r[3] & 1u << 11);         /* SYSCALL */
    cpuid(7, 0, r);
    EXPECT_EQ(r[1] & (1u << 7 | 1u << 20 | 1u << 10), 0); /* SMEP, SMAP, INVPCID */
}

CLAIM(cpuid_bad_prefix, "UD2 without the prefix's letters stays an invalid opcode")
{
    EXPECT_EQ(FAULT_OF(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6f, 0x0f, 0xa2", ::
                           : "rax", "rbx", "rcx", "rdx"),
              VEC_UD);
}

CLAIM(ports, "ports that are not the domain's read all ones and swallow writes")
{
    uint8_t v = 0;

    EXPECT_EQ(FAULT_OF("inb %1, %0", : "=a"(v) : "d"((uint16_t)0x3f8)), -1);
    EXPECT_EQ(v, 0xff);
    EXPECT_EQ(FAULT_OF("inb $0x20, %0", : "=a"(v)), -1);
    EXPECT_EQ(v, 0xff);
    EXPECT_EQ(FAULT_OF("outb %0, $0x21", ::"a"((uint8_t)0xff)), -1);
    EXPECT_EQ(FAULT_OF("outb %0, $0x43", ::"a"((uint8_t)0)), -1);
}

CLAIM(port_sizes, "byte, word and long accesses, and the string form, reach the ports of the domain")
{
    uint8_t b, buf[4] = {1, 2, 3, 4};
    uint16_t w;
    uint32_t l;
    void *p = buf;

    EXPECT_EQ(FAULT_OF("inb %1, %0", : "=a"(b) : "d"((uint16_t)0x70)), -1);
    EXPECT_EQ(FAULT_OF("inw %1, %0", : "=a"(w) : "d"((uint16_t)0x80)), -1);
    EXPECT_EQ(FAULT_OF("inl %1, %0", : "=a"(l) : "d"((uint16_t)0xcf8)), -1);
    EXPECT_EQ(FAULT_OF("insb", : "+D"(p) : "d"((uint16_t)0x3f8) : "memory"), -1);
    EXPECT_EQ(buf[0], 0xff);
    EXPECT_EQ((uint8_t *)p - buf, 1);
}

CLAIM(pci_config, "the first domain reads PCI configuration by 0xcf8 and 0xcfc: the host bridge is there")
{
    uint32_t id;

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(FAULT_OF("outl %0, %1", ::"a"(0x80000000u), "d"((uint16_t)0xcf8)), -1);
    EXPECT_EQ(FAULT_OF("inl %1, %0", : "=a"(id) : "d"((uint16_t)0xcfc)), -1);
    EXPECT_EQ(id & 0xffff, 0x8086);
}

CLAIM(xsetbv, "XSETBV of the present XCR0 works when OSXSAVE is on, a bad one is #GP")
{
    uint32_t r[4], lo, hi;
    uint64_t cr4;

    cpuid(1, 0, r);
    if (!(r[2] & 1u << 26))
        SKIP("no XSAVE here");
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4 | 1ul << 18)), -1);
    EXPECT_EQ(FAULT_OF("xgetbv", : "=a"(lo), "=d"(hi) : "c"(0)), -1);
    EXPECT_EQ(FAULT_OF("xsetbv", ::"c"(0), "a"(lo | 1), "d"(hi)), -1);
    EXPECT_EQ(FAULT_OF("xsetbv", ::"c"(0), "a"(2), "d"(0)), VEC_GP);
    EXPECT_EQ(FAULT_OF("xsetbv", ::"c"(1), "a"(1), "d"(0)), VEC_GP);
    EXPECT_EQ(FAULT_OF("mov %0, %%cr4", ::"r"(cr4)), -1);
}

CLAIM(wbinvd, "WBINVD does not fault")
{
    EXPECT_EQ(FAULT_OF("wbinvd", ::: "memory"), -1);
}

CLAIM(debug_registers,
      "set_debugreg and get_debugreg: 0-3, 6, 7; hypervisor addresses and bad numbers refused")
{
    static const unsigned good[] = {0, 1, 2, 3};

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        EXPECT_EQ(hv_set_debugreg(good[i], 0x12345000 + i), 0);
        EXPECT_EQ(hv_get_debugreg(good[i]), 0x12345000 + i);
        EXPECT_EQ(hv_set_debugreg(good[i], 0xffff820000000000ul), -XEN_EPERM);
        EXPECT_EQ(hv_set_debugreg(good[i], 0), 0);
    }
    EXPECT_EQ(hv_set_debugreg(6, 0xffff0ff0), 0);
    EXPECT_EQ(hv_set_debugreg(7, 0x400), 0);
    EXPECT_EQ(hv_get_debugreg(7) & 0x400, 0x400);
    EXPECT_EQ(hv_set_debugreg(7, 1ul << 32), -XEN_EINVAL);
    EXPECT_EQ(hv_set_debugreg(6, 1ul << 32), -XEN_EINVAL);
    EXPECT_EQ(hv_set_debugreg(7, 0x2400), -XEN_EPERM); /* general detect */
    EXPECT(hv_set_debugreg(8, 0) < 0);
    EXPECT_EQ(hv_get_debugreg(8), -XEN_ENODEV);
    EXPECT_EQ(hv_set_debugreg(7, 0x400), 0);
}

static volatile unsigned debug_hits;
/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
uint64_t debug_rip;

static bool on_debug(struct trap_frame *f)
{
    debug_hits++;
    debug_rip = f->rip;
    f->rflags |= 0x10000; /* RF: do not hit the same instruction again */
    return true;
}

CLAIM(breakpoint, "an execution breakpoint raises #DB before the instruction, DR6 says which")
{
    unsigned long at;

    debug_hits = 0;
    trap_set_hook(VEC_DB, on_debug);
    asm volatile("lea 1f(%%rip), %0" : "=r"(at));
    EXPECT_EQ(hv_set_debugreg(0, at), 0);
    EXPECT_EQ(hv_set_debugreg(7, 0x401 | 2), 0);
    asm volatile("1: nop");
    EXPECT_EQ(hv_set_debugreg(7, 0x400), 0);
    EXPECT_EQ(hv_get_debugreg(6) & 1, 1);
    hv_set_debugreg(6, 0xffff0ff0);
    hv_set_debugreg(0, 0);
    EXPECT_EQ(debug_hits, 1);
    EXPECT_EQ(debug_rip, at);
}

CLAIM(mov_dr, "MOV from and to debug registers is emulated")
{
    uint64_t v = 0;

    EXPECT_EQ(FAULT_OF("mov %0, %%db1", ::"r"(0x4000ul)), -1);
    EXPECT_EQ(FAULT_OF("mov %%db1, %0", : "=r"(v)), -1);
    EXPECT_EQ(v, 0x4000);
    EXPECT_EQ(FAULT_OF("mov %0, %%db1", ::"r"(0xffff820000000000ul)), VEC_GP);
    EXPECT_EQ(FAULT_OF("mov %0, %%db1", ::"r"(0ul)), -1);
}

CLAIM(fpu_state, "SSE registers survive hypercalls, sleeps and traps")
{
    static const uint64_t in[2] = {0x1122334455667788, 0x99aabbccddeeff00};
    uint64_t out[2] = {0, 0};

    asm volatile("movups %0, %%xmm7" : : "m"(in));
    hv_xen_version(XENVER_version, NULL);
    time_sleep(2000000);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
    asm volatile("movups %%xmm7, %0" : "=m"(out));
    EXPECT_EQ(out[0], in[0]);
    EXPECT_EQ(out[1], in[1]);
}

CLAIM(pushf_popf, "POPF cannot change IF or IOPL")
{
    uint64_t flags;

    asm volatile("pushf; andq $~0x200, (%%rsp); orq $0x3000, (%%rsp); popf; pushf; pop %0"
                 : "=r"(flags)
                 :
                 : "cc");
    EXPECT_EQ(flags & 0x200, 0x200);
    EXPECT_EQ(flags & 0x3000, 0);
}

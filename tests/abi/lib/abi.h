/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ABI_LIB_ABI_H
#define TESTS_ABI_LIB_ABI_H

/*
 * Frame of an ABI test image. A directory tests/abi/NAME/ is one kernel, booted as the first
 * domain by run.py or as a guest by domu.py; each claim in it reports for itself:
 *
 *     CLAIM(name, "what the interface promises")
 *     {
 *         EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
 *     }
 *
 * Protocol on the console, read by both:
 *     CRASH-CLAIM name      at the start: a claim that must crash the domain, to be started alone
 *     STORM-CLAIM name      one that may crash the domain, never the hypervisor: alone, with seed=N
 *     BEGIN name            before a claim runs
 *     CLAIM name VERDICT    after it; SUCCESS, SKIP, FAILURE or ERROR
 *     VERDICT: verdict      the most severe of all; the last line
 * Command line: "claim=NAME" runs one claim, "after=NAME" those behind it, "list" none.
 */

#include "guest/guest.h"
#include "guest/events.h"
#include "guest/mm.h"
#include "guest/traps.h"
#include "guest/vcpu.h"

/* In the order of severity. */
enum verdict { VERDICT_SUCCESS, VERDICT_SKIP, VERDICT_FAILURE, VERDICT_ERROR };

struct claim {
    const char *name, *text;
    void (*fn)(void);
    enum claim_kind { CLAIM_RUNS, CLAIM_CRASHES, CLAIM_STORMS } kind;
    unsigned line;
};

#define CLAIM_ENTRY(id, sentence, claim_kind)                                                               \
    static void claim_##id(void);                                                                           \
    static const struct claim claim_entry_##id __attribute__((used, aligned(8), section("abi_claims"))) = { \
        #id, sentence, claim_##id, claim_kind, __LINE__};                                                   \
    static void claim_##id(void)

#define CLAIM(id, sentence)       CLAIM_ENTRY(id, sentence, CLAIM_RUNS)
#define CRASH_CLAIM(id, sentence) CLAIM_ENTRY(id, sentence, CLAIM_CRASHES)
#define STORM_CLAIM(id, sentence) CLAIM_ENTRY(id, sentence, CLAIM_STORMS)

/* Raises the verdict of the running claim and says why, in one line. */
void abi_report(enum verdict v, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define FAIL(...)   abi_report(VERDICT_FAILURE, __FILE_NAME__, __LINE__, __VA_ARGS__)
#define BROKEN(...) abi_report(VERDICT_ERROR, __FILE_NAME__, __LINE__, __VA_ARGS__)

/* The claim cannot be judged here; leaves the claim's function. */
#define SKIP(...)                                                       \
    do {                                                                \
        abi_report(VERDICT_SKIP, __FILE_NAME__, __LINE__, __VA_ARGS__); \
        return;                                                         \
    } while (0)

#define EXPECT(cond)           \
    do {                       \
        if (!(cond))           \
            FAIL("%s", #cond); \
    } while (0)

#define EXPECT_OP(op, a, b, text_a, text_b)                                                               \
    do {                                                                                                  \
        long abi_a = (long)(a), abi_b = (long)(b);                                                        \
        if (!(abi_a op abi_b))                                                                            \
            FAIL("%s is %ld (%lx), wanted " #op " %s = %ld", text_a, abi_a, (unsigned long)abi_a, text_b, \
                 abi_b);                                                                                  \
    } while (0)

#define EXPECT_EQ(a, b) EXPECT_OP(==, a, b, #a, #b)
#define EXPECT_NE(a, b) EXPECT_OP(!=, a, b, #a, #b)
#define EXPECT_GE(a, b) EXPECT_OP(>=, a, b, #a, #b)
#define EXPECT_LE(a, b) EXPECT_OP(<=, a, b, #a, #b)

/* As EXPECT_EQ(a, 0), but the rest of the claim makes no sense without it. */
#define REQUIRE(cond)          \
    do {                       \
        if (!(cond)) {         \
            FAIL("%s", #cond); \
            return;            \
        }                      \
    } while (0)
#define REQUIRE_OK(call)                                \
    do {                                                \
        long abi_rc = (long)(call);                     \
        if (abi_rc) {                                   \
            FAIL("%s is %ld, wanted 0", #call, abi_rc); \
            return;                                     \
        }                                               \
    } while (0)

/* An address that no mapping of a guest backs, and one that belongs to the hypervisor. */
#define BAD_PTR ((void *)0x700000000000ul)
#define HV_PTR  ((void *)0xffff820000000000ul)

/* A page or an ERROR and a stop: tests are not about running out of memory. */
void *abi_page(void);

/* A zeroed page that is mapped read-only and may become a page table; and its way back. */
uint64_t *abi_table(void);
void abi_table_free(void *table);

/* One mmuext operation on this domain; arg1 is the mfn or linear address. */
long abi_mmuext(unsigned cmd, unsigned long arg1);

/* One entry of the window without a mapping: its address, and the table entry behind it. */
char *abi_slot(void);
void abi_slot_free(void *va);

/* A frame of RAM that belongs to nobody or to the hypervisor, never to this domain. */
unsigned long abi_alien_mfn(void);

/* Makes the kernel's root the user root too, so that user_call() works. */
void abi_user_mode(void);

/* This domain's number, as the hypervisor says it. */
domid_t abi_domid(void);

/* Claims on what only the first domain may do, or what it alone is free of. */
#define FIRST_DOMAIN_ONLY()               \
    do {                                  \
        if (!guest_is_dom0())             \
            SKIP("for the first domain"); \
    } while (0)
#define UNPRIVILEGED_ONLY()                        \
    do {                                           \
        if (guest_is_dom0())                       \
            SKIP("for domains without privilege"); \
    } while (0)

/*
 * Does asm instruction text insn fault? Gives the vector, or -1. A macro, since each use needs an
 * exception table entry of its own.
 */
#define FAULT_OF(insn, ...)                                            \
    ({                                                                 \
        this_vcpu()->fault.seen = false;                               \
        asm volatile(PROBE(insn) __VA_ARGS__);                         \
        asm volatile("" ::: "memory");                                 \
        this_vcpu()->fault.seen ? (int)this_vcpu()->fault.vector : -1; \
    })

#endif

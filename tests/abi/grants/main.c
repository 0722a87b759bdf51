/* SPDX-License-Identifier: MIT */
/*
 * Grant tables, version 1, of a domain that grants to itself.
 *
 * A grant is the only way to a frame of another domain. The hypervisor must check the entry
 * atomically against a granter that changes it, count each use in the entry's flags, and give a mapping
 * only the rights that the entry has. Granting to oneself is allowed and lets one domain test both sides.
 */
#include "tests/abi/lib/abi.h"
#include "guest/grant.h"

/* Mapping names the granter by its number: DOMID_SELF is nobody there. */
#define OWN_DOMID abi_domid()

static bool ready(void)
{
    static bool done;

    if (!done && !grant_init(4)) {
        FAIL("the grant table cannot be set up");
        return false;
    }
    return done = true;
}

static grant_ref_t grant(void *page, unsigned flags)
{
    int ref = grant_alloc();

    if (ref < 0)
        BROKEN("no grant reference left");
    grant_access((grant_ref_t)ref, OWN_DOMID, virt_to_mfn(page), flags);
    return (grant_ref_t)ref;
}

static void drop(grant_ref_t ref)
{
    EXPECT(grant_end(ref));
    grant_free(ref);
}

static struct gnttab_map_grant_ref map(void *va, grant_ref_t ref, domid_t dom, unsigned flags)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = (unsigned long)va, .flags = flags, .ref = ref, .dom = dom, .status = 99};

    EXPECT_EQ(hv_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
    return op;
}

static int unmap(void *va, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = (unsigned long)va, .handle = handle, .status = 99};

    EXPECT_EQ(hv_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1), 0);
    return op.status;
}

CLAIM(query_size, "query_size tells frames in use and allowed; another domain's needs it to exist")
{
    struct gnttab_query_size q = {.dom = DOMID_SELF, .status = 99};

    EXPECT_EQ(hv_grant_table_op(GNTTABOP_query_size, &q, 1), 0);
    EXPECT_EQ(q.status, GNTST_okay);
    EXPECT(q.max_nr_frames >= 4 && q.nr_frames <= q.max_nr_frames);
    q.dom = 0x7000;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_query_size, &q, 1), 0);
    EXPECT_EQ(q.status, GNTST_bad_domain);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_query_size, BAD_PTR, 1), -XEN_EFAULT);
}

CLAIM(setup_table, "setup_table names the frames of the table, the same ones each time")
{
    xen_pfn_t a[4] = {0}, b[4] = {0};
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 4, .status = 99};

    set_xen_guest_handle(s.frame_list, a);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
    EXPECT_EQ(s.status, GNTST_okay);
    set_xen_guest_handle(s.frame_list, b);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
    EXPECT_EQ(s.status, GNTST_okay);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT(a[i] != 0);
        EXPECT_EQ(a[i], b[i]);
    }
}

CLAIM(setup_errors, "setup_table: too many frames and unknown domains have a status, counts above 1 EINVAL")
{
    xen_pfn_t frames[4];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 100000, .status = 99};

    set_xen_guest_handle(s.frame_list, frames);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
    EXPECT_EQ(s.status, GNTST_general_error);
    s.nr_frames = 1;
    s.dom = 0x7000;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
    EXPECT_EQ(s.status, GNTST_bad_domain);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &s, 2), -XEN_EINVAL);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, BAD_PTR, 1), -XEN_EFAULT);
}

CLAIM(table_mapping, "the table's frames are mapped by their machine frame, writable, zero at the start")
{
    if (!ready())
        return;
    EXPECT_EQ(grant_entry(grant_refs() - 1)->flags, 0);
    EXPECT(probe_write64(grant_entry(grant_refs() - 1), 0));
}

CLAIM(map_unmap, "a granted page is mapped, seen at both addresses, counted in the entry, and unmapped")
{
    uint64_t *page = abi_page(), v = 0;
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    page[0] = 0x61;
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT(probe_read64(va, &v));
    EXPECT_EQ(v, 0x61);
    EXPECT(probe_write64(va, 0x62));
    EXPECT_EQ(page[0], 0x62);
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    EXPECT(!grant_end(ref));
    EXPECT_EQ(m.dev_bus_addr >> 12, virt_to_mfn(page));
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    EXPECT(!probe_read64(va, &v));
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), 0);
    drop(ref);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(map_readonly, "a read-only mapping cannot be written, and only reading is marked")
{
    uint64_t *page = abi_page(), v;
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_readonly);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT(probe_read64(va, &v));
    EXPECT(!probe_write64(va, 1));
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), GTF_reading);
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    drop(ref);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(readonly_grant, "a read-only grant refuses a writable mapping and allows a read-only one")
{
    uint64_t *page = abi_page();
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, GTF_readonly);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    EXPECT_EQ(m.status, GNTST_general_error);
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_readonly);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    drop(ref);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(map_twice, "one grant can be mapped twice; the entry is in use until both are gone")
{
    uint64_t *page = abi_page();
    char *a = abi_slot(), *b = abi_slot();
    struct gnttab_map_grant_ref m, n;
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    m = map(a, ref, OWN_DOMID, GNTMAP_host_map);
    n = map(b, ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_readonly);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT_EQ(n.status, GNTST_okay);
    EXPECT_NE(m.handle, n.handle);
    EXPECT_EQ(unmap(a, m.handle), GNTST_okay);
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), GTF_reading);
    EXPECT_EQ(unmap(b, n.handle), GNTST_okay);
    drop(ref);
    abi_slot_free(a);
    abi_slot_free(b);
    page_free(page, 0);
}

CLAIM(map_errors, "map: bad reference, bad domain, entry for another domain, invalid entry, no address")
{
    uint64_t *page = abi_page();
    char *va = abi_slot();
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    EXPECT_EQ(map(va, 1u << 30, OWN_DOMID, GNTMAP_host_map).status, GNTST_bad_gntref);
    EXPECT_EQ(map(va, ref, 0x7000, GNTMAP_host_map).status, GNTST_bad_domain);
    EXPECT_EQ(map(va, ref, DOMID_SELF, GNTMAP_host_map).status, GNTST_bad_domain);
    EXPECT_EQ(map((void *)0x123456789000ul, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_general_error);
    EXPECT_EQ(map((void *)0xffff820000000000ul, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_general_error);
    EXPECT_EQ(map(va, ref, OWN_DOMID, 0).status, GNTST_bad_gntref);
    grant_entry(ref)->domid = (domid_t)(OWN_DOMID + 5);
    EXPECT_EQ(map(va, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_general_error);
    grant_entry(ref)->domid = OWN_DOMID;
    grant_entry(ref)->flags = 0;
    EXPECT_EQ(map(va, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_general_error);
    grant_entry(ref)->flags = GTF_accept_transfer;
    EXPECT_EQ(map(va, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_general_error);
    grant_access(ref, OWN_DOMID, abi_alien_mfn(), 0);
    EXPECT_NE(map(va, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_okay);
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), 0);
    drop(ref);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_map_grant_ref, BAD_PTR, 1), -XEN_EFAULT);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(map_page_table, "a page table that is granted can be mapped read-only, never writable")
{
    uint64_t *table = abi_table();
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    REQUIRE_OK(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)));
    ref = grant(table, 0);
    EXPECT_NE(map(va, ref, OWN_DOMID, GNTMAP_host_map).status, GNTST_okay);
    EXPECT_EQ(grant_entry(ref)->flags & (GTF_reading | GTF_writing), 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_readonly);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    drop(ref);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table)), 0);
    abi_table_free(table);
    abi_slot_free(va);
}

CLAIM(mapped_not_table, "a page that is mapped writable through a grant cannot become a page table")
{
    uint64_t *page = abi_page();
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    REQUIRE(m.status == GNTST_okay);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)) < 0);
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0);
    EXPECT_EQ(mm_writable(page), 0);
    drop(ref);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(unmap_errors, "unmap: bad handles and addresses have a status and change nothing")
{
    uint64_t *page = abi_page();
    char *va = abi_slot(), *other = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    EXPECT_EQ(unmap(va, 1u << 30), GNTST_bad_handle);
    EXPECT_EQ(unmap(va, ~0u), GNTST_bad_handle);
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    REQUIRE(m.status == GNTST_okay);
    EXPECT_NE(unmap(other, m.handle), GNTST_okay);
    EXPECT(probe_write64(va, 1));
    EXPECT_EQ(unmap(va, m.handle), GNTST_okay);
    EXPECT_EQ(unmap(va, m.handle), GNTST_bad_handle);
    drop(ref);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_unmap_grant_ref, BAD_PTR, 1), -XEN_EFAULT);
    abi_slot_free(va);
    abi_slot_free(other);
    page_free(page, 0);
}

CLAIM(contains_pte, "GNTMAP_contains_pte maps by the machine address of the entry")
{
    uint64_t *page = abi_page(), v = 0;
    char *va = abi_slot();
    uint64_t at = mm_entry_maddr((unsigned long)va, 1);
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    page[0] = 0x71;
    ref = grant(page, 0);
    m = map((void *)at, ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_application_map);
    EXPECT_EQ(m.status, GNTST_okay);
    abi_mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)va);
    EXPECT(probe_read64(va, &v));
    EXPECT_EQ(v, 0x71);
    EXPECT_EQ(unmap((void *)at, m.handle), GNTST_okay);
    EXPECT(!probe_read64(va, &v));
    /* An address that is no entry of a page table of ours. */
    EXPECT_NE(map((void *)virt_to_maddr(page), ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_contains_pte).status,
              GNTST_okay);
    EXPECT_NE(
        map((void *)((uint64_t)abi_alien_mfn() << 12), ref, OWN_DOMID, GNTMAP_host_map | GNTMAP_contains_pte)
            .status,
        GNTST_okay);
    drop(ref);
    abi_slot_free(va);
    page_free(page, 0);
}

CLAIM(device_map, "a device mapping needs no address and is counted until it is unmapped")
{
    uint64_t *page = abi_page();
    struct gnttab_map_grant_ref m;
    struct gnttab_unmap_grant_ref u = {.status = 99};
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    m = map(NULL, ref, OWN_DOMID, GNTMAP_device_map);
    EXPECT_EQ(m.status, GNTST_okay);
    EXPECT_EQ(m.dev_bus_addr, (uint64_t)virt_to_mfn(page) << 12);
    EXPECT(!grant_end(ref));
    u.handle = m.handle;
    u.dev_bus_addr = m.dev_bus_addr;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    EXPECT_EQ(u.status, GNTST_okay);
    drop(ref);
    page_free(page, 0);
}

static int copy(struct gnttab_copy *op)
{
    op->status = 99;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, op, 1), 0);
    return op->status;
}

CLAIM(copy, "copy: from a grant to a frame, from a frame to a grant, between grants, any offsets")
{
    char *a = abi_page(), *b = abi_page();
    struct gnttab_copy op = {.len = 100};
    grant_ref_t ra, rb;

    if (!ready())
        return;
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        a[i] = (char)i;
    ra = grant(a, GTF_readonly);
    rb = grant(b, 0);
    op.source.u.ref = ra;
    op.source.domid = DOMID_SELF;
    op.source.offset = 11;
    op.dest.u.gmfn = virt_to_mfn(b);
    op.dest.domid = DOMID_SELF;
    op.dest.offset = 3000;
    op.flags = GNTCOPY_source_gref;
    EXPECT_EQ(copy(&op), GNTST_okay);
    EXPECT_EQ(memcmp(a + 11, b + 3000, 100), 0);
    EXPECT_EQ(b[3100], 0);
    op.source.u.gmfn = virt_to_mfn(a);
    op.dest.u.ref = rb;
    op.dest.offset = 5;
    op.flags = GNTCOPY_dest_gref;
    EXPECT_EQ(copy(&op), GNTST_okay);
    EXPECT_EQ(memcmp(a + 11, b + 5, 100), 0);
    op.source.u.ref = ra;
    op.dest.offset = 200;
    op.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    EXPECT_EQ(copy(&op), GNTST_okay);
    EXPECT_EQ(memcmp(a + 11, b + 200, 100), 0);
    EXPECT_EQ(grant_entry(rb)->flags & (GTF_reading | GTF_writing), 0);
    drop(ra);
    drop(rb);
    page_free(a, 0);
    page_free(b, 0);
}

CLAIM(copy_errors, "copy: crossing a page, read-only targets, bad references, domains, tables and aliens")
{
    char *a = abi_page(), *b = abi_page();
    struct gnttab_copy op = {.len = 100}, good;
    grant_ref_t ro, rw;

    if (!ready())
        return;
    ro = grant(b, GTF_readonly);
    rw = grant(b, 0);
    op.source.u.gmfn = virt_to_mfn(a);
    op.source.domid = DOMID_SELF;
    op.dest.u.ref = rw;
    op.dest.domid = DOMID_SELF;
    op.flags = GNTCOPY_dest_gref;
    good = op;
    EXPECT_EQ(copy(&op), GNTST_okay);
    op.dest.offset = PAGE_SIZE - 50;
    EXPECT_EQ(copy(&op), GNTST_bad_copy_arg);
    op = good;
    op.source.offset = PAGE_SIZE - 99;
    EXPECT_EQ(copy(&op), GNTST_bad_copy_arg);
    op = good;
    op.len = PAGE_SIZE + 1;
    EXPECT_EQ(copy(&op), GNTST_bad_copy_arg);
    op = good;
    op.dest.u.ref = ro;
    EXPECT_EQ(copy(&op), GNTST_general_error);
    op.dest.u.ref = 1u << 30;
    EXPECT_EQ(copy(&op), GNTST_bad_gntref);
    op = good;
    op.dest.domid = 0x7000;
    EXPECT_EQ(copy(&op), GNTST_bad_domain);
    op = good;
    op.source.u.gmfn = abi_alien_mfn();
    EXPECT_NE(copy(&op), GNTST_okay);
    op = good;
    op.flags = 0;
    op.dest.u.gmfn = virt_to_mfn(mm_root());
    EXPECT_NE(copy(&op), GNTST_okay);
    op.dest.u.gmfn = ~0ul;
    EXPECT_NE(copy(&op), GNTST_okay);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, BAD_PTR, 1), -XEN_EFAULT);
    drop(ro);
    drop(rw);
    page_free(a, 0);
    page_free(b, 0);
}

CLAIM(copy_batch, "a batch of copies: each element has its status, one bad one does not stop the rest")
{
    char *a = abi_page(), *b = abi_page();
    static struct gnttab_copy ops[64];
    grant_ref_t ref;

    if (!ready())
        return;
    memset(a, 0x5a, PAGE_SIZE);
    ref = grant(b, 0);
    for (unsigned i = 0; i < 64; i++) {
        ops[i] = (struct gnttab_copy){.len = 64, .flags = GNTCOPY_dest_gref};
        ops[i].source.u.gmfn = virt_to_mfn(a);
        ops[i].source.domid = DOMID_SELF;
        ops[i].dest.u.ref = i == 7 ? 1u << 30 : ref;
        ops[i].dest.domid = DOMID_SELF;
        ops[i].dest.offset = (uint16_t)(i * 64);
        ops[i].status = 99;
    }
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, ops, 64), 0);
    for (unsigned i = 0; i < 64; i++) {
        EXPECT_EQ(ops[i].status, i == 7 ? GNTST_bad_gntref : GNTST_okay);
        EXPECT_EQ(b[i * 64], i == 7 ? 0 : 0x5a);
    }
    drop(ref);
    page_free(a, 0);
    page_free(b, 0);
}

CLAIM(map_batch, "64 maps and unmaps in one call each")
{
    static struct gnttab_map_grant_ref maps[64];
    static struct gnttab_unmap_grant_ref unmaps[64];
    char *page = abi_page(), *va = window_alloc(64);
    grant_ref_t ref;

    if (!ready())
        return;
    REQUIRE(va);
    ref = grant(page, 0);
    for (unsigned i = 0; i < 64; i++)
        maps[i] = (struct gnttab_map_grant_ref){.host_addr = (unsigned long)va + i * PAGE_SIZE,
                                                .flags = GNTMAP_host_map,
                                                .ref = ref,
                                                .dom = OWN_DOMID,
                                                .status = 99};
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_map_grant_ref, maps, 64), 0);
    for (unsigned i = 0; i < 64; i++) {
        EXPECT_EQ(maps[i].status, GNTST_okay);
        EXPECT(probe_write64(va + i * PAGE_SIZE, i));
        unmaps[i] = (struct gnttab_unmap_grant_ref){
            .host_addr = maps[i].host_addr, .handle = maps[i].handle, .status = 99};
    }
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps, 64), 0);
    for (unsigned i = 0; i < 64; i++)
        EXPECT_EQ(unmaps[i].status, GNTST_okay);
    drop(ref);
    window_free(va, 64);
    page_free(page, 0);
}

CLAIM(unmap_and_replace, "unmap_and_replace moves another mapping to the place of the grant")
{
    uint64_t *page = abi_page(), *plain = abi_page(), v = 0;
    char *va = abi_slot(), *from = abi_slot();
    struct gnttab_map_grant_ref m;
    struct gnttab_unmap_and_replace u = {.status = 99};
    grant_ref_t ref;

    if (!ready())
        return;
    plain[0] = 0x99;
    EXPECT_EQ(mm_set_pte((unsigned long)from, make_pte(virt_to_mfn(plain), PTE_RW)), 0);
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    REQUIRE(m.status == GNTST_okay);
    u.host_addr = (unsigned long)va;
    u.new_addr = (unsigned long)from;
    u.handle = m.handle;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_unmap_and_replace, &u, 1), 0);
    EXPECT_EQ(u.status, GNTST_okay);
    EXPECT(probe_read64(va, &v));
    EXPECT_EQ(v, 0x99);
    EXPECT(!probe_read64(from, &v));
    drop(ref);
    abi_slot_free(va);
    abi_slot_free(from);
    page_free(page, 0);
    page_free(plain, 0);
}

CLAIM(version, "set_version 1 is accepted, an unknown one EINVAL; get_version is 1")
{
    struct gnttab_set_version set = {.version = 1};
    struct gnttab_get_version get = {.dom = DOMID_SELF};

    EXPECT_EQ(hv_grant_table_op(GNTTABOP_set_version, &set, 1), 0);
    EXPECT_EQ(set.version, 1);
    set.version = 9;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_set_version, &set, 1), -XEN_EINVAL);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_get_version, &get, 1), 0);
    EXPECT_EQ(get.version, 1);
}

CLAIM(unknown, "an unknown command is ENOSYS, a negative count EINVAL")
{
    EXPECT_EQ(hv_grant_table_op(99, NULL, 0), -XEN_ENOSYS);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_map_grant_ref, NULL, ~0u), -XEN_EINVAL);
}

CLAIM(plain_update_of_grant, "a grant mapping that the guest overwrites stays counted until it is unmapped")
{
    uint64_t *page = abi_page();
    char *va = abi_slot();
    struct gnttab_map_grant_ref m;
    grant_ref_t ref;

    if (!ready())
        return;
    ref = grant(page, 0);
    m = map(va, ref, OWN_DOMID, GNTMAP_host_map);
    REQUIRE(m.status == GNTST_okay);
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    EXPECT(!grant_end(ref));
    /* The entry no longer maps the frame, so this form of unmap cannot find it. */
    EXPECT_NE(unmap(va, m.handle), GNTST_okay);
    abi_slot_free(va);
}

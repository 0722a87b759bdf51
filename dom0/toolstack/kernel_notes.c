/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel_notes.h"

#include <string.h>

#include <xen/elfnote.h>
#include <xen/features.h>

#include "dom0/toolstack/report.h"

/*
 * Names that XEN_ELFNOTE_FEATURES may use. A kernel may require any that exists, because the hypervisor
 * either has it or the kernel finds out at run time, except those that turn a guest into something that is
 * not offered.
 */
static const struct {
    const char *name;
    bool refused; /* when required */
} feature_names[XENFEAT_linux_rsdp_unrestricted + 1] = {
    [XENFEAT_writable_page_tables] = {"writable_page_tables", false},
    [XENFEAT_writable_descriptor_tables] = {"writable_descriptor_tables", false},
    [XENFEAT_auto_translated_physmap] = {"auto_translated_physmap", true},
    [XENFEAT_supervisor_mode_kernel] = {"supervisor_mode_kernel", true},
    [XENFEAT_pae_pgdir_above_4gb] = {"pae_pgdir_above_4gb", false},
    [XENFEAT_mmu_pt_update_preserve_ad] = {"mmu_pt_update_preserve_ad", false},
    [XENFEAT_highmem_assist] = {"highmem_assist", false},
    [XENFEAT_gnttab_map_avail_bits] = {"gnttab_map_avail_bits", false},
    [XENFEAT_hvm_callback_vector] = {"hvm_callback_vector", false},
    [XENFEAT_hvm_safe_pvclock] = {"hvm_safe_pvclock", false},
    [XENFEAT_hvm_pirqs] = {"hvm_pirqs", false},
    [XENFEAT_dom0] = {"dom0", true},
    [XENFEAT_linux_rsdp_unrestricted] = {"linux_rsdp_unrestricted", false},
};

static bool number_of(const unsigned char *desc, size_t len, uint64_t *value)
{
    uint32_t small;

    if (len == sizeof(*value)) {
        memcpy(value, desc, sizeof(*value));
        return true;
    }
    if (len == sizeof(small)) {
        memcpy(&small, desc, sizeof(small));
        *value = small;
        return true;
    }
    return false;
}

static void string_of(const unsigned char *desc, size_t len, char *out, size_t room)
{
    size_t n = len < room - 1 ? len : room - 1;

    memcpy(out, desc, n);
    out[n] = '\0';
}

static int check_feature(const char *path, const char *name, size_t len)
{
    bool required = len > 0 && name[0] == '!';

    if (required) {
        name++;
        len--;
    }
    for (size_t i = 0; i < sizeof(feature_names) / sizeof(feature_names[0]); i++) {
        if (!feature_names[i].name || strlen(feature_names[i].name) != len ||
            memcmp(feature_names[i].name, name, len) != 0)
            continue;
        if (required && feature_names[i].refused) {
            report_error("%s: the kernel requires %s, which a PV guest cannot have", path,
                         feature_names[i].name);
            return -1;
        }
        return 0;
    }
    if (required) {
        report_error("%s: the kernel requires the unknown feature %.*s", path, (int)(len < 64 ? len : 64),
                     name);
        return -1;
    }
    return 0;
}

/* "name|!required|..." */
static int check_features(const char *path, const char *list, size_t len)
{
    while (len > 0 && list[len - 1] == '\0')
        len--;
    while (len > 0) {
        const char *bar = memchr(list, '|', len);
        size_t word = bar ? (size_t)(bar - list) : len;

        if (check_feature(path, list, word) != 0)
            return -1;
        if (!bar)
            break;
        list += word + 1;
        len -= word + 1;
    }
    return 0;
}

static int take_number(const char *path, uint32_t type, const unsigned char *desc, size_t len,
                       struct kernel_notes *notes)
{
    uint64_t value;

    if (!number_of(desc, len, &value)) {
        report_error("%s: Xen note %u of %zu bytes is no number", path, type, len);
        return -1;
    }
    switch (type) {
    case XEN_ELFNOTE_ENTRY:
        notes->has_entry = true;
        notes->entry = value;
        break;
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        notes->has_hypercall_page = true;
        notes->hypercall_page = value;
        break;
    case XEN_ELFNOTE_VIRT_BASE:
        notes->has_virt_base = true;
        notes->virt_base = value;
        break;
    case XEN_ELFNOTE_PADDR_OFFSET:
        notes->has_paddr_offset = true;
        notes->paddr_offset = value;
        break;
    case XEN_ELFNOTE_INIT_P2M:
        notes->has_p2m_base = true;
        notes->p2m_base = value;
        break;
    default:
        notes->mod_start_pfn = value != 0;
        break;
    }
    return 0;
}

static int take_note(const char *path, uint32_t type, const unsigned char *desc, size_t len,
                     struct kernel_notes *notes)
{
    switch (type) {
    case XEN_ELFNOTE_ENTRY:
    case XEN_ELFNOTE_HYPERCALL_PAGE:
    case XEN_ELFNOTE_VIRT_BASE:
    case XEN_ELFNOTE_PADDR_OFFSET:
    case XEN_ELFNOTE_INIT_P2M:
    case XEN_ELFNOTE_MOD_START_PFN:
        return take_number(path, type, desc, len, notes);
    case XEN_ELFNOTE_GUEST_OS:
        string_of(desc, len, notes->guest_os, sizeof(notes->guest_os));
        return 0;
    case XEN_ELFNOTE_XEN_VERSION:
        string_of(desc, len, notes->xen_version, sizeof(notes->xen_version));
        return 0;
    case XEN_ELFNOTE_LOADER:
        string_of(desc, len, notes->loader, sizeof(notes->loader));
        return 0;
    case XEN_ELFNOTE_FEATURES:
        return check_features(path, (const char *)desc, len);
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
    default:
        return 0;
    }
}

/* Notes in [offset, offset + size) of the image; *found counts Xen's. */
static int take_range(Elf *elf, const struct kernel_bytes *bytes, const char *path, uint64_t offset,
                      uint64_t size, struct kernel_notes *notes, unsigned int *found)
{
    size_t at = 0, next, name_at, desc_at;
    GElf_Nhdr nhdr;
    Elf_Data *data;

    if (offset > bytes->len || size > bytes->len - offset) {
        report_error("%s: truncated: notes lie outside the image", path);
        return -1;
    }
    data = size ? elf_getdata_rawchunk(elf, (int64_t)offset, size, ELF_T_NHDR) : NULL;
    if (!data)
        return 0;
    while ((next = gelf_getnote(data, at, &nhdr, &name_at, &desc_at)) > 0) {
        const unsigned char *base = data->d_buf;

        at = next;
        if (nhdr.n_namesz != sizeof("Xen") || memcmp(base + name_at, "Xen", sizeof("Xen")) != 0)
            continue;
        (*found)++;
        if (take_note(path, nhdr.n_type, base + desc_at, nhdr.n_descsz, notes) != 0)
            return -1;
    }
    return 0;
}

static int take_segments(Elf *elf, const struct kernel_bytes *bytes, const char *path,
                         struct kernel_notes *notes, unsigned int *found)
{
    size_t count = 0;

    elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;

        if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_type == PT_NOTE &&
            take_range(elf, bytes, path, phdr.p_offset, phdr.p_filesz, notes, found) != 0)
            return -1;
    }
    return 0;
}

static int take_sections(Elf *elf, const struct kernel_bytes *bytes, const char *path,
                         struct kernel_notes *notes, unsigned int *found)
{
    Elf_Scn *scn = NULL;

    while ((scn = elf_nextscn(elf, scn))) {
        GElf_Shdr shdr;

        if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_NOTE &&
            take_range(elf, bytes, path, shdr.sh_offset, shdr.sh_size, notes, found) != 0)
            return -1;
    }
    return 0;
}

static int check_notes(const char *path, const struct kernel_notes *notes)
{
    if (strncmp(notes->xen_version, "xen-3.0", 7) != 0) {
        report_error("%s: made for \"%s\", not for the PV interface xen-3.0", path, notes->xen_version);
        return -1;
    }
    if (notes->loader[0] && strcmp(notes->loader, "generic") != 0) {
        report_error("%s: wants the loader \"%s\"; only \"generic\" exists", path, notes->loader);
        return -1;
    }
    if (notes->has_paddr_offset && !notes->has_virt_base) {
        report_error("%s: has the note PADDR_OFFSET but not VIRT_BASE", path);
        return -1;
    }
    return 0;
}

int kernel_notes_read(Elf *elf, const struct kernel_bytes *bytes, const char *path,
                      struct kernel_notes *notes)
{
    unsigned int found = 0;

    memset(notes, 0, sizeof(*notes));
    if (take_segments(elf, bytes, path, notes, &found) != 0)
        return -1;
    if (found == 0 && take_sections(elf, bytes, path, notes, &found) != 0)
        return -1;
    if (found == 0) {
        report_error("%s: no Xen notes: not a kernel that can run as a PV guest", path);
        return -1;
    }
    return check_notes(path, notes);
}

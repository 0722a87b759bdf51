/* SPDX-License-Identifier: MIT */
#include "guest/events.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/thread_internal.h"
#include "guest/time.h"
#include "guest/traps.h"
#include "guest/vcpu.h"

struct start_info *start_info;

char guest_boot_stack[GUEST_STACK_SIZE]
    __attribute__((aligned(GUEST_STACK_SIZE), section(".bss.page_aligned")));

static char shared_info_page[PAGE_SIZE] __attribute__((aligned(4096), section(".bss.page_aligned")));
struct shared_info *const shared_info = (struct shared_info *)shared_info_page;

static const char *find_word(const char *key, size_t len)
{
    const char *s = (const char *)start_info->cmd_line;

    while (*s) {
        while (*s == ' ')
            s++;
        if (strncmp(s, key, len) == 0)
            return s;
        while (*s && *s != ' ')
            s++;
    }
    return NULL;
}

bool cmdline_word(const char *word)
{
    size_t len = strlen(word);
    const char *s = find_word(word, len);

    return s && (s[len] == '\0' || s[len] == ' ');
}

bool cmdline_value(const char *key, char *value, size_t size)
{
    size_t n = 0;
    const char *s = find_word(key, strlen(key));

    if (!s || !size)
        return false;
    for (s += strlen(key); *s && *s != ' ' && n + 1 < size; s++)
        value[n++] = *s;
    value[n] = '\0';
    return true;
}

void guest_start(struct start_info *si)
{
    int status;
    long rc;

    start_info = si;
    smp_init();
    thread_init((struct thread *)guest_boot_stack, "main", smp_vcpu(0));
    if (strncmp(si->magic, "xen-3.", 6) != 0)
        panic("start_info has magic '%.16s'", si->magic);
    rc = hv_update_va_mapping((unsigned long)shared_info, si->shared_info | PTE_RW, UVMF_INVLPG | UVMF_LOCAL);
    if (rc)
        panic("cannot map shared_info at machine address %lx: %ld", si->shared_info, rc);
    traps_init();
    mm_init();
    mm_publish_p2m();
    events_init();
    time_init_vcpu();
    upcall_mask_set(0);

    status = guest_main((const char *)si->cmd_line);
    printf("exit status %d\n", status);
    shutdown(SHUTDOWN_poweroff);
}

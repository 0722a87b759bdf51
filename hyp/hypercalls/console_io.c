/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_console_io: the machine's console, for dom0 only. */
#include "cpu/console.h"
#include "event/evtchn.h"
#include "hypercalls/hypercalls.h"

#define CHUNK 128

static long console_io_write(u64 count, u64 buf)
{
    char chunk[CHUNK];

    while (count) {
        size_t n = MIN(count, sizeof(chunk));

        if (copy_from_guest(chunk, buf, n))
            return -EFAULT;
        console_write_guest(chunk, n);
        buf += n;
        count -= n;
        if (count && hypercall_preempt_needed())
            return hypercall_continue(__HYPERVISOR_console_io, 3, CONSOLEIO_write, count, buf, 0, 0);
    }
    return 0;
}

static long console_io_read(u64 count, u64 buf)
{
    char chunk[CHUNK];
    u64 done = 0;

    if (count > 0x7fffffff)
        return -E2BIG;
    while (done < count) {
        size_t want = MIN(count - done, sizeof(chunk)), n;

        /* What is read is gone, so look first whether it can be delivered. */
        if (clear_guest(buf + done, want))
            return done ? (long)done : -EFAULT;
        n = console_read(chunk, want);
        if (!n)
            break;
        if (copy_to_guest(buf + done, chunk, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

long do_console_io(u64 cmd, u64 count, u64 buf, u64, u64)
{
    if (!current->domain->privileged)
        return -EPERM;
    switch ((u32)cmd) {
    case CONSOLEIO_write:
        return console_io_write((u32)count, buf);
    case CONSOLEIO_read:
        return console_io_read((u32)count, buf);
    default:
        return hypercall_unknown(__HYPERVISOR_console_io, (u32)cmd);
    }
}

void console_input_arrived(void)
{
    send_dom0_virq(VIRQ_CONSOLE);
}

/* SPDX-License-Identifier: MIT */
#include "guest/guest.h"

void shutdown(unsigned reason)
{
    struct sched_shutdown arg = {.reason = reason};

    for (;;)
        hv_sched_op(SCHEDOP_shutdown, &arg);
}

void panic(const char *fmt, ...)
{
    va_list ap;

    printf("guest panic: ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    shutdown(SHUTDOWN_crash);
}

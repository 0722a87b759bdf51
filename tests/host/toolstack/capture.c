/* SPDX-License-Identifier: MIT */
#include "tests/host/toolstack/capture.h"

#include <stdio.h>
#include <string.h>

#include "dom0/toolstack/report.h"

static char captured[4096];

static void take(void *arg, const char *line)
{
    size_t used = strlen(captured);

    (void)arg;
    snprintf(captured + used, sizeof(captured) - used, "%s\n", line);
}

void capture_start(void)
{
    captured[0] = '\0';
    report_set_sink(take, NULL);
}

const char *capture_text(void)
{
    return captured;
}

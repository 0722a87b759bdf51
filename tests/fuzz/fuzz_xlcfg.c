/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a configuration file, and again as a disk, a card and an override: accepted or refused with
 * messages.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg_device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *arg, const char *line)
{
    (void)arg;
    /* A message is one line. */
    if (strchr(line, '\n'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain_config cfg;
    struct disk_config disk;
    struct vif_config vif;
    char *text = malloc(size + 1);
    char *overrides[1] = {text};

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    report_set_sink(drop, NULL);
    if (domain_config_parse(&cfg, "fuzz", text, size, NULL, 0) == 0)
        domain_config_free(&cfg);
    if (domain_config_parse(&cfg, "fuzz", "name='a'\nmemory=1\nkernel='/bin/true'\n", 38, overrides, 1) == 0)
        domain_config_free(&cfg);
    xlcfg_parse_disk("fuzz", 1, text, &disk);
    disk_config_free(&disk);
    xlcfg_parse_vif("fuzz", 1, text, &vif);
    vif_config_free(&vif);
    free(text);
    return 0;
}

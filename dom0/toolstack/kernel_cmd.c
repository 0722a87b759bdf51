/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdlib.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/kernel.h"
#include "dom0/toolstack/kernel_beside.h"

static int put_into_cache(const char *path)
{
    struct kernel_bytes elf;
    struct kernel_image image;
    int rc;

    if (kernel_load(&elf, path) != 0)
        return -1;
    rc = kernel_parse(&elf, path, &image);
    kernel_bytes_close(&elf);
    return rc;
}

/* All files are tried, so that one bad name at boot does not leave the others cold. */
int cmd_kernel_cache(struct toolstack *ts, int argc, char **argv)
{
    int (*keep)(const char *path) = put_into_cache;
    int status = EXIT_SUCCESS, c;

    (void)ts;
    while ((c = getopt(argc, argv, "b")) != -1) {
        if (c != 'b')
            return cmd_usage(argv);
        keep = kernel_beside_make;
    }
    if (optind == argc)
        return cmd_usage(argv);
    for (int i = optind; i < argc; i++)
        if (keep(argv[i]) != 0)
            status = EXIT_FAILURE;
    return status;
}

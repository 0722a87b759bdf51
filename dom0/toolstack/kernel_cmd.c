/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/kernel.h"

/* All files are tried, so that one bad name at boot does not leave the others cold. */
int cmd_kernel_cache(struct toolstack *ts, int argc, char **argv)
{
    int status = EXIT_SUCCESS;

    (void)ts;
    if (argc < 2)
        return cmd_usage(argv);
    for (int i = 1; i < argc; i++) {
        struct kernel_bytes elf;
        struct kernel_image image;

        if (kernel_load(&elf, argv[i]) != 0) {
            status = EXIT_FAILURE;
            continue;
        }
        if (kernel_parse(&elf, argv[i], &image) != 0)
            status = EXIT_FAILURE;
        kernel_bytes_close(&elf);
    }
    return status;
}

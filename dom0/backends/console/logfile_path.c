/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dom0/backends/console/logfile.h"

#define PATH_ROOM 512

static void rotate_files(const char *path)
{
    char from[PATH_ROOM + 16], to[PATH_ROOM + 16];

    for (int i = LOGFILE_KEEP; i > 0; i--) {
        if (i > 1)
            snprintf(from, sizeof(from), "%s.%d", path, i - 1);
        else
            snprintf(from, sizeof(from), "%s", path);
        snprintf(to, sizeof(to), "%s.%d", path, i);
        rename(from, to);
    }
}

int logfile_open_path(const char *dir, const char *name, bool rotate)
{
    char safe[129], path[PATH_ROOM];
    size_t i;

    for (i = 0; name[i] && i < sizeof(safe) - 1; i++)
        safe[i] = isalnum((unsigned char)name[i]) || strchr("-_.+", name[i]) ? name[i] : '_';
    safe[i] = '\0';
    snprintf(path, sizeof(path), "%.300s/console-%s.log", dir, safe);
    if (rotate)
        rotate_files(path);
    /* To be read as well: whether its last line is complete is seen in its last byte. */
    return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_LOGFILE_H
#define HOSPES_CONSOLE_LOGFILE_H

#include <stddef.h>

/*
 * A guest's output on disk: console-NAME.log, and when that is LOGFILE_BYTES long it becomes .1, .1 becomes
 * .2, and so on up to LOGFILE_KEEP: a guest that babbles fills no disk. Failures lose text, nothing else.
 */
#define LOGFILE_BYTES (1024L * 1024)
#define LOGFILE_KEEP  3

struct logfile {
    int fd; /* -1: could not be opened, text is dropped */
    long bytes;
    char path[512];
};

/* name is what the guest is called; letters that are no good in a file's name become '_'. */
void logfile_open(struct logfile *log, const char *dir, const char *name);
void logfile_write(struct logfile *log, const char *buf, size_t len);
/* The file was moved away by somebody: begins a new one. */
void logfile_reopen(struct logfile *log);
void logfile_close(struct logfile *log);

#endif

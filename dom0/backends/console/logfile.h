/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_LOGFILE_H
#define HOSPES_CONSOLE_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A guest's output on disk, each line with the time (UTC) at which its first byte came: console-NAME.log, and
 * when that is LOGFILE_BYTES long it becomes .1, .1 becomes .2, and so on up to LOGFILE_KEEP: a guest that
 * babbles fills no disk. Failures lose text, nothing else.
 */
#define LOGFILE_BYTES (1024L * 1024)
#define LOGFILE_KEEP  3

/* Opens the file, after moving the old ones on if `rotate`: a descriptor, or -1. */
typedef int logfile_opener(void *arg, bool rotate);

struct logfile {
    int fd; /* -1: could not be opened, text is dropped */
    long bytes;
    bool inside_line; /* the last byte was no line's end */
    logfile_opener *opener;
    void *arg;
};

/* ---- names: in the broker ---- */

/* name is what the guest is called; letters that are no good in a file's name become '_'. A descriptor, or -1
 * with errno. */
int logfile_open_path(const char *dir, const char *name, bool rotate);

/* ---- text: in the worker ---- */

void logfile_open(struct logfile *log, logfile_opener *opener, void *arg);
/* How many bytes that was with the times. */
size_t logfile_write(struct logfile *log, const char *buf, size_t len);
/* The file was moved away by somebody: begins a new one. */
void logfile_reopen(struct logfile *log);
void logfile_close(struct logfile *log);

#endif

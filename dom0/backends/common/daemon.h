/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_DAEMON_H
#define HOSPES_BACKEND_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What every daemon of dom0 does at its start: options, run directories, one instance, log, background.
 *
 *     hospes-blockd [--foreground]    log on the standard error output; for a supervisor that restarts it
 *     hospes-blockd --daemon          the command returns when guests can be served; log in /var/log/hospes
 *
 * The rest of a daemon's life is in broker.h, whose broker_main() calls all this: most daemons need no more
 * than daemon_log().
 */
#define DAEMON_RUN_DIR "/run/hospes"
#define DAEMON_LOG_DIR "/var/log/hospes"

struct daemon {
    const char
        *name; /* "hospes-blockd": in the log's lines; the files are RUN_DIR/blockd.pid, LOG_DIR/blockd.log */
    bool background;     /* --daemon */
    int background_pipe; /* on which the starting command waits; -1: none, or not any more */
    int lock;            /* the pid file; locked as long as it is open in any process of the daemon */
    char pid_path[64], log_path[64];
};

/*
 * Parses the options (ends the process with a usage line if they are wrong), makes the directories, goes to
 * the background if told so, and takes the lock: another daemon of the name, or a worker that an ended one
 * has left, is given two seconds to end. 0, or -1 after a line on the standard error output.
 */
int daemon_start(struct daemon *daemon, const char *name, int argc, char **argv);

/* The daemon serves: the command that started it ends well, the log goes to its file. Idempotent. */
void daemon_ready(struct daemon *daemon);

/* The log's file for appending; -1 with errno. */
int daemon_open_log(const struct daemon *daemon);

/* The log was moved away: begins a new one. In the foreground there is none. */
void daemon_reopen_log(struct daemon *daemon);

/* Removes the pid file. */
void daemon_end(struct daemon *daemon);

/* One line in the log: "2026-01-31T23:59:59Z hospes-blockd: text". Control characters of the text become '?'.
 */
void daemon_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The name in the log's lines, for programs that do not use daemon_start(). The string is kept. */
void daemon_set_name(const char *name);

/*
 * A limit on lines that a guest can cause: BURST at once, then one in ten seconds. Zero is a full bucket.
 * True if a line may be written now; *left_out is then how many were not since the last one.
 */
#define LOG_LIMIT_BURST 10U
struct log_limit {
    long long refilled_ms;
    unsigned int used, left_out;
};

bool log_limit_take(struct log_limit *limit, unsigned int *left_out);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Exercises a disk. Words of the command line:
 *
 *   dev=51712|xvda       default: the first one there is
 *   mode=verify|passes|read|write|rand|randwrite|resize|info
 *   size=BYTES           of the disk, from its start (default: all, at most 64M); K, M and G may follow
 *   bytes=N seconds=N    how much and how long, whatever is reached first (verify: 64M if neither is given)
 *   qd=N bs=BYTES        requests in flight of each worker, and their length (verify: the longest)
 *   seed=N
 *   queues=N             one worker a queue
 *   reconnect=MS         connections are given up and made anew every MS milliseconds
 *   count=N              resizes to wait for, or passes in which everything is written and read
 *
 * Asked to shut down, it ends its work (but for mode=resize and info) and judges it.
 *
 * The frontend's own words (blk.off= and others) are in guest/frontends/blk.h. The last line is RESULT:
 * PASSED, or RESULT: FAILED and why. Everything on the disk is overwritten, unless the mode is read, rand or
 * info.
 */
#include "blktest.h"
#include "guest/control.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/result.h"
#include "guest/time.h"
#include "guest/xenbus.h"

#define DEFAULT_SIZE  (64ul << 20)
#define DEFAULT_BYTES (64ul << 20)
#define MAX_QD        256u
#define MAX_BS        (1020u << 10) /* with its guards: the most that page_alloc() gives */

static uint64_t number(const char *key, uint64_t def)
{
    char text[24], *end;
    uint64_t v;

    if (!cmdline_value(key, text, sizeof(text)))
        return def;
    v = strtoul(text, &end, 0);
    switch (*end) {
    case 'G':
        return v << 30;
    case 'M':
        return v << 20;
    case 'K':
        return v << 10;
    default:
        return v;
    }
}

static bool find_device(unsigned *id)
{
    char text[16];

    if (!cmdline_value("dev=", text, sizeof(text)))
        return xenbus_device_ids("vbd", id, 1) >= 1;
    *id = !strncmp(text, "xvd", 3) && text[3] ? 202u * 256 + (unsigned)(text[3] - 'a') * 16
                                              : (unsigned)strtoul(text, NULL, 10);
    return true;
}

static bool read_job(struct job *job)
{
    uint64_t disk = job->info.sectors, size = number("size=", DEFAULT_SIZE);

    if (!cmdline_value("mode=", job->mode, sizeof(job->mode)))
        strlcpy(job->mode, "verify", sizeof(job->mode));
    job->area = size / BLK_SECTOR < disk ? size / BLK_SECTOR : disk;
    job->seconds = number("seconds=", 0);
    job->bytes = number("bytes=", job->seconds ? 0 : DEFAULT_BYTES);
    job->qd = (unsigned)number("qd=", 16);
    job->bs = (unsigned)number("bs=", !strcmp(job->mode, "verify") ? 256 << 10 : 4096);
    job->seed = number("seed=", 1);
    job->workers = job->info.queues;
    job->reconnect = (unsigned)number("reconnect=", 0);
    job->count = (unsigned)number("count=", 1);
    return job->qd && job->qd <= MAX_QD && job->bs && job->bs <= MAX_BS &&
           job->bs % job->info.sector_size == 0 && job->area / job->workers >= job->bs / BLK_SECTOR;
}

static bool run(const struct job *job)
{
    static const struct {
        const char *mode;
        bool (*run)(const struct job *job);
    } modes[] = {{"verify", verify}, {"passes", passes},   {"read", bench},    {"write", bench},
                 {"rand", bench},    {"randwrite", bench}, {"resize", resize}, {"info", limits}};

    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
        if (!strcmp(job->mode, modes[i].mode))
            return limits(job) && modes[i].run(job);
    printf("blktest: unknown mode '%s'\n", job->mode);
    return false;
}

/* --- forced reconnections -------------------------------------------------- */

static struct waitq nudge;
static bool over;

static bool is_over(void *data)
{
    (void)data;
    return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

static void reconnect_thread(void *data)
{
    const struct job *job = data;

    while (!waitq_wait(&nudge, is_over, NULL, time_now() + job->reconnect * (SECONDS / 1000)))
        blk_reconnect(job->dev);
}

static bool run_with_reconnects(struct job *job)
{
    struct thread *t = job->reconnect ? thread_start("reconnect", 0, reconnect_thread, job) : NULL;
    bool good = run(job);

    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    waitq_wake(&nudge);
    if (t)
        thread_join(t);
    return good;
}

/* A shutdown is the end of the work, which is then judged; a suspend goes unnoticed by it. */
static bool on_request(enum control_request request, void *arg)
{
    (void)arg;
    if (request != CONTROL_POWEROFF)
        return false;
    __atomic_store_n(&job_over, true, __ATOMIC_RELEASE);
    return true;
}

static const char *test(void)
{
    struct blk_options opt;
    struct job job = {0};
    struct blk_stats stats;
    char text[8];
    unsigned id;
    int error;
    bool good;

    if (!blk_options_cmdline(&opt))
        return "unknown word in blk.off=";
    if (cmdline_value("queues=", text, sizeof(text)))
        opt.queues = (unsigned)number("queues=", 0);
    if (control_start(on_request, NULL) || !find_device(&id))
        return "no disk";
    job.dev = blk_open(id, &opt, &error);
    if (!job.dev)
        return "cannot open the disk";
    blk_info(job.dev, &job.info);
    good = read_job(&job);
    if (good)
        good = run_with_reconnects(&job);
    else
        printf("blktest: impossible values for qd=, bs= or size=\n");
    blk_stats(job.dev, &stats);
    printf("blktest: %lu reconnects, %lu requests done again, %lu stalls, %lu pages held\n", stats.reconnects,
           stats.replayed, stats.stalls, stats.held_pages);
    if (job.reconnect && !stats.reconnects)
        return "no reconnection took place";
    if (good && blk_error(job.dev))
        return "the device went out of use";
    blk_close(job.dev);
    return good ? NULL : "see above";
}

int guest_main(const char *cmdline)
{
    (void)cmdline;
    return guest_result(test());
}

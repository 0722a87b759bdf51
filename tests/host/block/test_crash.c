/* SPDX-License-Identifier: MIT */
/*
 * A daemon that is killed at any instruction loses no request and answers none twice.
 *
 * A child process is frontend and daemon in one: it asks, serves, finishes operations in any order, takes the
 * answers. First it is stepped through by ptrace, and after each instruction that changed what is shared, the
 * parent looks at what a kill would leave there: every request that was asked is answered, or in the journal,
 * or still in the ring, in exactly one of them. Then it is killed for real, hundreds of times, and the parent
 * takes over as the next daemon.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/host/block/fake.h"

#define MAX_REQUESTS (1u << 20)
#define SLOTS        32u

/* Request number n (counted from 0) has id n + 1; what it is follows from that. */
enum what { WRITE, FLUSH, BARRIER, READ };

/* What the frontend knows, shared as well. */
struct model {
    uint32_t rsp_cons;
    uint64_t answers[]; /* ids, by the answer's number */
};

static struct model *model;

static enum what what(uint64_t id)
{
    return id % 13 == 0 ? BARRIER : id % 7 == 0 ? FLUSH : id % 3 == 0 ? READ : WRITE;
}

/* Sixty-four places in turn: at most thirty-two requests are under way. */
static uint64_t sector_of(uint64_t id)
{
    return id % 64 * 8;
}

static uint32_t gref_of(uint64_t id)
{
    return FAKE_DATA_GREF + (uint32_t)(id % 64);
}

static void ask(struct fake *f)
{
    uint64_t id = f->front.req_prod_pvt + 1;
    struct blkif_request *slot;

    if (what(id) == FLUSH) {
        slot = fake_ask(f);
        slot->operation = BLKIF_OP_FLUSH_DISKCACHE;
        slot->id = id;
        return;
    }
    *(uint64_t *)fake_page(f, gref_of(id)) = id;
    fake_ask_data(f, id,
                  what(id) == READ      ? BLKIF_OP_READ
                  : what(id) == BARRIER ? BLKIF_OP_WRITE_BARRIER
                                        : BLKIF_OP_WRITE,
                  sector_of(id), gref_of(id), 0, 7);
}

static void take_answers(struct fake *f)
{
    struct blkif_response answer;

    f->front.rsp_cons = model->rsp_cons;
    while (fake_answer(f, &answer)) {
        assert_int_equal(answer.status, BLKIF_RSP_OKAY);
        model->answers[model->rsp_cons] = answer.id;
        __atomic_store_n(&model->rsp_cons, f->front.rsp_cons, __ATOMIC_RELEASE);
    }
}

/* Asks up to `last` requests in all. */
static void live(struct fake *f, uint32_t last)
{
    while (model->rsp_cons < last) {
        for (unsigned n = (unsigned)rand() % 6; n > 0 && RING_FREE_REQUESTS(&f->front) > 0; n--)
            if (f->front.req_prod_pvt < last)
                ask(f);
        fake_push(f);
        fake_run(f);
        for (unsigned n = (unsigned)rand() % 4; n > 0 && f->image.count > 0; n--)
            fake_complete(f, (unsigned)rand() % f->image.count);
        fake_run(f);
        take_answers(f);
    }
}

static int setup(void **state)
{
    struct fake *f = fake_new(0, false, false);

    model = mmap(NULL, sizeof(*model) + MAX_REQUESTS * sizeof(model->answers[0]), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *state = f;
    return model != MAP_FAILED && fake_connect(f, false) ? 0 : -1;
}

static int teardown(void **state)
{
    fake_free(*state);
    munmap(model, sizeof(*model) + MAX_REQUESTS * sizeof(model->answers[0]));
    return 0;
}

/* ---- step by step ---- */

struct view {
    uint8_t ring[BLK_PAGE_BYTES];
    uint8_t *journal;
    uint32_t rsp_cons;
};

/* Marks what a request is found as; twice is wrong. */
static void find(uint8_t *found, uint64_t id, uint32_t asked)
{
    assert_true(id >= 1 && id <= asked);
    assert_int_equal(found[id - 1], 0);
    found[id - 1] = 1;
}

static void check_request(const struct blkif_request *req)
{
    if (what(req->id) == FLUSH)
        assert_int_equal(req->operation, BLKIF_OP_FLUSH_DISKCACHE);
    else {
        assert_int_equal(req->sector_number, sector_of(req->id));
        assert_int_equal(req->seg[0].gref, gref_of(req->id));
    }
}

static bool was_written(const struct fake *f, uint64_t id)
{
    uint64_t stamp;

    memcpy(&stamp, f->image.data + sector_of(id) * BLK_SECTOR_BYTES, sizeof(stamp));
    /* Or a later one has written there. */
    return stamp >= id;
}

static void check_answered(const struct fake *f, uint8_t *found, const struct blkif_sring *ring,
                           uint32_t rsp_cons)
{
    for (uint32_t n = 0; n < ring->rsp_prod; n++) {
        uint64_t id = n < rsp_cons ? model->answers[n] : ring->ring[n % SLOTS].rsp.id;

        find(found, id, ring->req_prod);
        if (what(id) == WRITE || what(id) == BARRIER)
            assert_true(was_written(f, id));
    }
}

/* What the next daemon would find. */
static void check_view(const struct fake *f, struct view *view)
{
    const struct blkif_sring *ring = (const void *)view->ring;
    struct journal_ring *journal = journal_ring(view->journal, &f->identity, 0);
    struct journal_entry *order[SLOTS];
    uint8_t *found = calloc(ring->req_prod + 1, 1);
    int count = journal_recover(journal, SLOTS, ring->rsp_prod, order);

    assert_true(journal_matches(view->journal, f->journal_bytes, &f->identity));
    assert_true(count >= 0);
    check_answered(f, found, ring, view->rsp_cons);
    for (int i = 0; i < count; i++) {
        find(found, order[i]->request.id, ring->req_prod);
        check_request(&order[i]->request);
        assert_true(i == 0 || order[i]->index > order[i - 1]->index);
    }
    for (uint32_t n = journal->taken; n < ring->req_prod; n++) {
        find(found, ring->ring[n % SLOTS].req.id, ring->req_prod);
        check_request(&ring->ring[n % SLOTS].req);
    }
    for (uint32_t n = 0; n < ring->req_prod; n++)
        assert_int_equal(found[n], 1);
    free(found);
}

/* True if anything shared is different from the last look. */
static bool look(const struct fake *f, struct view *view)
{
    const uint8_t *ring = f->guest + FAKE_RING_GREF * (size_t)BLK_PAGE_BYTES;

    if (memcmp(view->ring, ring, BLK_PAGE_BYTES) == 0 && view->rsp_cons == model->rsp_cons &&
        memcmp(view->journal, f->journal, f->journal_bytes) == 0)
        return false;
    memcpy(view->ring, ring, BLK_PAGE_BYTES);
    memcpy(view->journal, f->journal, f->journal_bytes);
    view->rsp_cons = model->rsp_cons;
    return true;
}

static void test_every_instruction(void **state)
{
    struct fake *f = *state;
    struct view view = {.journal = malloc(f->journal_bytes)};
    uint8_t *scratch = malloc(f->journal_bytes);
    unsigned looks = 0;
    int status;
    pid_t pid;

    memset(view.journal, 0xff, f->journal_bytes);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        srand(3);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        live(f, 45);
        _exit(model->rsp_cons == 45 ? 0 : 1);
    }
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (look(f, &view)) {
            struct view copy = view;

            memcpy(scratch, view.journal, f->journal_bytes);
            copy.journal = scratch;
            check_view(f, &copy);
            looks++;
        }
        ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(looks > 400);
    free(scratch);
    free(view.journal);
}

/* ---- killed ---- */

static void sleep_us(long us)
{
    const struct timespec ts = {0, us * 1000};

    nanosleep(&ts, NULL);
}

/* The child serves until it is killed; the parent's memory is as it was before. */
static void let_a_daemon_live(struct fake *f, unsigned seed)
{
    pid_t pid = fork();

    if (pid == 0) {
        srand(seed);
        live(f, MAX_REQUESTS - SLOTS);
        _exit(1);
    }
    sleep_us(200 + rand() % 3000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_killed(void **state)
{
    struct fake *f = *state;
    uint8_t *found;

    srand(11);
    for (unsigned round = 0; round < 300; round++) {
        let_a_daemon_live(f, round);
        /* The frontend lives on: what it had shown is shown, what it had taken is taken. */
        f->front.req_prod_pvt = f->front.sring->req_prod;
        f->front.rsp_cons = model->rsp_cons;
        assert_non_null(fake_restart(f));
        assert_int_equal(f->fails, 0);
        if (round % 3 == 0)
            continue; /* and this one is killed before it has done anything */
        fake_run(f);
        fake_complete_all(f);
        fake_run(f);
        take_answers(f);
    }
    live(f, f->front.req_prod_pvt);
    assert_int_equal(model->rsp_cons, f->front.sring->req_prod);
    assert_true(model->rsp_cons > 1000);
    found = calloc(model->rsp_cons, 1);
    for (uint32_t n = 0; n < model->rsp_cons; n++)
        find(found, model->answers[n], model->rsp_cons);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_instruction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Threads, away from the headers of the scheduler, which has a sched_yield() of its own. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

typedef void thread_fn(unsigned cpu);
void threads_run(unsigned n, thread_fn *fn);
void threads_yield(void);
uint32_t threads_random(uint64_t *state);

static pthread_barrier_t all_there;

struct start {
    thread_fn *fn;
    unsigned cpu;
};

static void *run(void *arg)
{
    struct start *s = arg;

    pthread_barrier_wait(&all_there);
    s->fn(s->cpu);
    return NULL;
}

void threads_run(unsigned n, thread_fn *fn)
{
    pthread_t *threads = calloc(n, sizeof(*threads));
    struct start *starts = calloc(n, sizeof(*starts));

    pthread_barrier_init(&all_there, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        starts[i] = (struct start){fn, i};
        if (pthread_create(&threads[i], NULL, run, &starts[i]))
            abort();
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_there);
    free(threads);
    free(starts);
}

void threads_yield(void)
{
    sched_yield();
}

uint32_t threads_random(uint64_t *state)
{
    *state = *state * 6364136223846793005UL + 1442695040888963407UL;
    return (uint32_t)(*state >> 33);
}

#define _GNU_SOURCE
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_THREADS 64
// How long an idle worker looks for the next job before it sleeps: about 30 µs, less than waking it costs.
#define SPIN_COUNT 1500

typedef void (*part_body)(void *, size_t);

// One job at a time. `claim` holds the job's number in the upper half and the next part in the lower: a part is
// claimed by compare-and-exchange, so a late worker can never take a part of a job whose fields it has not read. While the
// fields change, the next part is NO_PART: a worker that is late in the job before would take them for that job's.
#define NO_PART UINT32_MAX
static _Atomic uint64_t claim;
static _Atomic(part_body) job_body;
static _Atomic(void *) job_context;
static _Atomic uint32_t job_parts;
static _Atomic uint32_t done_parts;

static pthread_mutex_t caller_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static _Atomic int sleeper_count;
static int worker_count;
static _Atomic int thread_count;
static _Thread_local int inside;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Runs parts of job `number` until none is left.
static void work(uint32_t number) {
    for (;;) {
        uint64_t seen = atomic_load_explicit(&claim, memory_order_acquire);
        part_body body = atomic_load_explicit(&job_body, memory_order_relaxed);
        void *context = atomic_load_explicit(&job_context, memory_order_relaxed);
        uint32_t parts = atomic_load_explicit(&job_parts, memory_order_relaxed);
        uint32_t part = (uint32_t)seen;
        if ((uint32_t)(seen >> 32) != number || part >= parts) return;
        if (!atomic_compare_exchange_weak_explicit(
                &claim, &seen, seen + 1, memory_order_acq_rel, memory_order_acquire))
            continue;
        body(context, part);
        atomic_fetch_add_explicit(&done_parts, 1, memory_order_release);
    }
}

static uint32_t current_job(void) { return (uint32_t)(atomic_load_explicit(&claim, memory_order_acquire) >> 32); }

static void *worker(void *argument) {
    uint32_t last = (uint32_t)(uintptr_t)argument;
    inside = 1;
    for (;;) {
        for (int spin = 0; spin < SPIN_COUNT && current_job() == last; spin++) pause_briefly();
        if (current_job() == last) {
            pthread_mutex_lock(&sleep_lock);
            atomic_fetch_add(&sleeper_count, 1);
            while (current_job() == last) pthread_cond_wait(&wake, &sleep_lock);
            atomic_fetch_sub(&sleeper_count, 1);
            pthread_mutex_unlock(&sleep_lock);
        }
        last = current_job();
        work(last);
    }
    return 0;
}

int mr_thread_count(void) {
    int count = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (count > 0) return count;
    cpu_set_t set;
    count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    if (count > MAX_THREADS) count = MAX_THREADS;
    atomic_store_explicit(&thread_count, count, memory_order_relaxed);
    return count;
}

void mr_set_thread_count(int count) {
    count = count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
    atomic_store_explicit(&thread_count, count, memory_order_relaxed);
}

void mr_parallel(size_t parts, part_body body, void *context) {
    int threads = mr_thread_count();
    if (parts < 2 || parts > UINT32_MAX || threads < 2 || inside || pthread_mutex_trylock(&caller_lock) != 0) {
        for (size_t part = 0; part < parts; part++) body(context, part);
        return;
    }
    inside = 1;
    uint32_t number = current_job();
    while (worker_count < threads - 1) {
        pthread_t thread;
        if (pthread_create(&thread, 0, worker, (void *)(uintptr_t)number) != 0) break;
        pthread_detach(thread);
        worker_count++;
    }
    // Acquire: none of the fields changes before this does. Under the old number, so that nobody looks for the new job yet.
    atomic_exchange_explicit(&claim, (uint64_t)number << 32 | NO_PART, memory_order_acq_rel);
    atomic_store_explicit(&job_body, body, memory_order_relaxed);
    atomic_store_explicit(&job_context, context, memory_order_relaxed);
    atomic_store_explicit(&job_parts, (uint32_t)parts, memory_order_relaxed);
    atomic_store_explicit(&done_parts, 0, memory_order_relaxed);
    number++;
    // Sequentially consistent, as is the count of sleepers: either the worker sees the job or we see the sleeper.
    atomic_store(&claim, (uint64_t)number << 32);
    if (atomic_load(&sleeper_count) > 0) {
        pthread_mutex_lock(&sleep_lock);
        pthread_cond_broadcast(&wake);
        pthread_mutex_unlock(&sleep_lock);
    }
    work(number);
    for (int spin = 0; atomic_load_explicit(&done_parts, memory_order_acquire) < parts; spin++) {
        if (spin < 10000) pause_briefly();
        else sched_yield();
    }
    inside = 0;
    pthread_mutex_unlock(&caller_lock);
}

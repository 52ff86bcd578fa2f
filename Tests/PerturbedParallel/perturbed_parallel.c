#define _GNU_SOURCE
#include "perturbed_parallel.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

// Every few steps, as a generator of this thread has it.
static void give_way_at_times(void) {
    static _Thread_local uint32_t state;
    if (!state) state = (uint32_t)(uintptr_t)&state | 1;
    state = state * 1664525 + 1013904223;
    if (state >> 29 == 0) sched_yield();
}

#undef atomic_load_explicit
#define atomic_load_explicit(object, order) \
    ({ \
        __auto_type loaded_value = __c11_atomic_load(object, order); \
        give_way_at_times(); \
        loaded_value; \
    })
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order) \
    ({ \
        __c11_atomic_store(object, value, order); \
        give_way_at_times(); \
    })

#define mr_parallel perturbed_parallel
#define mr_set_thread_count perturbed_set_thread_count
#define mr_thread_count perturbed_thread_count
#include "../../Sources/CKernels/runtime/parallel.c"

static _Atomic int runs[64];

static void run_part(void *context, size_t part) {
    (void)context;
    atomic_fetch_add(&runs[part], 1);
}

size_t perturbed_wrong_jobs(size_t jobs, size_t most) {
    size_t wrong = 0;
    for (size_t job = 0; job < jobs; job++) {
        size_t parts = job % 2 ? most : 2;
        for (size_t part = 0; part < most; part++) atomic_store(&runs[part], 0);
        perturbed_parallel(parts, run_part, NULL);
        int is_wrong = 0;
        for (size_t part = 0; part < most; part++) is_wrong |= atomic_load(&runs[part]) != (part < parts);
        wrong += (size_t)is_wrong;
    }
    return wrong;
}

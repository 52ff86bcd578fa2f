#define _DEFAULT_SOURCE
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIGNMENT 64
// Of x86-64, and mostly of arm64. Fresh memory in small pages costs more to be given than to be filled.
#define HUGE_PAGE ((size_t)2 << 20)
// Blocks beyond this are rare enough to go straight to the system.
#define LARGEST_KEPT ((size_t)64 << 20)
// All kept blocks together. A training step reuses its blocks; a program that loads a model once keeps little.
#define KEPT_LIMIT ((size_t)256 << 20)
// Four sizes for each power of two from 64 bytes: at most a quarter of a block is unused.
#define CLASS_COUNT 128

typedef struct block {
    struct block *next;
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *kept[CLASS_COUNT];
static size_t kept_bytes, live_bytes, peak_bytes;

// The smallest class whose blocks have `byte_count` bytes, and how many they have.
static int size_class(size_t byte_count, size_t *rounded) {
    if (byte_count <= ALIGNMENT) {
        *rounded = ALIGNMENT;
        return 0;
    }
    // byte_count - 1 has its leading bit at `log`: the class is between 2^log and 2^(log+1), in quarters.
    int log = 63 - __builtin_clzll(byte_count - 1);
    size_t quarter = ((size_t)1 << log) / 4;
    size_t quarters = (byte_count - ((size_t)1 << log) + quarter - 1) / quarter;
    *rounded = ((size_t)1 << log) + quarters * quarter;
    // Quarters of 64 and 128 bytes are no multiples of the alignment.
    *rounded = (*rounded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return (log - 6) * 4 + (int)quarters;
}

void *mr_allocate(size_t byte_count) {
    size_t rounded;
    int index = size_class(byte_count, &rounded);
    pthread_mutex_lock(&lock);
    live_bytes += rounded;
    if (live_bytes > peak_bytes) peak_bytes = live_bytes;
    block *found = rounded <= LARGEST_KEPT ? kept[index] : 0;
    if (found) {
        kept[index] = found->next;
        kept_bytes -= rounded;
    }
    pthread_mutex_unlock(&lock);
    if (found) return found;
    void *fresh = 0;
    int is_huge = rounded >= HUGE_PAGE;
    if (posix_memalign(&fresh, is_huge ? HUGE_PAGE : ALIGNMENT, rounded) != 0) abort();
#ifdef MADV_HUGEPAGE
    // Advice: it may fail, and the last page, which may be somebody else's too, is left out.
    if (is_huge) madvise(fresh, rounded / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return fresh;
}

void mr_deallocate(void *memory, size_t byte_count) {
    size_t rounded;
    int index = size_class(byte_count, &rounded);
    pthread_mutex_lock(&lock);
    live_bytes -= rounded;
    int keep = rounded <= LARGEST_KEPT && kept_bytes + rounded <= KEPT_LIMIT;
    if (keep) {
        block *freed = memory;
        freed->next = kept[index];
        kept[index] = freed;
        kept_bytes += rounded;
    }
    pthread_mutex_unlock(&lock);
    if (!keep) free(memory);
}

void mr_trim_memory(void) {
    pthread_mutex_lock(&lock);
    for (int index = 0; index < CLASS_COUNT; index++) {
        while (kept[index]) {
            block *next = kept[index]->next;
            free(kept[index]);
            kept[index] = next;
        }
    }
    kept_bytes = 0;
    pthread_mutex_unlock(&lock);
}

static size_t locked_read(const size_t *counter) {
    pthread_mutex_lock(&lock);
    size_t value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

size_t mr_kept_memory(void) { return locked_read(&kept_bytes); }
size_t mr_live_memory(void) { return locked_read(&live_bytes); }
size_t mr_peak_memory(void) { return locked_read(&peak_bytes); }

void mr_reset_peak_memory(void) {
    pthread_mutex_lock(&lock);
    peak_bytes = live_bytes;
    pthread_mutex_unlock(&lock);
}

static _Thread_local int without_gradient_depth;

int mr_without_gradient_depth(void) { return without_gradient_depth; }
void mr_add_without_gradient_depth(int change) { without_gradient_depth += change; }

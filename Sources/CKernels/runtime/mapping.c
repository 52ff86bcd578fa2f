#define _GNU_SOURCE
#include "mapping.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

// A handler of signals may take no lock: it reads a table of fixed size, each entry of which is written in an order that
// makes it empty or whole.
#define MAXIMUM 1024

typedef struct {
    _Atomic uintptr_t start;
    _Atomic size_t count;
} watched_mapping;

static watched_mapping mappings[MAXIMUM];
static struct sigaction earlier;

static bool is_watched(uintptr_t address) {
    for (int i = 0; i < MAXIMUM; i++) {
        uintptr_t start = atomic_load(&mappings[i].start);
        if (start && address >= start && address - start < atomic_load(&mappings[i].count)) return true;
    }
    return false;
}

static void handle(int signal, siginfo_t *info, void *context) {
    uintptr_t address = (uintptr_t)info->si_addr;
    uintptr_t page = address & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    if (is_watched(address) &&
        mmap((void *)page, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
        return;
    if (earlier.sa_flags & SA_SIGINFO) {
        earlier.sa_sigaction(signal, info, context);
    } else if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) {
        earlier.sa_handler(signal);
    } else {
        // The instruction runs again, and its fault ends the process.
        struct sigaction none = {.sa_handler = SIG_DFL};
        sigaction(signal, &none, NULL);
    }
}

void mr_survive_truncated_files(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &earlier);
}

bool mr_watch_mapping(void *start, size_t count) {
    for (int i = 0; i < MAXIMUM; i++) {
        uintptr_t empty = 0;
        // Claimed with a count of 0, which holds no address.
        if (!atomic_compare_exchange_strong(&mappings[i].start, &empty, (uintptr_t)start)) continue;
        atomic_store(&mappings[i].count, count);
        return true;
    }
    return false;
}

void mr_unwatch_mapping(void *start) {
    for (int i = 0; i < MAXIMUM; i++) {
        if (atomic_load(&mappings[i].start) != (uintptr_t)start) continue;
        atomic_store(&mappings[i].count, 0);
        atomic_store(&mappings[i].start, 0);
        return;
    }
}

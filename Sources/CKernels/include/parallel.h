#ifndef CKERNELS_PARALLEL_H
#define CKERNELS_PARALLEL_H

#include <stddef.h>

/// Threads that kernels may use, the caller's included. At first, the processors this process may run on.
int mr_thread_count(void);

/// Sets the number of threads, 1 to 64.
void mr_set_thread_count(int count);

/// Calls `body(context, part)` for each part from 0 to `parts` - 1, on several threads, and waits for all.
///
/// Parts may run in any order and on any thread. A call from within a part, or while another thread is in here,
/// runs all its parts on the calling thread.
void mr_parallel(size_t parts, void (*body)(void *context, size_t part), void *context);

#endif

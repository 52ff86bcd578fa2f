#ifndef CKERNELS_MEMORY_H
#define CKERNELS_MEMORY_H

#include <stddef.h>

/// Memory aligned to 64 bytes, uninitialised, at least `byte_count` bytes; never null.
///
/// Freed blocks are kept for the next allocation of about their size, because fresh pages from the system cost
/// more than most kernels that write them.
void *mr_allocate(size_t byte_count);

/// Gives back what `mr_allocate(byte_count)` returned.
void mr_deallocate(void *block, size_t byte_count);

/// Returns all kept blocks to the system.
void mr_trim_memory(void);

/// Bytes of the blocks that are kept.
size_t mr_kept_memory(void);

/// Bytes allocated and not yet given back, and the most there have been since the last reset.
size_t mr_live_memory(void);
size_t mr_peak_memory(void);
void mr_reset_peak_memory(void);

/// Depth of `withoutGradient` on this thread. Swift has no thread-local variables of its own.
int mr_without_gradient_depth(void);
void mr_add_without_gradient_depth(int change);

#endif

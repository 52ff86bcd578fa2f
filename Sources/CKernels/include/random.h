#ifndef CKERNELS_RANDOM_H
#define CKERNELS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/// Fills `count` 32-bit words with Philox 4×32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
///
/// `key` is the seed; each block of four words comes from one value of the 128-bit counter, of which `counter` is
/// the lower half and the upper half is 0. Starts with the first word of block `counter`.
void mr_philox(uint64_t key, uint64_t counter, size_t count, uint32_t *words);

#endif

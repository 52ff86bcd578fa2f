#ifndef CKERNELS_STATISTICS_H
#define CKERNELS_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

/// Counts how often each byte value occurs. At most 2³² - 1 bytes.
void mr_histogram(const uint8_t *bytes, size_t count, uint32_t counts[256]);

/// The histogram of at most 8 KiB of the bytes: 16 pieces at equal distances.
///
/// Returns the number of bytes counted.
size_t mr_sampled_histogram(const uint8_t *bytes, size_t count, uint32_t counts[256]);

/// Order-0 entropy in bits per byte, to about 0.001, of a histogram of `count` bytes. 0 for no bytes.
double mr_entropy(const uint32_t counts[256], size_t count);

/// The probability that two independent bytes of this distribution are equal: the sum of the squares.
double mr_collision_probability(const uint32_t counts[256], size_t count);

/// The number of bytes that equal the byte before them.
size_t mr_equal_neighbours(mr_cpu_level level, const uint8_t *bytes, size_t count);

#endif

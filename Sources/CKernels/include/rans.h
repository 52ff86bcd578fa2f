#ifndef CKERNELS_RANS_H
#define CKERNELS_RANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bits of a probability.
#define MR_RANS_SCALE 12
/// Symbols coded side by side, each by a state of its own.
#define MR_RANS_LANE_COUNT 8

/// The most bytes that `mr_rans_encode` writes.
size_t mr_rans_bound(size_t count);

/// About how many bytes `mr_rans_encode` will write for `count` bytes, of which `counted` were counted.
size_t mr_rans_estimate(const uint32_t counts[256], size_t counted, size_t count);

/// Entropy-codes bytes by their frequencies (range asymmetric numeral systems, Duda 2013).
///
/// - counts: their histogram; at least two bytes differ.
/// - target: room for `mr_rans_bound(count)` bytes.
///
/// Returns the number of bytes written. The format is that of docs/codec.md, plane coding 4.
size_t mr_rans_encode(const uint8_t *bytes, size_t count, const uint32_t counts[256], uint8_t *target);

/// The inverse of `mr_rans_encode`. Any source is safe; returns whether it is what the encoder writes for exactly
/// `count` bytes.
bool mr_rans_decode(const uint8_t *source, size_t source_count, uint8_t *bytes, size_t count);

#endif

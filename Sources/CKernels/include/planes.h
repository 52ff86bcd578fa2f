#ifndef CKERNELS_PLANES_H
#define CKERNELS_PLANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

/// Splits `count` little-endian elements of `width` bytes (2, 4 or 8) into byte planes: byte p of element i goes
/// to `planes[p][i]`.
///
/// With `rotate`, each element is first rotated left by one bit. The exponent of a bfloat16 or float32 then
/// fills the last plane, and the sign is the lowest bit of the first.
void mr_split_planes(
    mr_cpu_level level, const void *elements, size_t count, size_t width, bool rotate, uint8_t *const *planes);

/// The inverse of `mr_split_planes`.
void mr_merge_planes(
    mr_cpu_level level, const uint8_t *const *planes, size_t count, size_t width, bool rotate, void *elements);

#endif

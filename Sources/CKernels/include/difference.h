#ifndef CKERNELS_DIFFERENCE_H
#define CKERNELS_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "health.h"
#include "cpu.h"

/// A sum in double precision, with what was lost to rounding (Neumaier 1974).
typedef struct {
    double value;
    double lost;
} mr_sum;

/// The sum, rounded once.
double mr_sum_value(mr_sum sum);

/// Buckets of distances in units in the last place: 0, then 1, 2 to 3, 4 to 7, …, 2^63 to 2^64 - 1.
#define MR_ULP_BUCKETS 65

/// How elements differ from others in the same places. Sums are over the places where both are finite.
typedef struct {
    uint64_t element_count;
    /// Places where both are finite.
    uint64_t finite_count;
    /// Places with other bits; between two types, with another value, where NaN equals NaN.
    uint64_t changed_count;
    uint64_t old_nan_count;
    uint64_t new_nan_count;
    uint64_t old_infinity_count;
    uint64_t new_infinity_count;
    /// NaN or infinite now and not before, and the other way round.
    uint64_t nan_appeared_count;
    uint64_t nan_gone_count;
    uint64_t infinity_appeared_count;
    uint64_t infinity_gone_count;
    /// The greatest distance, and the first place that has it; 0 and 0 where nothing differs.
    double maximum;
    uint64_t maximum_position;
    /// Of new - old: the sum, that of absolute values, and that of squares.
    mr_sum difference;
    mr_sum absolute;
    mr_sum squares;
    /// Of the products with each other and with themselves.
    mr_sum products;
    mr_sum old_squares;
    mr_sum new_squares;
    /// Squares of finite elements whose partner is not finite.
    mr_sum lone_old_squares;
    mr_sum lone_new_squares;
    /// Finite pairs by their distance in representable values. All zero between two types.
    uint64_t ulps[MR_ULP_BUCKETS];
} mr_difference;

/// The difference of no elements.
mr_difference mr_difference_empty(void);

/// Measures how `count` little-endian elements differ. The addresses need no alignment. Every instruction level gives the
/// same result to the last bit.
///
/// All values are widened to doubles (integers of 64 bits are rounded), and subtracted as such. Distances in the last
/// place are between neighbours of the type: of integers, the absolute difference. No square, product or sum is
/// scaled: beyond the range of doubles they are infinite.
mr_difference mr_difference_of(
    mr_cpu_level level, mr_health_type old_type, const void *old_elements, mr_health_type new_type,
    const void *new_elements, size_t count);

/// Adds that of elements from place `offset` on. Sums of the same parts in the same order are equal to the last bit.
void mr_difference_add(mr_difference *total, const mr_difference *part, uint64_t offset);

/// Adds to a sum.
void mr_sum_add(mr_sum *sum, double term);

#endif

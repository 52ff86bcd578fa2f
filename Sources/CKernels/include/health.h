#ifndef CKERNELS_HEALTH_H
#define CKERNELS_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

/// What an element is. Booleans are `MR_HEALTH_UINT8`, a complex number is two floats.
typedef enum {
    MR_HEALTH_UINT8,
    MR_HEALTH_INT8,
    MR_HEALTH_UINT16,
    MR_HEALTH_INT16,
    MR_HEALTH_UINT32,
    MR_HEALTH_INT32,
    MR_HEALTH_UINT64,
    MR_HEALTH_INT64,
    MR_HEALTH_FLOAT16,
    MR_HEALTH_BFLOAT16,
    MR_HEALTH_FLOAT32,
    MR_HEALTH_FLOAT64,
    MR_HEALTH_FLOAT8_E4M3FN,
    MR_HEALTH_FLOAT8_E4M3FNUZ,
    MR_HEALTH_FLOAT8_E5M2,
    MR_HEALTH_FLOAT8_E5M2FNUZ,
    MR_HEALTH_FLOAT8_E8M0FNU,
} mr_health_type;

/// What can be said of elements without looking at where they are.
typedef struct {
    uint64_t element_count;
    uint64_t nan_count;
    uint64_t infinity_count;
    /// Zeros of either sign.
    uint64_t zero_count;
    /// The least and greatest finite element; +infinity and -infinity if there is none. Never -0. Integers of 64
    /// bits are rounded to the nearest double.
    double minimum;
    double maximum;
    /// Of the finite elements. Infinity if that is more than a double holds.
    double sum_of_squares;
} mr_health;

/// Bytes of an element.
size_t mr_health_width(mr_health_type type);

/// The value of an element of one byte.
double mr_byte_value(mr_health_type type, uint8_t bits);

/// The health of no elements.
mr_health mr_health_empty(void);

/// The health of `count` little-endian elements, at any address. Equal at every level, also the last bit of the sum.
mr_health mr_health_of(mr_cpu_level level, mr_health_type type, const void *elements, size_t count);

/// Adds that of further elements. Sums of the same parts in the same order are equal to the last bit; cut
/// elsewhere, the sum of squares may differ in the last bits, nothing else does.
void mr_health_add(mr_health *total, const mr_health *part);

#endif

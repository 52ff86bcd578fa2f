#ifndef CKERNELS_DELTA_H
#define CKERNELS_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

/// Where a float has its exponent.
typedef enum {
    MR_FLOAT16,
    MR_BFLOAT16,
    MR_FLOAT32,
    MR_FLOAT64,
} mr_float_format;

#define MR_DELTA_CLASS_LIMIT 32

/// The elements of a base, grouped by exponent: the order in which the differences from them are stored.
///
/// Exponents are taken in ascending order. One begins a new class if the current class has at least 4096
/// elements, at least 4096 are left, itself included, and there are fewer than 32 classes. Without elements there
/// are no classes.
typedef struct {
    uint32_t class_count;
    /// Elements of each class.
    uint32_t counts[MR_DELTA_CLASS_LIMIT];
    /// Where the first element of each class goes, for each quarter of the chunk: four of them are worked on at
    /// once, so that one class's position need not wait for the element before.
    uint32_t positions[4][MR_DELTA_CLASS_LIMIT];
    uint8_t class_of_exponent[2048];
} mr_delta_classes;

/// Groups the elements of a base of `count` floats, fewer than 2³².
void mr_delta_classify(mr_float_format format, const void *base, size_t count, mr_delta_classes *classes);

/// Writes the differences of `count` floats from their bases, by class, in order within each class.
///
/// Floats are mapped to integers of the same order, subtracted with wrapping, and zigzagged. Nothing but
/// `differences` need be aligned.
void mr_float_delta(
    mr_cpu_level level, mr_float_format format, const void *chunk, const void *base, size_t count,
    const mr_delta_classes *classes, void *differences);

/// The inverse of `mr_float_delta`.
void mr_float_undelta(
    mr_cpu_level level, mr_float_format format, const void *differences, const void *base, size_t count,
    const mr_delta_classes *classes, void *chunk);

/// Writes the zigzagged differences of `count` integers of `width` bytes (1, 2, 4 or 8), in order.
void mr_integer_delta(
    mr_cpu_level level, const void *chunk, const void *base, size_t count, size_t width, void *differences);

/// The inverse of `mr_integer_delta`.
void mr_integer_undelta(
    mr_cpu_level level, const void *differences, const void *base, size_t count, size_t width, void *chunk);

#endif

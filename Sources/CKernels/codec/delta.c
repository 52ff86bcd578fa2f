#include "delta.h"

#include "../runtime/dispatch.h"

#include <string.h>

#define CLASS_MINIMUM 4096
#define EXPONENT_LIMIT 2048
#define BLOCK 256

// MARK: Integers

#define MR_JOIN_(a, b, c) a##b##c
#define MR_JOIN3(a, b, c) MR_JOIN_(a, b, c)
#define MR_JOIN(a, b) MR_JOIN3(a, b, )

#define BITS 8
#include "delta_width.h"
#undef BITS
#define BITS 16
#include "delta_width.h"
#undef BITS
#define BITS 32
#include "delta_width.h"
#undef BITS
#define BITS 64
#include "delta_width.h"
#undef BITS

#define INTEGER_LEVEL(name, target)                                                                        \
    target static void integer_delta_##name(                                                               \
        const uint8_t *chunk, const uint8_t *base, size_t count, size_t width, uint8_t *out) {             \
        if (width == 1) integer_delta8(chunk, base, count, out);                                           \
        if (width == 2) integer_delta16(chunk, base, count, out);                                          \
        if (width == 4) integer_delta32(chunk, base, count, out);                                          \
        if (width == 8) integer_delta64(chunk, base, count, out);                                          \
    }                                                                                                      \
    target static void integer_undelta_##name(                                                             \
        const uint8_t *in, const uint8_t *base, size_t count, size_t width, uint8_t *chunk) {              \
        if (width == 1) integer_undelta8(in, base, count, chunk);                                          \
        if (width == 2) integer_undelta16(in, base, count, chunk);                                         \
        if (width == 4) integer_undelta32(in, base, count, chunk);                                         \
        if (width == 8) integer_undelta64(in, base, count, chunk);                                         \
    }

FOR_EACH_LEVEL(INTEGER_LEVEL)

void mr_integer_delta(
    mr_cpu_level level, const void *chunk, const void *base, size_t count, size_t width, void *differences) {
    ON_LEVEL(level, integer_delta, chunk, base, count, width, differences)
}

void mr_integer_undelta(
    mr_cpu_level level, const void *differences, const void *base, size_t count, size_t width, void *chunk) {
    ON_LEVEL(level, integer_undelta, differences, base, count, width, chunk)
}

// MARK: Classes

// How often each exponent occurs in each quarter of a chunk.
typedef uint32_t exponent_counts[4][EXPONENT_LIMIT];

static void make_classes(
    exponent_counts counts, size_t exponent_count, size_t element_count, mr_delta_classes *classes) {
    memset(classes, 0, sizeof *classes);
    if (element_count == 0) return;
    size_t class = 0, remaining = element_count;
    for (size_t exponent = 0; exponent < exponent_count; exponent++) {
        if (classes->counts[class] >= CLASS_MINIMUM && remaining >= CLASS_MINIMUM &&
            class + 1 < MR_DELTA_CLASS_LIMIT)
            class++;
        classes->class_of_exponent[exponent] = (uint8_t)class;
        for (int quarter = 0; quarter < 4; quarter++) {
            uint32_t count = counts[quarter][exponent];
            classes->counts[class] += count;
            classes->positions[quarter][class] += count;
            remaining -= count;
        }
    }
    classes->class_count = (uint32_t)class + 1;
    uint32_t position = 0;
    for (class = 0; class < classes->class_count; class++)
        for (int quarter = 0; quarter < 4; quarter++) {
            uint32_t count = classes->positions[quarter][class];
            classes->positions[quarter][class] = position;
            position += count;
        }
}

// MARK: Floats

#define NAME float16
#define BITS 16
#define MANTISSA_WIDTH 10
#define EXPONENT_WIDTH 5
#include "delta_format.h"

#define NAME bfloat16
#define BITS 16
#define MANTISSA_WIDTH 7
#define EXPONENT_WIDTH 8
#include "delta_format.h"

#define NAME float32
#define BITS 32
#define MANTISSA_WIDTH 23
#define EXPONENT_WIDTH 8
#include "delta_format.h"

#define NAME float64
#define BITS 64
#define MANTISSA_WIDTH 52
#define EXPONENT_WIDTH 11
#include "delta_format.h"

void mr_delta_classify(mr_float_format format, const void *base, size_t count, mr_delta_classes *classes) {
    switch (format) {
        case MR_FLOAT16: classify_float16(base, count, classes); break;
        case MR_BFLOAT16: classify_bfloat16(base, count, classes); break;
        case MR_FLOAT32: classify_float32(base, count, classes); break;
        case MR_FLOAT64: classify_float64(base, count, classes); break;
    }
}

#define FLOAT_LEVEL(name, target)                                                                              \
    target static void float_delta_##name(                                                                     \
        mr_float_format format, const uint8_t *chunk, const uint8_t *base, size_t count,                       \
        const mr_delta_classes *classes, void *differences) {                                                  \
        switch (format) {                                                                                      \
            case MR_FLOAT16: float_delta_float16(chunk, base, count, classes, differences); break;             \
            case MR_BFLOAT16: float_delta_bfloat16(chunk, base, count, classes, differences); break;           \
            case MR_FLOAT32: float_delta_float32(chunk, base, count, classes, differences); break;             \
            case MR_FLOAT64: float_delta_float64(chunk, base, count, classes, differences); break;             \
        }                                                                                                      \
    }                                                                                                          \
    target static void float_undelta_##name(                                                                   \
        mr_float_format format, const void *differences, const uint8_t *base, size_t count,                    \
        const mr_delta_classes *classes, uint8_t *chunk) {                                                     \
        switch (format) {                                                                                      \
            case MR_FLOAT16: float_undelta_float16(differences, base, count, classes, chunk); break;           \
            case MR_BFLOAT16: float_undelta_bfloat16(differences, base, count, classes, chunk); break;         \
            case MR_FLOAT32: float_undelta_float32(differences, base, count, classes, chunk); break;           \
            case MR_FLOAT64: float_undelta_float64(differences, base, count, classes, chunk); break;           \
        }                                                                                                      \
    }

FOR_EACH_LEVEL(FLOAT_LEVEL)

void mr_float_delta(
    mr_cpu_level level, mr_float_format format, const void *chunk, const void *base, size_t count,
    const mr_delta_classes *classes, void *differences) {
    ON_LEVEL(level, float_delta, format, chunk, base, count, classes, differences)
}

void mr_float_undelta(
    mr_cpu_level level, mr_float_format format, const void *differences, const void *base, size_t count,
    const mr_delta_classes *classes, void *chunk) {
    ON_LEVEL(level, float_undelta, format, differences, base, count, classes, chunk)
}

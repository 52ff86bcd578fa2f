#include "delta.h"

#include "dispatch.h"

#include <string.h>

#define CLASS_MINIMUM 4096
#define EXPONENT_LIMIT 2048
#define BLOCK 256

// MARK: Integers

#define INTEGERS(bits)                                                                                     \
    typedef uint##bits##_t u##bits;                                                                        \
    INLINE u##bits load##bits(const uint8_t *p) {                                                          \
        u##bits u;                                                                                         \
        memcpy(&u, p, sizeof u);                                                                           \
        return u;                                                                                          \
    }                                                                                                      \
    INLINE u##bits sign_mask##bits(u##bits u) { return (u##bits)(0 - (u >> (bits - 1))); }                 \
    /* Small differences of either sign become small numbers: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */    \
    INLINE u##bits zigzag##bits(u##bits u) { return (u##bits)((u##bits)(u << 1) ^ sign_mask##bits(u)); }   \
    INLINE u##bits unzigzag##bits(u##bits u) { return (u##bits)((u >> 1) ^ (u##bits)(0 - (u & 1))); }      \
    INLINE void integer_delta##bits(const uint8_t *chunk, const uint8_t *base, size_t count, uint8_t *out) { \
        for (size_t i = 0; i < count; i++) {                                                               \
            u##bits u = (u##bits)(load##bits(chunk + i * sizeof u) - load##bits(base + i * sizeof u));     \
            u = zigzag##bits(u);                                                                           \
            memcpy(out + i * sizeof u, &u, sizeof u);                                                      \
        }                                                                                                  \
    }                                                                                                      \
    INLINE void integer_undelta##bits(const uint8_t *in, const uint8_t *base, size_t count, uint8_t *chunk) { \
        for (size_t i = 0; i < count; i++) {                                                               \
            u##bits u = unzigzag##bits(load##bits(in + i * sizeof u));                                     \
            u = (u##bits)(u + load##bits(base + i * sizeof u));                                            \
            memcpy(chunk + i * sizeof u, &u, sizeof u);                                                    \
        }                                                                                                  \
    }

INTEGERS(8)
INTEGERS(16)
INTEGERS(32)
INTEGERS(64)

#define INTEGER_PATH(name, target)                                                                         \
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

FOR_EACH_PATH(INTEGER_PATH)

void mr_integer_delta(
    mr_path path, const void *chunk, const void *base, size_t count, size_t width, void *differences) {
    ON_PATH(path, integer_delta, chunk, base, count, width, differences)
}

void mr_integer_undelta(
    mr_path path, const void *differences, const void *base, size_t count, size_t width, void *chunk) {
    ON_PATH(path, integer_undelta, differences, base, count, width, chunk)
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

#define FLOATS(bits)                                                                                       \
    /* From sign and magnitude to two's complement, or back. */                                            \
    INLINE u##bits fold##bits(u##bits u) { return (u##bits)(u ^ (sign_mask##bits(u) >> 1)); }              \
    INLINE void float_delta##bits(const uint8_t *chunk, const uint8_t *base, size_t count, u##bits *out) { \
        for (size_t i = 0; i < count; i++) {                                                               \
            u##bits u = fold##bits(load##bits(chunk + i * sizeof u));                                      \
            out[i] = zigzag##bits((u##bits)(u - fold##bits(load##bits(base + i * sizeof u))));             \
        }                                                                                                  \
    }                                                                                                      \
    INLINE void float_undelta##bits(const u##bits *in, const uint8_t *base, size_t count, uint8_t *chunk) { \
        for (size_t i = 0; i < count; i++) {                                                               \
            u##bits u = fold##bits(load##bits(base + i * sizeof u));                                       \
            u = fold##bits((u##bits)(u + unzigzag##bits(in[i])));                                          \
            memcpy(chunk + i * sizeof u, &u, sizeof u);                                                    \
        }                                                                                                  \
    }

FLOATS(16)
FLOATS(32)
FLOATS(64)

// Moves a block from each quarter to or from its classes. Written by hand four at a time: each move needs the
// position that the one before it left, but only in its own quarter.
#define FLOAT_FORMAT(name, bits, mantissa_width, exponent_width)                                               \
    INLINE size_t exponent_##name(u##bits u) {                                                                 \
        return (size_t)(u >> mantissa_width) & (((size_t)1 << exponent_width) - 1);                            \
    }                                                                                                          \
    INLINE size_t exponent_at_##name(const uint8_t *base, size_t i) {                                          \
        return exponent_##name(load##bits(base + i * (bits / 8)));                                             \
    }                                                                                                          \
    static void classify_##name(const uint8_t *base, size_t count, mr_delta_classes *classes) {                \
        exponent_counts counts;                                                                                \
        for (int quarter = 0; quarter < 4; quarter++)                                                          \
            memset(counts[quarter], 0, sizeof(uint32_t) << exponent_width);                                    \
        size_t quarter = count / 4;                                                                            \
        for (size_t i = 0; i < quarter; i++) {                                                                 \
            counts[0][exponent_at_##name(base, i)]++;                                                          \
            counts[1][exponent_at_##name(base, quarter + i)]++;                                                \
            counts[2][exponent_at_##name(base, 2 * quarter + i)]++;                                            \
            counts[3][exponent_at_##name(base, 3 * quarter + i)]++;                                            \
        }                                                                                                      \
        for (size_t i = 4 * quarter; i < count; i++) counts[3][exponent_at_##name(base, i)]++;                 \
        make_classes(counts, (size_t)1 << exponent_width, count, classes);                                     \
    }                                                                                                          \
    INLINE u##bits *place_##name(                                                                              \
        u##bits *sorted, uint32_t *positions, const uint8_t *class_of, const uint8_t *base, size_t i) {        \
        return sorted + positions[class_of[exponent_at_##name(base, i)]]++;                                    \
    }                                                                                                          \
    INLINE void float_delta_##name(                                                                            \
        const uint8_t *chunk, const uint8_t *base, size_t count, const mr_delta_classes *classes,              \
        void *differences) {                                                                                   \
        u##bits *sorted = differences;                                                                         \
        const uint8_t *class_of = classes->class_of_exponent;                                                  \
        uint32_t next[4][MR_DELTA_CLASS_LIMIT];                                                                \
        memcpy(next, classes->positions, sizeof next);                                                         \
        u##bits block[4][BLOCK];                                                                               \
        size_t quarter = count / 4;                                                                            \
        for (size_t start = 0; start < quarter; start += BLOCK) {                                              \
            size_t n = quarter - start < BLOCK ? quarter - start : BLOCK;                                      \
            const uint8_t *b[4];                                                                               \
            for (size_t q = 0; q < 4; q++) {                                                                   \
                size_t offset = (q * quarter + start) * (bits / 8);                                            \
                b[q] = base + offset;                                                                          \
                float_delta##bits(chunk + offset, b[q], n, block[q]);                                          \
            }                                                                                                  \
            for (size_t i = 0; i < n; i++) {                                                                   \
                *place_##name(sorted, next[0], class_of, b[0], i) = block[0][i];                               \
                *place_##name(sorted, next[1], class_of, b[1], i) = block[1][i];                               \
                *place_##name(sorted, next[2], class_of, b[2], i) = block[2][i];                               \
                *place_##name(sorted, next[3], class_of, b[3], i) = block[3][i];                               \
            }                                                                                                  \
        }                                                                                                      \
        for (size_t i = 4 * quarter; i < count; i++) {                                                         \
            float_delta##bits(chunk + i * (bits / 8), base + i * (bits / 8), 1, block[0]);                     \
            *place_##name(sorted, next[3], class_of, base, i) = block[0][0];                                   \
        }                                                                                                      \
    }                                                                                                          \
    INLINE void float_undelta_##name(                                                                          \
        const void *differences, const uint8_t *base, size_t count, const mr_delta_classes *classes,           \
        uint8_t *chunk) {                                                                                      \
        u##bits *sorted = (u##bits *)differences;                                                              \
        const uint8_t *class_of = classes->class_of_exponent;                                                  \
        uint32_t next[4][MR_DELTA_CLASS_LIMIT];                                                                \
        memcpy(next, classes->positions, sizeof next);                                                         \
        u##bits block[4][BLOCK];                                                                               \
        size_t quarter = count / 4;                                                                            \
        for (size_t start = 0; start < quarter; start += BLOCK) {                                              \
            size_t n = quarter - start < BLOCK ? quarter - start : BLOCK;                                      \
            const uint8_t *b[4];                                                                               \
            for (size_t q = 0; q < 4; q++) b[q] = base + (q * quarter + start) * (bits / 8);                   \
            for (size_t i = 0; i < n; i++) {                                                                   \
                block[0][i] = *place_##name(sorted, next[0], class_of, b[0], i);                               \
                block[1][i] = *place_##name(sorted, next[1], class_of, b[1], i);                               \
                block[2][i] = *place_##name(sorted, next[2], class_of, b[2], i);                               \
                block[3][i] = *place_##name(sorted, next[3], class_of, b[3], i);                               \
            }                                                                                                  \
            for (size_t q = 0; q < 4; q++)                                                                     \
                float_undelta##bits(block[q], b[q], n, chunk + (q * quarter + start) * (bits / 8));            \
        }                                                                                                      \
        for (size_t i = 4 * quarter; i < count; i++) {                                                         \
            block[0][0] = *place_##name(sorted, next[3], class_of, base, i);                                   \
            float_undelta##bits(block[0], base + i * (bits / 8), 1, chunk + i * (bits / 8));                   \
        }                                                                                                      \
    }

FLOAT_FORMAT(float16, 16, 10, 5)
FLOAT_FORMAT(bfloat16, 16, 7, 8)
FLOAT_FORMAT(float32, 32, 23, 8)
FLOAT_FORMAT(float64, 64, 52, 11)

void mr_delta_classify(mr_float_format format, const void *base, size_t count, mr_delta_classes *classes) {
    switch (format) {
        case MR_FLOAT16: classify_float16(base, count, classes); break;
        case MR_BFLOAT16: classify_bfloat16(base, count, classes); break;
        case MR_FLOAT32: classify_float32(base, count, classes); break;
        case MR_FLOAT64: classify_float64(base, count, classes); break;
    }
}

#define FLOAT_PATH(name, target)                                                                               \
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

FOR_EACH_PATH(FLOAT_PATH)

void mr_float_delta(
    mr_path path, mr_float_format format, const void *chunk, const void *base, size_t count,
    const mr_delta_classes *classes, void *differences) {
    ON_PATH(path, float_delta, format, chunk, base, count, classes, differences)
}

void mr_float_undelta(
    mr_path path, mr_float_format format, const void *differences, const void *base, size_t count,
    const mr_delta_classes *classes, void *chunk) {
    ON_PATH(path, float_undelta, format, differences, base, count, classes, chunk)
}

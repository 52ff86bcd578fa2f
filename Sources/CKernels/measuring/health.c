#include "health.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "../runtime/dispatch.h"
#include "elements.h"
#include "statistics.h"

// A product that is rounded at one level must be rounded at all.
#pragma STDC FP_CONTRACT OFF

// Sixteen lanes at every level, whatever the registers hold: element i is added to lane i mod 16, and the lanes are
// added up in order. So the sum does not depend on the level.
#define LANES 16
#define BLOCK 512

typedef float f32 __attribute__((ext_vector_type(LANES)));
typedef int32_t i32 __attribute__((ext_vector_type(LANES)));
typedef double f64 __attribute__((ext_vector_type(LANES)));
typedef int64_t i64 __attribute__((ext_vector_type(LANES)));

typedef struct {
    f64 squares;
    mr_health health;
} health_state;

static inline void note_range(mr_health *health, double minimum, double maximum) {
    if (minimum < health->minimum) health->minimum = minimum;
    if (maximum > health->maximum) health->maximum = maximum;
}

// Adds `count` floats: a multiple of LANES, below 2^31.
#define ADD_FLOATS(name, real, integer, exponent_mask, sign_mask)                                   \
    INLINE void add_##name(const void *elements, size_t count, health_state *state) {               \
        const uint8_t *p = elements;                                                                \
        f64 squares = state->squares;                                                               \
        real minimum = (real)INFINITY, maximum = (real)-INFINITY;                                   \
        integer nan = 0, unbounded = 0, zero = 0;                                                   \
        for (size_t i = 0; i < count; i += LANES, p += sizeof(integer)) {                           \
            integer bits, low_bits, high_bits;                                                      \
            real x, low, high;                                                                      \
            memcpy(&bits, p, sizeof bits);                                                          \
            integer magnitude = bits & ~sign_mask;                                                  \
            integer finite = magnitude < exponent_mask;                                             \
            nan -= magnitude > exponent_mask;                                                       \
            unbounded -= ~finite;                                                                   \
            zero -= magnitude == 0;                                                                 \
            bits &= finite;                                                                         \
            low_bits = bits | (exponent_mask & ~finite);                                            \
            high_bits = low_bits | (sign_mask & ~finite);                                           \
            memcpy(&x, &bits, sizeof x);                                                            \
            memcpy(&low, &low_bits, sizeof low);                                                    \
            memcpy(&high, &high_bits, sizeof high);                                                 \
            minimum = low < minimum ? low : minimum;                                                \
            maximum = high > maximum ? high : maximum;                                              \
            f64 wide = __builtin_convertvector(x, f64);                                             \
            squares += wide * wide;                                                                 \
        }                                                                                           \
        state->squares = squares;                                                                   \
        for (int lane = 0; lane < LANES; lane++) {                                                  \
            state->health.nan_count += (uint64_t)nan[lane];                                         \
            state->health.infinity_count += (uint64_t)(unbounded[lane] - nan[lane]);                \
            state->health.zero_count += (uint64_t)zero[lane];                                       \
            note_range(&state->health, (double)minimum[lane], (double)maximum[lane]);               \
        }                                                                                           \
    }

ADD_FLOATS(float32, f32, i32, INT32_C(0x7f800000), INT32_MIN)
ADD_FLOATS(float64, f64, i64, INT64_C(0x7ff0000000000000), INT64_MIN)

// Other types are widened, a block at a time. The last block is filled up with NaN, which nothing but the count of
// NaN notices.
#define WIDEN(type, wide, statement)                                                                \
    for (size_t i = 0; i < n; i++) {                                                                \
        type u;                                                                                     \
        memcpy(&u, p + i * sizeof u, sizeof u);                                                     \
        wide[i] = statement;                                                                        \
    }

INLINE void add_elements(mr_health_type type, const uint8_t *p, size_t count, size_t width, health_state *state) {
    for (size_t n; count > 0; p += n * width, count -= n) {
        n = count < BLOCK ? count : BLOCK;
        size_t padded = (n + LANES - 1) / LANES * LANES;
        float singles[BLOCK];
        double doubles[BLOCK];
        for (size_t i = padded - LANES; i < padded; i++) {
            singles[i] = NAN;
            doubles[i] = (double)NAN;
        }
        switch (type) {
            case MR_HEALTH_FLOAT16: WIDEN(uint16_t, singles, float_from_half(u)) break;
            case MR_HEALTH_BFLOAT16: WIDEN(uint16_t, singles, float_from_bits((uint32_t)u << 16)) break;
            case MR_HEALTH_FLOAT32: memcpy(singles, p, n * sizeof(float)); break;
            case MR_HEALTH_UINT16: WIDEN(uint16_t, singles, (float)u) break;
            case MR_HEALTH_INT16: WIDEN(int16_t, singles, (float)u) break;
            case MR_HEALTH_UINT32: WIDEN(uint32_t, doubles, (double)u) break;
            case MR_HEALTH_INT32: WIDEN(int32_t, doubles, (double)u) break;
            case MR_HEALTH_UINT64: WIDEN(uint64_t, doubles, (double)u) break;
            case MR_HEALTH_INT64: WIDEN(int64_t, doubles, (double)u) break;
            default: memcpy(doubles, p, n * sizeof(double));
        }
        switch (type) {
            case MR_HEALTH_FLOAT16:
            case MR_HEALTH_BFLOAT16:
            case MR_HEALTH_FLOAT32:
            case MR_HEALTH_UINT16:
            case MR_HEALTH_INT16: add_float32(singles, padded, state); break;
            default: add_float64(doubles, padded, state);
        }
        state->health.nan_count -= padded - n;
    }
}

// Floats that need no widening are read where they are, in pieces that a lane can count.
#define IN_PLACE_LIMIT ((size_t)1 << 30)

#define HEALTH_LEVEL(name, attribute)                                                               \
    attribute static void add_##name(                                                               \
        mr_health_type type, const uint8_t *p, size_t count, size_t width, health_state *state) {   \
        while (count >= BLOCK && (type == MR_HEALTH_FLOAT32 || type == MR_HEALTH_FLOAT64)) {        \
            size_t n = (count < IN_PLACE_LIMIT ? count : IN_PLACE_LIMIT) / LANES * LANES;           \
            if (type == MR_HEALTH_FLOAT32) add_float32(p, n, state);                                \
            else add_float64(p, n, state);                                                          \
            p += n * width;                                                                         \
            count -= n;                                                                             \
        }                                                                                           \
        add_elements(type, p, count, width, state);                                                 \
    }

FOR_EACH_LEVEL(HEALTH_LEVEL)

// MARK: Bytes

// The value of an OCP or `fnuz` float of eight bits, by its definition.
static double small_float(uint8_t bits, int exponent_width, int bias, bool is_fnuz, bool has_infinity) {
    int mantissa_width = 7 - exponent_width;
    int exponent = (bits & 0x7f) >> mantissa_width, mantissa = bits & ((1 << mantissa_width) - 1);
    double sign = bits & 0x80 ? -1 : 1;
    if (is_fnuz) {
        if (bits == 0x80) return (double)NAN;
    } else if (has_infinity) {
        if (exponent == (1 << exponent_width) - 1) return mantissa ? (double)NAN : sign * (double)INFINITY;
    } else if ((bits & 0x7f) == 0x7f) {
        return (double)NAN;
    }
    if (exponent == 0) return sign * ldexp(mantissa, 1 - bias - mantissa_width);
    return sign * ldexp(mantissa + (1 << mantissa_width), exponent - bias - mantissa_width);
}

double mr_byte_value(mr_health_type type, uint8_t bits) {
    switch (type) {
        case MR_HEALTH_INT8: return (double)(int8_t)bits;
        case MR_HEALTH_FLOAT8_E4M3FN: return small_float(bits, 4, 7, false, false);
        case MR_HEALTH_FLOAT8_E4M3FNUZ: return small_float(bits, 4, 8, true, false);
        case MR_HEALTH_FLOAT8_E5M2: return small_float(bits, 5, 15, false, true);
        case MR_HEALTH_FLOAT8_E5M2FNUZ: return small_float(bits, 5, 16, true, false);
        case MR_HEALTH_FLOAT8_E8M0FNU: return bits == 0xff ? (double)NAN : ldexp(1, bits - 127);
        default: return (double)bits;
    }
}

static mr_health health_of_bytes(mr_health_type type, const uint8_t *bytes, size_t count) {
    mr_health health = mr_health_empty();
    health.element_count = count;
    while (count > 0) {
        size_t n = count < IN_PLACE_LIMIT ? count : IN_PLACE_LIMIT;
        uint32_t counts[256];
        mr_histogram(bytes, n, counts);
        for (int i = 0; i < 256; i++) {
            if (counts[i] == 0) continue;
            double x = mr_byte_value(type, (uint8_t)i);
            if (isnan(x)) {
                health.nan_count += counts[i];
            } else if (isinf(x)) {
                health.infinity_count += counts[i];
            } else {
                if (x == 0) health.zero_count += counts[i];
                note_range(&health, x, x);
                health.sum_of_squares += (double)counts[i] * (x * x);
            }
        }
        bytes += n;
        count -= n;
    }
    return health;
}

// MARK: Interface

size_t mr_health_width(mr_health_type type) {
    switch (type) {
        case MR_HEALTH_UINT16:
        case MR_HEALTH_INT16:
        case MR_HEALTH_FLOAT16:
        case MR_HEALTH_BFLOAT16: return 2;
        case MR_HEALTH_UINT32:
        case MR_HEALTH_INT32:
        case MR_HEALTH_FLOAT32: return 4;
        case MR_HEALTH_UINT64:
        case MR_HEALTH_INT64:
        case MR_HEALTH_FLOAT64: return 8;
        default: return 1;
    }
}

static void forget_negative_zero(mr_health *health) {
    health->minimum += 0.0;
    health->maximum += 0.0;
}

mr_health mr_health_empty(void) {
    return (mr_health){.minimum = (double)INFINITY, .maximum = (double)-INFINITY};
}

mr_health mr_health_of(mr_cpu_level level, mr_health_type type, const void *elements, size_t count) {
    size_t width = mr_health_width(type);
    mr_health health;
    if (width == 1) {
        health = health_of_bytes(type, elements, count);
    } else {
        health_state state = {.squares = 0, .health = mr_health_empty()};
        ON_LEVEL(level, add, type, elements, count, width, &state)
        health = state.health;
        health.element_count = count;
        for (int lane = 0; lane < LANES; lane++) health.sum_of_squares += state.squares[lane];
    }
    forget_negative_zero(&health);
    return health;
}

void mr_health_add(mr_health *total, const mr_health *part) {
    total->element_count += part->element_count;
    total->nan_count += part->nan_count;
    total->infinity_count += part->infinity_count;
    total->zero_count += part->zero_count;
    note_range(total, part->minimum, part->maximum);
    total->sum_of_squares += part->sum_of_squares;
}

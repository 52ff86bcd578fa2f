#include "difference.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "../runtime/dispatch.h"
#include "elements.h"

// A product that is rounded at one level must be rounded at all.
#pragma STDC FP_CONTRACT OFF

// Eight lanes at every level: element i of a block is added to lane i mod 8. The lanes of a block are added up in one
// order, and blocks into a sum that keeps what rounding loses: the result is that of a sum of n / 8 terms at most.
#define LANES 8
#define BLOCK 1024

typedef float f32 __attribute__((ext_vector_type(LANES)));
typedef double f64 __attribute__((ext_vector_type(LANES)));

/// A block of both sides, widened, and what is told of each pair.
typedef struct {
    // One of the two pairs is in use.
    float old_singles[BLOCK], new_singles[BLOCK];
    double old_doubles[BLOCK], new_doubles[BLOCK];
    // Where distances are not told from the values: those of wide integers, and the places of narrow elements.
    uint64_t distances[BLOCK];
    int32_t old_places[BLOCK], new_places[BLOCK];
    uint8_t buckets[BLOCK];
} block;

typedef struct {
    mr_difference total;
    // Four tables, so that a run of equal buckets does not wait for its own increments.
    uint64_t ulps[4][MR_ULP_BUCKETS];
} difference_state;

// MARK: Sums

void mr_sum_add(mr_sum *sum, double term) {
    double total = sum->value + term;
    sum->lost += fabs(sum->value) >= fabs(term) ? (sum->value - total) + term : (term - total) + sum->value;
    sum->value = total;
}

double mr_sum_value(mr_sum sum) { return isfinite(sum.value) ? sum.value + sum.lost : sum.value; }

// A macro: vectors of this width are no arguments where the processor lacks them.
#define LANE_SUM(x) (((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7])))

// Adds a block of finite pairs, filled up with zeros to a multiple of LANES. `position` is that of its first pair.
#define ADD_SUMS(real, vector, suffix)                                                              \
    INLINE void add_sums_##suffix(                                                                  \
        const real *old, const real *new, size_t count, uint64_t position, mr_difference *total) {  \
        f64 difference = 0, absolute = 0, squares = 0;                                              \
        f64 products = 0, old_squares = 0, new_squares = 0, maximum = 0;                            \
        for (size_t i = 0; i < count; i += LANES) {                                                 \
            vector old_values, new_values;                                                          \
            memcpy(&old_values, old + i, sizeof old_values);                                        \
            memcpy(&new_values, new + i, sizeof new_values);                                        \
            f64 x = __builtin_convertvector(old_values, f64);                                       \
            f64 y = __builtin_convertvector(new_values, f64);                                       \
            f64 d = y - x;                                                                          \
            f64 magnitude = __builtin_elementwise_abs(d);                                           \
            difference += d;                                                                        \
            absolute += magnitude;                                                                  \
            squares += d * d;                                                                       \
            products += x * y;                                                                      \
            old_squares += x * x;                                                                   \
            new_squares += y * y;                                                                   \
            maximum = magnitude > maximum ? magnitude : maximum;                                    \
        }                                                                                           \
        mr_sum_add(&total->difference, LANE_SUM(difference));                                       \
        mr_sum_add(&total->absolute, LANE_SUM(absolute));                                           \
        mr_sum_add(&total->squares, LANE_SUM(squares));                                             \
        mr_sum_add(&total->products, LANE_SUM(products));                                           \
        mr_sum_add(&total->old_squares, LANE_SUM(old_squares));                                     \
        mr_sum_add(&total->new_squares, LANE_SUM(new_squares));                                     \
        double greatest = 0;                                                                        \
        for (int lane = 0; lane < LANES; lane++)                                                    \
            greatest = maximum[lane] > greatest ? maximum[lane] : greatest;                         \
        if (greatest > total->maximum) {                                                            \
            size_t i = 0;                                                                           \
            while (fabs((double)new[i] - (double)old[i]) != greatest) i++;                          \
            total->maximum = greatest;                                                              \
            total->maximum_position = position + i;                                                 \
        }                                                                                           \
    }

ADD_SUMS(float, f32, f32)
ADD_SUMS(double, f64, f64)

// MARK: What is not finite

INLINE bool all_finite_f32(const float *x, size_t count) {
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        found |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return found == 0;
}

INLINE bool all_finite_f64(const double *x, size_t count) {
    uint64_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        found |= (bits & UINT64_C(0x7ff0000000000000)) == UINT64_C(0x7ff0000000000000);
    }
    return found == 0;
}

/// Counts a pair of which one or both are not finite.
static void count_pair(double old, double new, mr_difference *total) {
    bool was_nan = isnan(old), is_nan = isnan(new), was_infinite = isinf(old), is_infinite = isinf(new);
    total->old_nan_count += was_nan;
    total->new_nan_count += is_nan;
    total->old_infinity_count += was_infinite;
    total->new_infinity_count += is_infinite;
    total->nan_appeared_count += is_nan && !was_nan;
    total->nan_gone_count += was_nan && !is_nan;
    total->infinity_appeared_count += is_infinite && !was_infinite;
    total->infinity_gone_count += was_infinite && !is_infinite;
    if (isfinite(old)) mr_sum_add(&total->lone_old_squares, old * old);
    if (isfinite(new)) mr_sum_add(&total->lone_new_squares, new * new);
}

// Takes the pairs out that are not finite: they become zeros, which no sum notices. Returns how many there were.
#define TAKE_OUT(real, suffix)                                                                      \
    static size_t take_out_##suffix(real *old, real *new, block *block, size_t count, mr_difference *total) { \
        size_t found = 0;                                                                           \
        for (size_t i = 0; i < count; i++) {                                                        \
            if (isfinite(old[i]) && isfinite(new[i])) continue;                                     \
            count_pair((double)old[i], (double)new[i], total);                                      \
            old[i] = new[i] = 0;                                                                    \
            block->old_places[i] = block->new_places[i] = 0;                                        \
            block->distances[i] = 0;                                                                \
            found++;                                                                                \
        }                                                                                           \
        return found;                                                                               \
    }

TAKE_OUT(float, f32)
TAKE_OUT(double, f64)

// MARK: Distances in the last place

// The place of a float among those of its type: as an integer, where neighbours are neighbours and both zeros are 0.
INLINE uint32_t distance32(uint32_t old, uint32_t new) {
    int32_t x = (int32_t)old < 0 ? (int32_t)(0x80000000u - old) : (int32_t)old;
    int32_t y = (int32_t)new < 0 ? (int32_t)(0x80000000u - new) : (int32_t)new;
    return x > y ? (uint32_t)x - (uint32_t)y : (uint32_t)y - (uint32_t)x;
}

INLINE uint64_t distance64(uint64_t old, uint64_t new) {
    int64_t x = (int64_t)old < 0 ? (int64_t)(UINT64_C(0x8000000000000000) - old) : (int64_t)old;
    int64_t y = (int64_t)new < 0 ? (int64_t)(UINT64_C(0x8000000000000000) - new) : (int64_t)new;
    return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

INLINE int32_t place_of_half(uint16_t half) { return half & 0x8000 ? -(int32_t)(half & 0x7fff) : (int32_t)half; }
INLINE int32_t place_of_byte(uint8_t byte) { return byte & 0x80 ? -(int32_t)(byte & 0x7f) : (int32_t)byte; }

// The number of bits of a distance, by the exponent of a float. Clearing the bit below the highest one keeps the
// conversion from rounding up to the next power of two; halving keeps it within what is signed.
INLINE uint8_t bucket32(uint32_t distance) {
    uint32_t half = distance >> 1;
    float rounded = (float)(int32_t)(half & ~(half >> 1));
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    uint32_t exponent = bits >> 23;
    return (uint8_t)((exponent ? exponent - 126 : 0) + (distance != 0));
}

INLINE uint8_t bucket64(uint64_t distance) {
    return distance ? (uint8_t)(64 - __builtin_clzll(distance)) : 0;
}

INLINE void count_buckets(const uint8_t *buckets, size_t count, difference_state *state) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, buckets + i, 8);
        for (int k = 0; k < 8; k++) state->ulps[k & 3][(eight >> (8 * k)) & 0xff]++;
    }
    for (; i < count; i++) state->ulps[0][buckets[i]]++;
}

// MARK: Blocks

#define LOAD(type, p, i)                                                                            \
    ({                                                                                              \
        type loaded;                                                                                \
        memcpy(&loaded, (p) + (i) * sizeof loaded, sizeof loaded);                                  \
        loaded;                                                                                     \
    })

#define COUNT_CHANGED(type)                                                                         \
    for (size_t i = 0; i < n; i++) changed += LOAD(type, old, i) != LOAD(type, new, i);             \
    break;

INLINE size_t changed_count(size_t width, const uint8_t *old, const uint8_t *new, size_t n) {
    uint32_t changed = 0;
    switch (width) {
        case 1: COUNT_CHANGED(uint8_t)
        case 2: COUNT_CHANGED(uint16_t)
        case 4: COUNT_CHANGED(uint32_t)
        default: COUNT_CHANGED(uint64_t)
    }
    return changed;
}

// Widens both sides; `value` says how, of an element u.
#define WIDEN_BOTH(type, reals, value)                                                              \
    for (size_t i = 0; i < n; i++) {                                                                \
        type u = LOAD(type, old, i);                                                                \
        block->old_##reals[i] = value;                                                              \
    }                                                                                               \
    for (size_t i = 0; i < n; i++) {                                                                \
        type u = LOAD(type, new, i);                                                                \
        block->new_##reals[i] = value;                                                              \
    }

#define WIDEN_INTEGERS(type, unsigned_type)                                                         \
    WIDEN_BOTH(type, doubles, (double)u)                                                            \
    for (size_t i = 0; i < n; i++) {                                                                \
        type x = LOAD(type, old, i), y = LOAD(type, new, i);                                        \
        block->distances[i] = x > y ? (unsigned_type)((unsigned_type)x - (unsigned_type)y)          \
                                    : (unsigned_type)((unsigned_type)y - (unsigned_type)x);         \
    }                                                                                               \
    break;

#define WIDEN_NARROW(type, value, place)                                                            \
    WIDEN_BOTH(type, singles, value)                                                                \
    WIDEN_BOTH(type, places, place)                                                                 \
    break;

/// The values of elements of one byte, each of which a float holds.
typedef struct {
    float values[256];
} byte_table;

static void fill_table(mr_health_type type, byte_table *table) {
    for (int i = 0; i < 256; i++) table->values[i] = (float)mr_byte_value(type, (uint8_t)i);
}

INLINE bool widens_to_singles(mr_health_type type, size_t width) {
    return width < 4 || type == MR_HEALTH_FLOAT32;
}

INLINE void add_block(
    mr_health_type type, size_t width, const byte_table *table, const uint8_t *old, const uint8_t *new, size_t n,
    uint64_t position, block *block, difference_state *state) {
    mr_difference *total = &state->total;
    total->changed_count += changed_count(width, old, new, n);
    switch (type) {
        case MR_HEALTH_FLOAT32:
            memcpy(block->old_singles, old, n * sizeof(float));
            memcpy(block->new_singles, new, n * sizeof(float));
            break;
        case MR_HEALTH_FLOAT64:
            memcpy(block->old_doubles, old, n * sizeof(double));
            memcpy(block->new_doubles, new, n * sizeof(double));
            break;
        case MR_HEALTH_BFLOAT16: WIDEN_BOTH(uint16_t, singles, float_from_bits((uint32_t)u << 16)) break;
        case MR_HEALTH_FLOAT16: WIDEN_NARROW(uint16_t, float_from_half(u), place_of_half(u))
        case MR_HEALTH_UINT16: WIDEN_NARROW(uint16_t, (float)u, (int32_t)u)
        case MR_HEALTH_INT16: WIDEN_NARROW(int16_t, (float)u, (int32_t)u)
        case MR_HEALTH_UINT8: WIDEN_NARROW(uint8_t, (float)u, (int32_t)u)
        case MR_HEALTH_INT8: WIDEN_NARROW(int8_t, (float)u, (int32_t)u)
        case MR_HEALTH_UINT32: WIDEN_INTEGERS(uint32_t, uint32_t)
        case MR_HEALTH_INT32: WIDEN_INTEGERS(int32_t, uint32_t)
        case MR_HEALTH_UINT64: WIDEN_INTEGERS(uint64_t, uint64_t)
        case MR_HEALTH_INT64: WIDEN_INTEGERS(int64_t, uint64_t)
        case MR_HEALTH_FLOAT8_E8M0FNU: WIDEN_NARROW(uint8_t, table->values[u], (int32_t)u)
        default: WIDEN_NARROW(uint8_t, table->values[u], place_of_byte(u))
    }
    size_t padded = (n + LANES - 1) / LANES * LANES, taken = 0;
    if (widens_to_singles(type, width)) {
        for (size_t i = n; i < padded; i++) block->old_singles[i] = block->new_singles[i] = 0;
        if (!all_finite_f32(block->old_singles, n) || !all_finite_f32(block->new_singles, n))
            taken = take_out_f32(block->old_singles, block->new_singles, block, n, total);
        add_sums_f32(block->old_singles, block->new_singles, padded, position, total);
    } else {
        for (size_t i = n; i < padded; i++) block->old_doubles[i] = block->new_doubles[i] = 0;
        if (!all_finite_f64(block->old_doubles, n) || !all_finite_f64(block->new_doubles, n))
            taken = take_out_f64(block->old_doubles, block->new_doubles, block, n, total);
        add_sums_f64(block->old_doubles, block->new_doubles, padded, position, total);
    }
    const uint8_t *old_bits = (const uint8_t *)block->old_singles, *new_bits = (const uint8_t *)block->new_singles;
    switch (type) {
        case MR_HEALTH_FLOAT32:
            for (size_t i = 0; i < n; i++)
                block->buckets[i] = bucket32(distance32(LOAD(uint32_t, old_bits, i), LOAD(uint32_t, new_bits, i)));
            break;
        case MR_HEALTH_BFLOAT16:
            for (size_t i = 0; i < n; i++)
                block->buckets[i] =
                    bucket32(distance32(LOAD(uint32_t, old_bits, i), LOAD(uint32_t, new_bits, i)) >> 16);
            break;
        case MR_HEALTH_FLOAT64:
            old_bits = (const uint8_t *)block->old_doubles;
            new_bits = (const uint8_t *)block->new_doubles;
            for (size_t i = 0; i < n; i++)
                block->buckets[i] = bucket64(distance64(LOAD(uint64_t, old_bits, i), LOAD(uint64_t, new_bits, i)));
            break;
        case MR_HEALTH_UINT32:
        case MR_HEALTH_INT32:
        case MR_HEALTH_UINT64:
        case MR_HEALTH_INT64:
            for (size_t i = 0; i < n; i++) block->buckets[i] = bucket64(block->distances[i]);
            break;
        default:
            for (size_t i = 0; i < n; i++) {
                int32_t x = block->old_places[i], y = block->new_places[i];
                block->buckets[i] = bucket32((uint32_t)(x > y ? x - y : y - x));
            }
    }
    count_buckets(block->buckets, n, state);
    // What was taken out has been counted as equal.
    state->ulps[0][0] -= taken;
    total->finite_count += n - taken;
}

// Widens elements of any type to doubles.
#define WIDEN_TO_DOUBLES(type, value)                                                               \
    for (size_t i = 0; i < n; i++) {                                                                \
        type u = LOAD(type, p, i);                                                                  \
        out[i] = (double)(value);                                                                   \
    }                                                                                               \
    break;

INLINE void widen(mr_health_type type, const byte_table *table, const uint8_t *p, size_t n, double *out) {
    switch (type) {
        case MR_HEALTH_FLOAT16: WIDEN_TO_DOUBLES(uint16_t, float_from_half(u))
        case MR_HEALTH_BFLOAT16: WIDEN_TO_DOUBLES(uint16_t, float_from_bits((uint32_t)u << 16))
        case MR_HEALTH_FLOAT32: WIDEN_TO_DOUBLES(float, u)
        case MR_HEALTH_FLOAT64: memcpy(out, p, n * sizeof(double)); break;
        case MR_HEALTH_UINT16: WIDEN_TO_DOUBLES(uint16_t, u)
        case MR_HEALTH_INT16: WIDEN_TO_DOUBLES(int16_t, u)
        case MR_HEALTH_UINT32: WIDEN_TO_DOUBLES(uint32_t, u)
        case MR_HEALTH_INT32: WIDEN_TO_DOUBLES(int32_t, u)
        case MR_HEALTH_UINT64: WIDEN_TO_DOUBLES(uint64_t, u)
        case MR_HEALTH_INT64: WIDEN_TO_DOUBLES(int64_t, u)
        default: WIDEN_TO_DOUBLES(uint8_t, table->values[u])
    }
}

/// What to compare, and how.
typedef struct {
    mr_health_type old_type, new_type;
    size_t old_width, new_width;
    byte_table old_table, new_table;
} comparison;

INLINE void add_mixed_block(
    const comparison *how, const uint8_t *old, const uint8_t *new, size_t n, uint64_t position, block *block,
    difference_state *state) {
    mr_difference *total = &state->total;
    widen(how->old_type, &how->old_table, old, n, block->old_doubles);
    widen(how->new_type, &how->new_table, new, n, block->new_doubles);
    size_t padded = (n + LANES - 1) / LANES * LANES, taken = 0;
    for (size_t i = n; i < padded; i++) block->old_doubles[i] = block->new_doubles[i] = 0;
    for (size_t i = 0; i < n; i++) {
        double x = block->old_doubles[i], y = block->new_doubles[i];
        total->changed_count += x != y && (x == x || y == y);
    }
    if (!all_finite_f64(block->old_doubles, n) || !all_finite_f64(block->new_doubles, n))
        taken = take_out_f64(block->old_doubles, block->new_doubles, block, n, total);
    add_sums_f64(block->old_doubles, block->new_doubles, padded, position, total);
    total->finite_count += n - taken;
}

#define DIFFERENCE_LEVEL(name, attribute)                                                           \
    attribute static void add_##name(                                                               \
        const comparison *how, const uint8_t *old, const uint8_t *new, size_t count, difference_state *state) { \
        block block;                                                                                \
        for (size_t i = 0, n; i < count; i += n) {                                                  \
            n = count - i < BLOCK ? count - i : BLOCK;                                              \
            const uint8_t *p = old + i * how->old_width, *q = new + i * how->new_width;             \
            if (how->old_type == how->new_type)                                                     \
                add_block(how->old_type, how->old_width, &how->old_table, p, q, n, i, &block, state); \
            else                                                                                    \
                add_mixed_block(how, p, q, n, i, &block, state);                                    \
        }                                                                                           \
    }

FOR_EACH_LEVEL(DIFFERENCE_LEVEL)

// MARK: Interface

mr_difference mr_difference_empty(void) { return (mr_difference){0}; }

mr_difference mr_difference_of(
    mr_cpu_level level, mr_health_type old_type, const void *old_elements, mr_health_type new_type,
    const void *new_elements, size_t count) {
    comparison how = {
        .old_type = old_type, .new_type = new_type, .old_width = mr_health_width(old_type),
        .new_width = mr_health_width(new_type)};
    if (how.old_width == 1) fill_table(old_type, &how.old_table);
    if (how.new_width == 1) fill_table(new_type, &how.new_table);
    difference_state state = {.total = mr_difference_empty()};
    ON_LEVEL(level, add, &how, old_elements, new_elements, count, &state)
    state.total.element_count = count;
    for (int i = 0; i < MR_ULP_BUCKETS; i++)
        for (int k = 0; k < 4; k++) state.total.ulps[i] += state.ulps[k][i];
    return state.total;
}

static void add_sum(mr_sum *total, mr_sum part) {
    mr_sum_add(total, part.value);
    total->lost += part.lost;
}

void mr_difference_add(mr_difference *total, const mr_difference *part, uint64_t offset) {
    total->element_count += part->element_count;
    total->finite_count += part->finite_count;
    total->changed_count += part->changed_count;
    total->old_nan_count += part->old_nan_count;
    total->new_nan_count += part->new_nan_count;
    total->old_infinity_count += part->old_infinity_count;
    total->new_infinity_count += part->new_infinity_count;
    total->nan_appeared_count += part->nan_appeared_count;
    total->nan_gone_count += part->nan_gone_count;
    total->infinity_appeared_count += part->infinity_appeared_count;
    total->infinity_gone_count += part->infinity_gone_count;
    uint64_t position = offset + part->maximum_position;
    bool is_first = part->maximum == total->maximum && part->maximum > 0 && position < total->maximum_position;
    if (part->maximum > total->maximum || is_first) {
        total->maximum = part->maximum;
        total->maximum_position = position;
    }
    add_sum(&total->difference, part->difference);
    add_sum(&total->absolute, part->absolute);
    add_sum(&total->squares, part->squares);
    add_sum(&total->products, part->products);
    add_sum(&total->old_squares, part->old_squares);
    add_sum(&total->new_squares, part->new_squares);
    add_sum(&total->lone_old_squares, part->lone_old_squares);
    add_sum(&total->lone_new_squares, part->lone_new_squares);
    for (int i = 0; i < MR_ULP_BUCKETS; i++) total->ulps[i] += part->ulps[i];
}

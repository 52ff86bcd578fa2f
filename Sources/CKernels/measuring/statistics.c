#include "statistics.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

// Four tables, so that a run of equal bytes does not wait for its own increments.
static void add_histogram(const uint8_t *bytes, size_t count, uint32_t tables[4][256]) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, 8);
        tables[0][eight & 0xff]++;
        tables[1][(eight >> 8) & 0xff]++;
        tables[2][(eight >> 16) & 0xff]++;
        tables[3][(eight >> 24) & 0xff]++;
        tables[0][(eight >> 32) & 0xff]++;
        tables[1][(eight >> 40) & 0xff]++;
        tables[2][(eight >> 48) & 0xff]++;
        tables[3][eight >> 56]++;
    }
    for (; i < count; i++) tables[0][bytes[i]]++;
}

static void sum_tables(uint32_t tables[4][256], uint32_t counts[256]) {
    for (int i = 0; i < 256; i++) counts[i] = tables[0][i] + tables[1][i] + tables[2][i] + tables[3][i];
}

void mr_histogram(const uint8_t *bytes, size_t count, uint32_t counts[256]) {
    uint32_t tables[4][256] = {0};
    add_histogram(bytes, count, tables);
    sum_tables(tables, counts);
}

#define PIECE_COUNT 16
#define PIECE_BYTE_COUNT 512

size_t mr_sampled_histogram(const uint8_t *bytes, size_t count, uint32_t counts[256]) {
    uint32_t tables[4][256] = {0};
    size_t sampled = count;
    if (count <= PIECE_COUNT * PIECE_BYTE_COUNT) {
        add_histogram(bytes, count, tables);
    } else {
        size_t distance = (count - PIECE_BYTE_COUNT) / (PIECE_COUNT - 1);
        for (size_t piece = 0; piece < PIECE_COUNT; piece++)
            add_histogram(bytes + piece * distance, PIECE_BYTE_COUNT, tables);
        sampled = PIECE_COUNT * PIECE_BYTE_COUNT;
    }
    sum_tables(tables, counts);
    return sampled;
}

// log2 of a positive number, to 0.0002. Written out because the encoder's choices must not depend on the
// C library: equal chunks have equal encodings everywhere.
static inline double log2_approximately(uint32_t x) {
    int exponent = 31 - __builtin_clz(x);
    double m = (double)x / (double)(UINT32_C(1) << exponent) - 1;  // [0, 1)
    // Least-squares quartic through (0, 0) and (1, 1).
    return exponent + m * (1.4380732 + m * (-0.6747666 + m * (0.3170007 + m * -0.0803073)));
}

double mr_entropy(const uint32_t counts[256], size_t count) {
    if (count == 0) return 0;
    double weighted = 0;
    for (int i = 0; i < 256; i++)
        if (counts[i] > 0) weighted += (double)counts[i] * log2_approximately(counts[i]);
    double bits = log2_approximately((uint32_t)count) - weighted / (double)count;
    return bits > 0 ? bits : 0;
}

double mr_collision_probability(const uint32_t counts[256], size_t count) {
    if (count == 0) return 0;
    double squares = 0;
    for (int i = 0; i < 256; i++) squares += (double)counts[i] * (double)counts[i];
    return squares / ((double)count * (double)count);
}

static size_t equal_neighbours(const uint8_t *bytes, size_t count) {
    size_t total = 0;
    for (size_t i = 1; i < count; i++) total += bytes[i] == bytes[i - 1];
    return total;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static size_t equal_neighbours_avx2(const uint8_t *bytes, size_t count) {
    size_t total = 0, i = 1;
    __m256i sums = _mm256_setzero_si256();
    while (i + 32 <= count) {
        __m256i lanes = _mm256_setzero_si256();  // counts to 255 and no further
        for (int step = 0; step < 255 && i + 32 <= count; step++, i += 32)
            lanes = _mm256_sub_epi8(
                lanes, _mm256_cmpeq_epi8(
                           _mm256_loadu_si256((const __m256i *)(bytes + i)),
                           _mm256_loadu_si256((const __m256i *)(bytes + i - 1))));
        sums = _mm256_add_epi64(sums, _mm256_sad_epu8(lanes, _mm256_setzero_si256()));
    }
    uint64_t parts[4];
    _mm256_storeu_si256((__m256i *)parts, sums);
    total = parts[0] + parts[1] + parts[2] + parts[3];
    for (; i < count; i++) total += bytes[i] == bytes[i - 1];
    return total;
}
#endif

size_t mr_equal_neighbours(mr_cpu_level level, const uint8_t *bytes, size_t count) {
#if defined(__x86_64__)
    if (mr_available_level(level) >= MR_CPU_AVX2) return equal_neighbours_avx2(bytes, count);
#endif
    (void)level;
    return equal_neighbours(bytes, count);
}

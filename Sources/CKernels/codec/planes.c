#include "planes.h"

#include <string.h>

#define SPLIT_PORTABLE(bits)                                                                                  \
    static void split##bits(                                                                                  \
        const uint8_t *elements, size_t start, size_t count, bool rotate, uint8_t *const *planes) {           \
        for (size_t i = start; i < count; i++) {                                                              \
            uint##bits##_t u;                                                                                 \
            memcpy(&u, elements + i * (bits / 8), bits / 8);                                                  \
            if (rotate) u = (uint##bits##_t)(u << 1 | u >> (bits - 1));                                       \
            for (size_t p = 0; p < bits / 8; p++) planes[p][i] = (uint8_t)(u >> (8 * p));                     \
        }                                                                                                     \
    }                                                                                                         \
    static void merge##bits(                                                                                  \
        const uint8_t *const *planes, size_t start, size_t count, bool rotate, uint8_t *elements) {           \
        for (size_t i = start; i < count; i++) {                                                              \
            uint##bits##_t u = 0;                                                                             \
            for (size_t p = 0; p < bits / 8; p++) u |= (uint##bits##_t)((uint##bits##_t)planes[p][i] << (8 * p)); \
            if (rotate) u = (uint##bits##_t)(u >> 1 | u << (bits - 1));                                       \
            memcpy(elements + i * (bits / 8), &u, bits / 8);                                                  \
        }                                                                                                     \
    }

SPLIT_PORTABLE(16)
SPLIT_PORTABLE(32)
SPLIT_PORTABLE(64)

#if defined(__x86_64__)
#include <immintrin.h>

// A step takes 32 elements. The low lane of each register holds some of the first 16, the high lane the same of
// the last 16; so the lanes never mix, and a finished plane has its 32 bytes in order.
// AVX-512 would not pay: these loops already run at the speed of the second-level cache.

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load_halves(const uint8_t *low, const uint8_t *high) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)), _mm_loadu_si128((const __m128i *)high), 1);
}

AVX2 static inline void store_halves(uint8_t *low, uint8_t *high, __m256i x) {
    _mm_storeu_si128((__m128i *)low, _mm256_castsi256_si128(x));
    _mm_storeu_si128((__m128i *)high, _mm256_extracti128_si256(x, 1));
}

AVX2 static inline __m256i load_plane(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
AVX2 static inline void store_plane(uint8_t *p, __m256i x) { _mm256_storeu_si256((__m256i *)p, x); }

// In each lane, byte p of element e to place p * elements + e, and back.
#define GATHER16 _mm256_setr_epi8(                                                                             \
    0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)
#define SPREAD16 _mm256_setr_epi8(                                                                             \
    0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15)
#define TRANSPOSE32 _mm256_setr_epi8(                                                                          \
    0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
#define GATHER64 SPREAD16
#define SPREAD64 GATHER16

AVX2 static size_t split16_avx2(const uint8_t *elements, size_t count, bool rotate, uint8_t *const *planes) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *e = elements + 2 * i;
        __m256i x[2];
        for (int k = 0; k < 2; k++) {
            x[k] = load_halves(e + 16 * k, e + 32 + 16 * k);
            if (rotate) x[k] = _mm256_or_si256(_mm256_slli_epi16(x[k], 1), _mm256_srli_epi16(x[k], 15));
            x[k] = _mm256_shuffle_epi8(x[k], GATHER16);
        }
        store_plane(planes[0] + i, _mm256_unpacklo_epi64(x[0], x[1]));
        store_plane(planes[1] + i, _mm256_unpackhi_epi64(x[0], x[1]));
    }
    return i;
}

AVX2 static size_t merge16_avx2(const uint8_t *const *planes, size_t count, bool rotate, uint8_t *elements) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i low = load_plane(planes[0] + i), high = load_plane(planes[1] + i);
        __m256i x[2] = {_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)};
        for (int k = 0; k < 2; k++) {
            if (rotate) x[k] = _mm256_or_si256(_mm256_srli_epi16(x[k], 1), _mm256_slli_epi16(x[k], 15));
            store_halves(elements + 2 * i + 16 * k, elements + 2 * i + 32 + 16 * k, x[k]);
        }
    }
    return i;
}

AVX2 static size_t split32_avx2(const uint8_t *elements, size_t count, bool rotate, uint8_t *const *planes) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *e = elements + 4 * i;
        __m256i x[4];
        for (int k = 0; k < 4; k++) {
            x[k] = load_halves(e + 16 * k, e + 64 + 16 * k);
            if (rotate) x[k] = _mm256_or_si256(_mm256_slli_epi32(x[k], 1), _mm256_srli_epi32(x[k], 31));
            x[k] = _mm256_shuffle_epi8(x[k], TRANSPOSE32);
        }
        __m256i low01 = _mm256_unpacklo_epi32(x[0], x[1]), low23 = _mm256_unpacklo_epi32(x[2], x[3]);
        __m256i high01 = _mm256_unpackhi_epi32(x[0], x[1]), high23 = _mm256_unpackhi_epi32(x[2], x[3]);
        store_plane(planes[0] + i, _mm256_unpacklo_epi64(low01, low23));
        store_plane(planes[1] + i, _mm256_unpackhi_epi64(low01, low23));
        store_plane(planes[2] + i, _mm256_unpacklo_epi64(high01, high23));
        store_plane(planes[3] + i, _mm256_unpackhi_epi64(high01, high23));
    }
    return i;
}

AVX2 static size_t merge32_avx2(const uint8_t *const *planes, size_t count, bool rotate, uint8_t *elements) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i p0 = load_plane(planes[0] + i), p1 = load_plane(planes[1] + i);
        __m256i p2 = load_plane(planes[2] + i), p3 = load_plane(planes[3] + i);
        __m256i low01 = _mm256_unpacklo_epi8(p0, p1), low23 = _mm256_unpacklo_epi8(p2, p3);
        __m256i high01 = _mm256_unpackhi_epi8(p0, p1), high23 = _mm256_unpackhi_epi8(p2, p3);
        __m256i x[4] = {
            _mm256_unpacklo_epi16(low01, low23), _mm256_unpackhi_epi16(low01, low23),
            _mm256_unpacklo_epi16(high01, high23), _mm256_unpackhi_epi16(high01, high23)};
        for (int k = 0; k < 4; k++) {
            if (rotate) x[k] = _mm256_or_si256(_mm256_srli_epi32(x[k], 1), _mm256_slli_epi32(x[k], 31));
            store_halves(elements + 4 * i + 16 * k, elements + 4 * i + 64 + 16 * k, x[k]);
        }
    }
    return i;
}

AVX2 static size_t split64_avx2(const uint8_t *elements, size_t count, bool rotate, uint8_t *const *planes) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *e = elements + 8 * i;
        __m256i x[8], y[8];
        for (int k = 0; k < 8; k++) {
            x[k] = load_halves(e + 16 * k, e + 128 + 16 * k);
            if (rotate) x[k] = _mm256_or_si256(_mm256_slli_epi64(x[k], 1), _mm256_srli_epi64(x[k], 63));
            x[k] = _mm256_shuffle_epi8(x[k], GATHER64);
        }
        for (int k = 0; k < 4; k++) {
            y[k] = _mm256_unpacklo_epi16(x[2 * k], x[2 * k + 1]);
            y[k + 4] = _mm256_unpackhi_epi16(x[2 * k], x[2 * k + 1]);
        }
        for (int half = 0; half < 8; half += 4) {
            __m256i low01 = _mm256_unpacklo_epi32(y[half], y[half + 1]);
            __m256i high01 = _mm256_unpackhi_epi32(y[half], y[half + 1]);
            __m256i low23 = _mm256_unpacklo_epi32(y[half + 2], y[half + 3]);
            __m256i high23 = _mm256_unpackhi_epi32(y[half + 2], y[half + 3]);
            uint8_t *const *four = planes + half;
            store_plane(four[0] + i, _mm256_unpacklo_epi64(low01, low23));
            store_plane(four[1] + i, _mm256_unpackhi_epi64(low01, low23));
            store_plane(four[2] + i, _mm256_unpacklo_epi64(high01, high23));
            store_plane(four[3] + i, _mm256_unpackhi_epi64(high01, high23));
        }
    }
    return i;
}

AVX2 static size_t merge64_avx2(const uint8_t *const *planes, size_t count, bool rotate, uint8_t *elements) {
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        // Pairs, quads, then all eight bytes of an element; at each level, in the order of the elements.
        __m256i pairs[4][2], quads[2][4];
        for (int k = 0; k < 4; k++) {
            __m256i low = load_plane(planes[2 * k] + i), high = load_plane(planes[2 * k + 1] + i);
            pairs[k][0] = _mm256_unpacklo_epi8(low, high);
            pairs[k][1] = _mm256_unpackhi_epi8(low, high);
        }
        for (int k = 0; k < 2; k++)
            for (int part = 0; part < 2; part++) {
                quads[k][2 * part] = _mm256_unpacklo_epi16(pairs[2 * k][part], pairs[2 * k + 1][part]);
                quads[k][2 * part + 1] = _mm256_unpackhi_epi16(pairs[2 * k][part], pairs[2 * k + 1][part]);
            }
        for (int k = 0; k < 8; k++) {
            __m256i x = k % 2 == 0 ? _mm256_unpacklo_epi32(quads[0][k / 2], quads[1][k / 2])
                                   : _mm256_unpackhi_epi32(quads[0][k / 2], quads[1][k / 2]);
            if (rotate) x = _mm256_or_si256(_mm256_srli_epi64(x, 1), _mm256_slli_epi64(x, 63));
            store_halves(elements + 8 * i + 16 * k, elements + 8 * i + 128 + 16 * k, x);
        }
    }
    return i;
}
#endif

void mr_split_planes(
    mr_cpu_level level, const void *elements, size_t count, size_t width, bool rotate, uint8_t *const *planes) {
    size_t start = 0;
#if defined(__x86_64__)
    if (mr_available_level(level) >= MR_CPU_AVX2) {
        if (width == 2) start = split16_avx2(elements, count, rotate, planes);
        if (width == 4) start = split32_avx2(elements, count, rotate, planes);
        if (width == 8) start = split64_avx2(elements, count, rotate, planes);
    }
#endif
    if (width == 2) split16(elements, start, count, rotate, planes);
    if (width == 4) split32(elements, start, count, rotate, planes);
    if (width == 8) split64(elements, start, count, rotate, planes);
}

void mr_merge_planes(
    mr_cpu_level level, const uint8_t *const *planes, size_t count, size_t width, bool rotate, void *elements) {
    size_t start = 0;
#if defined(__x86_64__)
    if (mr_available_level(level) >= MR_CPU_AVX2) {
        if (width == 2) start = merge16_avx2(planes, count, rotate, elements);
        if (width == 4) start = merge32_avx2(planes, count, rotate, elements);
        if (width == 8) start = merge64_avx2(planes, count, rotate, elements);
    }
#endif
    if (width == 2) merge16(planes, start, count, rotate, elements);
    if (width == 4) merge32(planes, start, count, rotate, elements);
    if (width == 8) merge64(planes, start, count, rotate, elements);
}

#include "crc32c.h"

#include <pthread.h>
#include <string.h>

#include "cpu.h"

#define POLYNOMIAL 0x82F63B78u

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (POLYNOMIAL & (0u - (crc & 1)));
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 8; slice++)
            table[slice][i] = (table[slice - 1][i] >> 8) ^ table[0][table[slice - 1][i] & 0xff];
}

// Slicing by eight (Kounavis and Berry 2005): eight table look-ups for eight bytes.
uint32_t mr_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    pthread_once(&table_once, make_table);
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; count >= 8; p += 8, count -= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^ table[5][(low >> 16) & 0xff] ^
              table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; count > 0; p++, count--) crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

// The instruction takes three cycles and one can start each cycle, so three streams run side by side.
// Their results are joined by advancing a CRC over the bytes that follow it, with one table per length.
#define LONG_STREAM 8192
#define SHORT_STREAM 256

static uint32_t advance_long[4][256];
static uint32_t advance_short[4][256];
static pthread_once_t advance_once = PTHREAD_ONCE_INIT;

// Multiplies a vector by a matrix over GF(2).
static uint32_t multiply(const uint32_t *matrix, uint32_t vector) {
    uint32_t sum = 0;
    for (; vector; vector >>= 1, matrix++)
        if (vector & 1) sum ^= *matrix;
    return sum;
}

static void make_advance(uint32_t advance[4][256], size_t zero_byte_count) {
    // operator: the effect of one zero bit, squared until it is that of `zero_byte_count` bytes.
    uint32_t a[32], b[32];
    a[0] = POLYNOMIAL;
    for (int i = 1; i < 32; i++) a[i] = 1u << (i - 1);
    for (size_t bits = 1; bits < zero_byte_count * 8; bits *= 2) {
        for (int i = 0; i < 32; i++) b[i] = multiply(a, a[i]);
        memcpy(a, b, sizeof a);
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int byte = 0; byte < 4; byte++) advance[byte][i] = multiply(a, i << (8 * byte));
}

static void make_advances(void) {
    make_advance(advance_long, LONG_STREAM);
    make_advance(advance_short, SHORT_STREAM);
}

static inline uint32_t advanced(uint32_t advance[4][256], uint32_t crc) {
    return advance[0][crc & 0xff] ^ advance[1][(crc >> 8) & 0xff] ^ advance[2][(crc >> 16) & 0xff] ^
           advance[3][crc >> 24];
}

static inline uint64_t load64(const uint8_t *p) {
    uint64_t value;
    memcpy(&value, p, 8);
    return value;
}

__attribute__((target("sse4.2"))) static inline uint64_t three_streams(
    uint64_t crc, const uint8_t *p, size_t stream, uint32_t advance[4][256]) {
    uint64_t second = 0, third = 0;
    for (size_t i = 0; i < stream; i += 8) {
        crc = _mm_crc32_u64(crc, load64(p + i));
        second = _mm_crc32_u64(second, load64(p + stream + i));
        third = _mm_crc32_u64(third, load64(p + 2 * stream + i));
    }
    crc = advanced(advance, (uint32_t)crc) ^ second;
    return advanced(advance, (uint32_t)crc) ^ third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t start, const uint8_t *p, size_t count) {
    pthread_once(&advance_once, make_advances);
    uint64_t crc = ~start;
    for (; count >= 3 * LONG_STREAM; p += 3 * LONG_STREAM, count -= 3 * LONG_STREAM)
        crc = three_streams(crc, p, LONG_STREAM, advance_long);
    for (; count >= 3 * SHORT_STREAM; p += 3 * SHORT_STREAM, count -= 3 * SHORT_STREAM)
        crc = three_streams(crc, p, SHORT_STREAM, advance_short);
    for (; count >= 8; p += 8, count -= 8) crc = _mm_crc32_u64(crc, load64(p));
    for (; count > 0; p++, count--) crc = _mm_crc32_u8((uint32_t)crc, *p);
    return ~(uint32_t)crc;
}
#endif

uint32_t mr_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (mr_has_instruction(MR_CPU_CRC32C)) return crc32c_sse42(crc, bytes, count);
#endif
    return mr_crc32c_portable(crc, bytes, count);
}

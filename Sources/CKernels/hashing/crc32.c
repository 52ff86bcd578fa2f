#include "crc32.h"

#include "cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Folding by carry-less multiplication (Gopal et al. 2009, "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction"). The 16 bytes of a register are a polynomial over GF(2). Multiplying its halves by
// x^n mod P moves them n bits on, to where they can be added to the bytes there, and the remainder stays the same.
// A constant is x^n mod P, its 32 bits reversed, times x. For a distance of d bits, n is d + 32 for the low half, which
// has the higher powers as bits are reversed, and d - 32 for the high half.
#define FOLD_512_LOW 0x154442bd4
#define FOLD_512_HIGH 0x1c6e41596
#define FOLD_128_LOW 0x1751997d0
#define FOLD_128_HIGH 0x0ccaa009e

#define MINIMUM 256

__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold(__m128i value, __m128i constants, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(value, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(value, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t fold_blocks(
    uint32_t crc, const uint8_t *p, size_t block_count) {
    const __m128i *blocks = (const __m128i *)p;
    const __m128i far = _mm_set_epi64x(FOLD_512_HIGH, FOLD_512_LOW);
    const __m128i near = _mm_set_epi64x(FOLD_128_HIGH, FOLD_128_LOW);
    // Four registers side by side, since a product takes several cycles.
    __m128i a = _mm_xor_si128(_mm_loadu_si128(blocks), _mm_cvtsi32_si128((int)~crc));
    __m128i b = _mm_loadu_si128(blocks + 1);
    __m128i c = _mm_loadu_si128(blocks + 2);
    __m128i d = _mm_loadu_si128(blocks + 3);
    size_t i = 4;
    for (; i + 4 <= block_count; i += 4) {
        a = fold(a, far, _mm_loadu_si128(blocks + i));
        b = fold(b, far, _mm_loadu_si128(blocks + i + 1));
        c = fold(c, far, _mm_loadu_si128(blocks + i + 2));
        d = fold(d, far, _mm_loadu_si128(blocks + i + 3));
    }
    a = fold(a, near, b);
    a = fold(a, near, c);
    a = fold(a, near, d);
    for (; i < block_count; i++) a = fold(a, near, _mm_loadu_si128(blocks + i));
    // What is left is 16 bytes with the same remainder, which is found bit by bit.
    uint8_t rest[16];
    _mm_storeu_si128((__m128i *)rest, a);
    uint32_t remainder = 0;
    for (int byte = 0; byte < 16; byte++) {
        remainder ^= rest[byte];
        for (int bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ (0xEDB88320u & (0u - (remainder & 1)));
    }
    return ~remainder;
}
#endif

size_t mr_crc32_fold(uint32_t *crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (count >= MINIMUM && mr_has_instruction(MR_CPU_CARRYLESS_PRODUCT)) {
        *crc = fold_blocks(*crc, bytes, count / 16);
        return count / 16 * 16;
    }
#endif
    (void)crc, (void)bytes, (void)count;
    return 0;
}

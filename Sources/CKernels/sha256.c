#include "sha256.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#include "dispatch.h"

#define BLOCK 64
#define LANES 2
#define SHA __attribute__((target("sha,ssse3,sse4.1")))

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The state as the instructions want it: two of the words a, b, e, f and two of c, d, g, h to a register.
typedef struct {
    __m128i abef, cdgh;
} sha_state;

SHA static sha_state load_initial(void) {
    __m128i abcd = _mm_loadu_si128((const __m128i *)initial), efgh = _mm_loadu_si128((const __m128i *)(initial + 4));
    abcd = _mm_shuffle_epi32(abcd, 0xb1);
    efgh = _mm_shuffle_epi32(efgh, 0x1b);
    return (sha_state){.abef = _mm_alignr_epi8(abcd, efgh, 8), .cdgh = _mm_blend_epi16(efgh, abcd, 0xf0)};
}

SHA static void store_digest(sha_state state, uint8_t *digest) {
    const __m128i reverse_words = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    __m128i abcd = _mm_blend_epi16(feba, dchg, 0xf0), efgh = _mm_alignr_epi8(dchg, feba, 8);
    _mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(abcd, reverse_words));
    _mm_storeu_si128((__m128i *)(digest + 16), _mm_shuffle_epi8(efgh, reverse_words));
}

// Four rounds a step; the message schedule runs four steps ahead.
SHA INLINE void add_blocks(sha_state *states, const uint8_t *const *messages, size_t lanes, size_t block_count) {
    const __m128i reverse_words = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (size_t block = 0; block < block_count; block++) {
        sha_state state[LANES];
        __m128i schedule[LANES][4];
        for (size_t lane = 0; lane < lanes; lane++) {
            state[lane] = states[lane];
            const __m128i *p = (const __m128i *)(messages[lane] + BLOCK * block);
            for (int k = 0; k < 4; k++)
                schedule[lane][k] = _mm_shuffle_epi8(_mm_loadu_si128(p + k), reverse_words);
        }
#pragma clang loop unroll(full)
        for (int step = 0; step < 16; step++) {
            for (size_t lane = 0; lane < lanes; lane++) {
                __m128i *w = schedule[lane];
                __m128i oldest = w[step % 4], newest = w[(step + 3) % 4];
                __m128i sum = _mm_add_epi32(oldest, _mm_loadu_si128((const __m128i *)(constants + 4 * step)));
                state[lane].cdgh = _mm_sha256rnds2_epu32(state[lane].cdgh, state[lane].abef, sum);
                if (step < 12) {
                    __m128i next = _mm_sha256msg1_epu32(oldest, w[(step + 1) % 4]);
                    next = _mm_add_epi32(next, _mm_alignr_epi8(newest, w[(step + 2) % 4], 4));
                    w[step % 4] = _mm_sha256msg2_epu32(next, newest);
                }
                sum = _mm_shuffle_epi32(sum, 0x0e);
                state[lane].abef = _mm_sha256rnds2_epu32(state[lane].abef, state[lane].cdgh, sum);
            }
        }
        for (size_t lane = 0; lane < lanes; lane++) {
            states[lane].abef = _mm_add_epi32(states[lane].abef, state[lane].abef);
            states[lane].cdgh = _mm_add_epi32(states[lane].cdgh, state[lane].cdgh);
        }
    }
}

SHA static void add_to_both(sha_state *states, const uint8_t *const *messages, size_t block_count) {
    add_blocks(states, messages, LANES, block_count);
}

SHA static void add_to_one(sha_state *state, const uint8_t *message, size_t block_count) {
    add_blocks(state, &message, 1, block_count);
}

// What is left of a message of `count` bytes from `offset` on, the bit 1, zeros, and the number of its bits.
static void finish(sha_state *state, const uint8_t *message, size_t count, size_t offset, uint8_t *digest) {
    size_t whole = (count - offset) / BLOCK;
    add_to_one(state, message + offset, whole);
    offset += whole * BLOCK;
    uint8_t last[2 * BLOCK] = {0};
    size_t rest = count - offset;
    if (rest > 0) memcpy(last, message + offset, rest);
    last[rest] = 0x80;
    size_t block_count = rest + 1 + 8 <= BLOCK ? 1 : 2;
    uint64_t bits = (uint64_t)count * 8;
    for (int i = 0; i < 8; i++) last[block_count * BLOCK - 1 - (size_t)i] = (uint8_t)(bits >> (8 * i));
    add_to_one(state, last, block_count);
    store_digest(*state, digest);
}

static bool has_instructions(void) {
    static _Atomic int known = -1;  // asking takes long under a hypervisor
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer < 0) {
        unsigned a, b, c, d;
        __builtin_cpu_init();
        answer = __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer;
}
#endif

bool mr_sha256_pair(
    const void *first, size_t first_count, const void *second, size_t second_count, void *first_digest,
    void *second_digest) {
#if defined(__x86_64__)
    if (!has_instructions()) return false;
    sha_state states[LANES] = {load_initial(), load_initial()};
    const uint8_t *messages[LANES] = {first, second};
    size_t common = (first_count < second_count ? first_count : second_count) / BLOCK;
    add_to_both(states, messages, common);
    finish(&states[0], first, first_count, common * BLOCK, first_digest);
    finish(&states[1], second, second_count, common * BLOCK, second_digest);
    return true;
#else
    (void)first, (void)first_count, (void)second, (void)second_count, (void)first_digest, (void)second_digest;
    return false;
#endif
}

#include "sha256.h"

#include <stdbool.h>
#include <string.h>

#include "cpu.h"

#define BLOCK 64
#define LANES 2

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

static inline uint32_t load_big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_big_endian(uint32_t word, uint8_t *p) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(word >> (24 - 8 * i));
}

static inline uint32_t rotated(uint32_t x, int count) { return x >> count | x << (32 - count); }

// FIPS 180-4, section 6.2.2, with the letters of the standard. Rounds are unrolled, so that moving a letter costs
// nothing; `w` holds only the last sixteen words of the schedule.
static void add_blocks_portable(uint32_t *state, const uint8_t *message, size_t block_count) {
    for (; block_count > 0; block_count--, message += BLOCK) {
        uint32_t w[16];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
#pragma clang loop unroll(full)
        for (int t = 0; t < 64; t++) {
            if (t < 16) {
                w[t] = load_big_endian(message + 4 * t);
            } else {
                uint32_t w15 = w[(t - 15) % 16], w2 = w[(t - 2) % 16];
                uint32_t s0 = rotated(w15, 7) ^ rotated(w15, 18) ^ w15 >> 3;
                uint32_t s1 = rotated(w2, 17) ^ rotated(w2, 19) ^ w2 >> 10;
                w[t % 16] += s0 + w[(t - 7) % 16] + s1;
            }
            uint32_t t1 = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) +
                          constants[t] + w[t % 16];
            uint32_t t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#include "../runtime/dispatch.h"

#define SHA __attribute__((target("sha,ssse3,sse4.1")))

// The state as the instructions want it: two of the words a, b, e, f and two of c, d, g, h to a register.
typedef struct {
    __m128i abef, cdgh;
} sha_state;

SHA static sha_state load_state(const uint32_t *words) {
    __m128i abcd = _mm_loadu_si128((const __m128i *)words), efgh = _mm_loadu_si128((const __m128i *)(words + 4));
    abcd = _mm_shuffle_epi32(abcd, 0xb1);
    efgh = _mm_shuffle_epi32(efgh, 0x1b);
    return (sha_state){.abef = _mm_alignr_epi8(abcd, efgh, 8), .cdgh = _mm_blend_epi16(efgh, abcd, 0xf0)};
}

SHA static void store_state(sha_state state, uint32_t *words) {
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
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

SHA static void add_blocks_to_one(uint32_t *words, const uint8_t *message, size_t block_count) {
    sha_state state = load_state(words);
    add_blocks(&state, &message, 1, block_count);
    store_state(state, words);
}

SHA static void add_blocks_to_both(
    uint32_t *first, uint32_t *second, const uint8_t *first_message, const uint8_t *second_message, size_t block_count) {
    sha_state states[LANES] = {load_state(first), load_state(second)};
    const uint8_t *messages[LANES] = {first_message, second_message};
    add_blocks(states, messages, LANES, block_count);
    store_state(states[0], first);
    store_state(states[1], second);
}
#endif

static void add_blocks_of(mr_sha256 *hash, const uint8_t *message, size_t block_count) {
#if defined(__x86_64__)
    if (!hash->is_portable && mr_has_instruction(MR_CPU_SHA256)) {
        add_blocks_to_one(hash->state, message, block_count);
        return;
    }
#endif
    add_blocks_portable(hash->state, message, block_count);
}

static void begin(mr_sha256 *hash, bool is_portable) {
    memcpy(hash->state, initial, sizeof initial);
    hash->count = 0;
    hash->is_portable = is_portable;
}

void mr_sha256_begin(mr_sha256 *hash) { begin(hash, false); }

void mr_sha256_begin_portable(mr_sha256 *hash) { begin(hash, true); }

void mr_sha256_add(mr_sha256 *hash, const void *bytes, size_t count) {
    if (count == 0) return;
    const uint8_t *p = bytes;
    size_t held = hash->count % BLOCK;
    hash->count += count;
    if (held > 0) {
        size_t part = count < BLOCK - held ? count : BLOCK - held;
        memcpy(hash->block + held, p, part);
        if (held + part < BLOCK) return;
        add_blocks_of(hash, hash->block, 1);
        p += part, count -= part;
    }
    add_blocks_of(hash, p, count / BLOCK);
    memcpy(hash->block, p + count / BLOCK * BLOCK, count % BLOCK);
}

void mr_sha256_end(mr_sha256 *hash, void *digest) {
    // The last block or two: the bytes that do not fill a block, a 1 bit, zeros, and the length in bits.
    uint8_t last[2 * BLOCK] = {0};
    size_t held = hash->count % BLOCK;
    memcpy(last, hash->block, held);
    last[held] = 0x80;
    size_t block_count = held + 1 + 8 <= BLOCK ? 1 : 2;
    for (int i = 0; i < 8; i++) last[block_count * BLOCK - 1 - (size_t)i] = (uint8_t)(hash->count * 8 >> (8 * i));
    add_blocks_of(hash, last, block_count);
    for (int i = 0; i < 8; i++) store_big_endian(hash->state[i], (uint8_t *)digest + 4 * i);
}

void mr_sha256_of(const void *bytes, size_t count, void *digest) {
    mr_sha256 hash;
    mr_sha256_begin(&hash);
    mr_sha256_add(&hash, bytes, count);
    mr_sha256_end(&hash, digest);
}

void mr_sha256_pair(
    const void *first, size_t first_count, const void *second, size_t second_count, void *first_digest,
    void *second_digest) {
    mr_sha256 hashes[LANES];
    mr_sha256_begin(&hashes[0]);
    mr_sha256_begin(&hashes[1]);
    size_t common = 0;
#if defined(__x86_64__)
    if (mr_has_instruction(MR_CPU_SHA256)) {
        common = (first_count < second_count ? first_count : second_count) / BLOCK * BLOCK;
        add_blocks_to_both(hashes[0].state, hashes[1].state, first, second, common / BLOCK);
        hashes[0].count = hashes[1].count = common;
    }
#endif
    if (first_count > common) mr_sha256_add(&hashes[0], (const uint8_t *)first + common, first_count - common);
    if (second_count > common) mr_sha256_add(&hashes[1], (const uint8_t *)second + common, second_count - common);
    mr_sha256_end(&hashes[0], first_digest);
    mr_sha256_end(&hashes[1], second_digest);
}

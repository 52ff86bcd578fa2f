#include "rans.h"

#include <string.h>

#include "statistics.h"

// A state is in [LOW, LOW << 16), and moves to and from the stream in words of 16 bits. So it stays below 2^31, which
// the division by multiplication needs.
#define TOTAL (1u << MR_RANS_SCALE)
#define LOW (1u << 15)
#define LANES MR_RANS_LANE_COUNT

// At most: one byte of count, three for each symbol, and the states.
#define HEADER_LIMIT (1 + 3 * 256 + 4 * LANES)

size_t mr_rans_bound(size_t count) {
    // A symbol of frequency 1 takes 12 bits.
    return HEADER_LIMIT + 2 * count;
}

size_t mr_rans_estimate(const uint32_t counts[256], size_t counted, size_t count) {
    size_t header = 1 + 3 * LANES;
    // Frequencies from 129 up take two bytes.
    for (int i = 0; i < 256; i++)
        if (counts[i] > 0) header += (uint64_t)counts[i] * TOTAL > (uint64_t)counted * 128 ? 3 : 2;
    return header + (size_t)(mr_entropy(counts, counted) * (double)count / 8);
}

// Scales a histogram to a sum of TOTAL, in which every symbol that occurs has at least 1.
static void normalise(const uint32_t counts[256], size_t count, uint32_t frequencies[256]) {
    uint32_t sum = 0;
    for (int i = 0; i < 256; i++) {
        uint32_t f = (uint32_t)(((uint64_t)counts[i] * TOTAL + count / 2) / count);
        frequencies[i] = counts[i] > 0 && f == 0 ? 1 : f;
        sum += frequencies[i];
    }
    // What rounding left over goes to, or comes from, the most frequent, where it costs least.
    while (sum != TOTAL) {
        int largest = 0;
        for (int i = 1; i < 256; i++)
            if (frequencies[i] > frequencies[largest]) largest = i;
        int step = sum < TOTAL ? 1 : -1;
        frequencies[largest] += (uint32_t)step;
        sum += (uint32_t)step;
    }
}

static inline void store16(uint8_t *p, uint32_t x) {
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static inline void store32(uint8_t *p, uint32_t x) {
    store16(p, x);
    store16(p + 2, x >> 16);
}

static inline uint32_t load16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t load32(const uint8_t *p) { return load16(p) | load16(p + 2) << 16; }

// MARK: Encoding

typedef struct {
    uint32_t limit;       // a state from here on gives a word to the stream first
    uint32_t start;       // the frequencies of lesser symbols
    uint32_t complement;  // TOTAL - frequency
    uint32_t shift;
    uint64_t reciprocal;  // x / frequency == x * reciprocal >> shift, for x < 2^31 (Alverson 1991)
} encoder_symbol;

static encoder_symbol make_symbol(uint32_t frequency, uint32_t start) {
    uint32_t bits = 0;
    while ((1u << bits) < frequency) bits++;
    return (encoder_symbol){
        .limit = frequency << (31 - MR_RANS_SCALE),
        .start = start,
        .complement = TOTAL - frequency,
        .shift = bits + 31,
        .reciprocal = ((UINT64_C(1) << (bits + 31)) + frequency - 1) / frequency,
    };
}

// Writes before `p`, which moves down.
static inline void put(uint32_t *state, uint8_t **p, const encoder_symbol *symbol) {
    uint32_t x = *state, is_full = x >= symbol->limit;
    store16(*p - 2, x);
    *p -= 2 * is_full;
    x >>= 16 * is_full;
    uint32_t quotient = (uint32_t)(x * symbol->reciprocal >> symbol->shift);
    *state = x + quotient * symbol->complement + symbol->start;
}

size_t mr_rans_encode(const uint8_t *bytes, size_t count, const uint32_t counts[256], uint8_t *target) {
    uint32_t frequencies[256];
    normalise(counts, count, frequencies);
    encoder_symbol symbols[256];
    uint8_t *header = target + 1;
    uint32_t start = 0, symbol_count = 0;
    for (uint32_t i = 0; i < 256; i++) {
        if (frequencies[i] == 0) continue;
        symbols[i] = make_symbol(frequencies[i], start);
        start += frequencies[i];
        symbol_count++;
        *header++ = (uint8_t)i;
        uint32_t rest = frequencies[i] - 1;
        if (rest >= 0x80) *header++ = (uint8_t)(rest | 0x80);
        *header++ = (uint8_t)(rest >= 0x80 ? rest >> 7 : rest);
    }
    target[0] = (uint8_t)(symbol_count - 1);

    // What is read first is written last: from the last byte to the first, and from the end of the room down.
    uint8_t *end = target + mr_rans_bound(count), *p = end;
    uint32_t states[LANES];
    for (int lane = 0; lane < LANES; lane++) states[lane] = LOW;
    size_t i = count;
    for (; i % LANES != 0; i--) put(&states[(i - 1) % LANES], &p, &symbols[bytes[i - 1]]);
    for (; i > 0; i -= LANES) {
        put(&states[7], &p, &symbols[bytes[i - 1]]);
        put(&states[6], &p, &symbols[bytes[i - 2]]);
        put(&states[5], &p, &symbols[bytes[i - 3]]);
        put(&states[4], &p, &symbols[bytes[i - 4]]);
        put(&states[3], &p, &symbols[bytes[i - 5]]);
        put(&states[2], &p, &symbols[bytes[i - 6]]);
        put(&states[1], &p, &symbols[bytes[i - 7]]);
        put(&states[0], &p, &symbols[bytes[i - 8]]);
    }
    for (int lane = 0; lane < LANES; lane++, header += 4) store32(header, states[lane]);
    memmove(header, p, (size_t)(end - p));
    return (size_t)(header - target) + (size_t)(end - p);
}

// MARK: Decoding

// One entry for each of TOTAL: symbol in bits 0 to 7, frequency in 8 to 19, offset in its symbol in 20 to 31.
typedef struct {
    uint32_t entries[TOTAL];
} decoder_table;

// Returns the header's bytes, or 0 if it is none.
static size_t read_table(const uint8_t *source, size_t source_count, decoder_table *table) {
    if (source_count < 1) return 0;
    size_t offset = 1;
    uint32_t start = 0;
    int last = -1;
    for (uint32_t left = source[0] + 1u; left > 0; left--) {
        if (source_count - offset < 3) return 0;  // more must follow anyway
        int symbol = source[offset++];
        uint32_t frequency = source[offset++];
        if (frequency >= 0x80) frequency = (frequency & 0x7f) | (uint32_t)source[offset++] << 7;
        frequency++;
        // A lone symbol would have a frequency of TOTAL, which does not fit; its plane is constant.
        if (symbol <= last || frequency > TOTAL - start || frequency == TOTAL) return 0;
        last = symbol;
        for (uint32_t i = 0; i < frequency; i++)
            table->entries[start + i] = (uint32_t)symbol | frequency << 8 | i << 20;
        start += frequency;
    }
    return start == TOTAL ? offset : 0;
}

static inline uint32_t advanced(uint32_t state, uint32_t entry) {
    return (entry >> 8 & 0xfff) * (state >> MR_RANS_SCALE) + (entry >> 20);
}

// Reads two bytes at `p`, whether or not they are needed.
static inline uint8_t get(uint32_t *state, const uint8_t **p, const decoder_table *table) {
    uint32_t entry = table->entries[*state & (TOTAL - 1)];
    uint32_t x = advanced(*state, entry);
    uint32_t refilled = x << 16 | load16(*p);
    uint32_t is_low = x < LOW;
    *state = is_low ? refilled : x;
    *p += 2 * is_low;
    return (uint8_t)entry;
}

bool mr_rans_decode(const uint8_t *source, size_t source_count, uint8_t *bytes, size_t count) {
    decoder_table table;
    size_t offset = read_table(source, source_count, &table);
    if (offset == 0 || source_count - offset < 4 * LANES) return false;
    uint32_t states[LANES];
    for (int lane = 0; lane < LANES; lane++, offset += 4) {
        states[lane] = load32(source + offset);
        // Larger states would overflow.
        if (states[lane] < LOW || states[lane] >= LOW << 16) return false;
    }
    const uint8_t *p = source + offset, *end = source + source_count;
    size_t i = 0;
    uint32_t s0 = states[0], s1 = states[1], s2 = states[2], s3 = states[3];
    uint32_t s4 = states[4], s5 = states[5], s6 = states[6], s7 = states[7];
    for (; count - i >= LANES && end - p >= 2 * LANES; i += LANES) {
        bytes[i] = get(&s0, &p, &table);
        bytes[i + 1] = get(&s1, &p, &table);
        bytes[i + 2] = get(&s2, &p, &table);
        bytes[i + 3] = get(&s3, &p, &table);
        bytes[i + 4] = get(&s4, &p, &table);
        bytes[i + 5] = get(&s5, &p, &table);
        bytes[i + 6] = get(&s6, &p, &table);
        bytes[i + 7] = get(&s7, &p, &table);
    }
    uint32_t rest[LANES] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (; i < count; i++) {
        uint32_t *state = &rest[i % LANES];
        uint32_t entry = table.entries[*state & (TOTAL - 1)];
        bytes[i] = (uint8_t)entry;
        *state = advanced(*state, entry);
        if (*state < LOW) {
            if (end - p < 2) return false;
            *state = *state << 16 | load16(p);
            p += 2;
        }
    }
    // The encoder began with these.
    for (int lane = 0; lane < LANES; lane++)
        if (rest[lane] != LOW) return false;
    return p == end;
}

#include "huffman.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "statistics.h"

// The format's limits (RFC 8878, sections 3.1.1.2 and 4.2.1).
enum { BLOCK_BYTES = 128 << 10, LONGEST_CODE = 11, LARGEST_SYMBOL = 128 };

// A code, or two, as the bit buffer takes it: its bits at the top, its length at the bottom.
typedef uint64_t code_t;
enum { CODE_LENGTH_MASK = 0xff };

struct mr_huffman_codes {
    code_t single[256];
    code_t pair[65536];
};

struct mr_huffman_codes *mr_huffman_codes_make(void) { return malloc(sizeof(struct mr_huffman_codes)); }

void mr_huffman_codes_free(struct mr_huffman_codes *codes) { free(codes); }

// MARK: - Frequencies

// Makes a sample's counts such that every byte that occurs has one: those between the least and the greatest get 1.
// Returns whether that costs next to nothing.
static bool complete_sample(const uint8_t *bytes, size_t count, uint32_t counts[256]) {
    // Zero is the exponent of zero, far from all others.
    uint8_t least = 255, least_but_zero = 255, greatest = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i], before = (uint8_t)(byte - 1);
        least = byte < least ? byte : least;
        least_but_zero = before < least_but_zero ? before : least_but_zero;
        greatest = byte > greatest ? byte : greatest;
    }
    int unseen = 0;
    if (least == 0 && counts[0] == 0) {
        counts[0] = 1;
        unseen++;
    }
    for (int i = least_but_zero + 1; i <= greatest; i++) {
        if (counts[i] > 0) continue;
        counts[i] = 1;
        unseen++;
    }
    // Each takes at least one of 2048 codes.
    return unseen <= 16;
}

// MARK: - Lengths

// Puts symbols in order of rising frequency.
static void sort_symbols(uint8_t *symbols, int count, const uint32_t counts[256]) {
    for (int i = 1; i < count; i++) {
        uint8_t symbol = symbols[i];
        int j = i;
        for (; j > 0 && counts[symbols[j - 1]] > counts[symbol]; j--) symbols[j] = symbols[j - 1];
        symbols[j] = symbol;
    }
}

// Huffman's tree, by two queues: symbols in rising order, and the sums of those that have been joined.
static void tree_depths(const uint8_t *symbols, int count, const uint32_t counts[256], uint8_t depths[256]) {
    uint64_t weights[2 * (LARGEST_SYMBOL + 1)];
    int parents[2 * (LARGEST_SYMBOL + 1)];
    for (int i = 0; i < count; i++) weights[i] = counts[symbols[i]];
    int leaf = 0, joined = count;
    for (int node = count; node < 2 * count - 1; node++) {
        weights[node] = 0;
        for (int child = 0; child < 2; child++) {
            bool takes_leaf = leaf < count && (joined == node || weights[leaf] <= weights[joined]);
            int taken = takes_leaf ? leaf++ : joined++;
            weights[node] += weights[taken];
            parents[taken] = node;
        }
    }
    int depth[2 * (LARGEST_SYMBOL + 1)];
    depth[2 * count - 2] = 0;
    for (int node = 2 * count - 3; node >= 0; node--) depth[node] = depth[parents[node]] + 1;
    for (int i = 0; i < count; i++) depths[symbols[i]] = (uint8_t)(depth[i] < 255 ? depth[i] : 255);
}

// Shortens codes that are too long, and lengthens others until all fit again and none could be shorter.
//
// Returns whether they use up all codes, as the format wants it.
static bool limit_depths(const uint8_t *symbols, int count, uint8_t depths[256]) {
    const uint32_t whole = 1u << LONGEST_CODE;
    uint32_t used = 0;
    for (int i = 0; i < count; i++) {
        uint8_t *depth = &depths[symbols[i]];
        if (*depth > LONGEST_CODE) *depth = LONGEST_CODE;
        used += whole >> *depth;
    }
    // The rarest first.
    while (used > whole) {
        int i = 0;
        while (i < count && depths[symbols[i]] == LONGEST_CODE) i++;
        if (i == count) return false;
        used -= whole >> ++depths[symbols[i]];
    }
    // The most frequent first.
    for (int i = count - 1; i >= 0; i--) {
        uint8_t *depth = &depths[symbols[i]];
        while (*depth > 1 && used + (whole >> *depth) <= whole) used += whole >> (*depth)--;
    }
    return used == whole;
}

// MARK: - Codes

// Codes in the format's order: the longest get the lowest numbers, and among equals the lower byte does.
static void assign_codes(
    struct mr_huffman_codes *codes, const uint8_t *symbols, int count, const uint8_t depths[256]) {
    uint32_t next = 0;
    for (int depth = LONGEST_CODE; depth > 0; depth--) {
        for (int symbol = 0; symbol <= LARGEST_SYMBOL; symbol++) {
            if (depths[symbol] != depth) continue;
            uint32_t code = next >> (LONGEST_CODE - depth);
            codes->single[symbol] = (code_t)code << (64 - depth) | (code_t)depth;
            next += 1u << (LONGEST_CODE - depth);
        }
    }
    // A decoder reads backwards: the second of two bytes is written first, below the other.
    for (int i = 0; i < count; i++) {
        code_t above = codes->single[symbols[i]];
        for (int j = 0; j < count; j++) {
            code_t below = codes->single[symbols[j]];
            code_t length = (above & CODE_LENGTH_MASK) + (below & CODE_LENGTH_MASK);
            codes->pair[symbols[j] << 8 | symbols[i]] =
                (above & ~(code_t)CODE_LENGTH_MASK) |
                (below & ~(code_t)CODE_LENGTH_MASK) >> (above & CODE_LENGTH_MASK) | length;
        }
    }
}

// The tree as the format has it: four bits for each byte below the largest, whose own depth follows from theirs.
static uint8_t *write_tree(uint8_t *target, const uint8_t depths[256], int largest) {
    int deepest = 0;
    for (int i = 0; i <= largest; i++)
        if (depths[i] > deepest) deepest = depths[i];
    *target++ = (uint8_t)(127 + largest);
    for (int i = 0; i < largest; i += 2) {
        int high = depths[i] ? deepest + 1 - depths[i] : 0;
        int low = i + 1 < largest && depths[i + 1] ? deepest + 1 - depths[i + 1] : 0;
        *target++ = (uint8_t)(high << 4 | low);
    }
    return target;
}

// MARK: - Bits

static inline void store(uint8_t *target, uint64_t value, int byte_count) {
    for (int i = 0; i < byte_count; i++) target[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t load32(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

struct bits {
    uint64_t buffer;  // At the top: what comes later is above.
    uint64_t count;   // In its lowest byte; what is above is rubbish.
    uint8_t *target;
};

static inline void put(struct bits *bits, code_t code) {
    bits->buffer = bits->buffer >> (code & 63) | code;
    bits->count += code;
}

static inline void flush(struct bits *bits) {
    uint64_t count = bits->count & CODE_LENGTH_MASK;
    // At least one and at most 7 + 4 * LONGEST_CODE bits.
    store(bits->target, bits->buffer >> (64 - count), 8);
    bits->target += count >> 3;
    bits->count = count & 7;
}

// Writes bytes from the last to the first. Returns the end.
static uint8_t *write_stream(
    const struct mr_huffman_codes *codes, const uint8_t *bytes, size_t count, uint8_t *target) {
    struct bits bits = {0, 0, target};
    size_t i = count;
    for (; i % 4 > 0; i--) {
        put(&bits, codes->single[bytes[i - 1]]);
        flush(&bits);
    }
    for (; i > 0; i -= 4) {
        uint32_t four = load32(bytes + i - 4);
        put(&bits, codes->pair[four >> 16]);
        put(&bits, codes->pair[four & 0xffff]);
        flush(&bits);
    }
    // A bit marks the end.
    put(&bits, (code_t)1 << 63 | 1);
    flush(&bits);
    return bits.target + (bits.count > 0);
}

// MARK: - Frame

size_t mr_huffman_bound(size_t count) {
    size_t blocks = count / BLOCK_BYTES + 1;
    // Headers of block and literals, the jump table, the streams' last bits, the number of sequences.
    return 2 + 1 + LARGEST_SYMBOL / 2 + blocks * (3 + 5 + 6 + 4 + 1) + count * LONGEST_CODE / 8 + sizeof(uint64_t);
}

// Writes a block of bytes as they are. Returns its end.
static uint8_t *write_raw_block(const uint8_t *bytes, size_t count, bool is_last, uint8_t *target) {
    store(target, (uint64_t)is_last | (uint64_t)count << 3, 3);
    memcpy(target + 3, bytes, count);
    return target + 3 + count;
}

// Writes a block: literals with the tree, or with that of the block before, and no sequences. Returns its end, or NULL.
static uint8_t *write_block(
    const struct mr_huffman_codes *codes, const uint8_t *bytes, size_t count, bool is_last, const uint8_t *tree,
    size_t tree_bytes, uint8_t *target) {
    // Four streams need some bytes each.
    if (count < 64) return write_raw_block(bytes, count, is_last, target);
    enum { BLOCK_HEADER = 3, LITERALS_HEADER = 5, JUMP_TABLE = 6, COMPRESSED = 2, TREELESS = 3, FOUR_STREAMS = 3 };
    uint8_t *literals = target + BLOCK_HEADER + LITERALS_HEADER;
    memcpy(literals, tree, tree_bytes);
    uint8_t *jumps = literals + tree_bytes;
    uint8_t *end = jumps + JUMP_TABLE;
    size_t part = (count + 3) / 4;
    for (int stream = 0; stream < 4; stream++) {
        size_t start = (size_t)stream * part;
        uint8_t *begin = end;
        end = write_stream(codes, bytes + start, stream < 3 ? part : count - start, begin);
        if (stream < 3) store(jumps + 2 * stream, (uint64_t)(end - begin), 2);
    }
    size_t literal_bytes = (size_t)(end - literals);
    if (literal_bytes >= count) return NULL;
    uint64_t kind = tree_bytes > 0 ? COMPRESSED : TREELESS;
    store(
        target + BLOCK_HEADER, kind | FOUR_STREAMS << 2 | (uint64_t)count << 4 | (uint64_t)literal_bytes << 22,
        LITERALS_HEADER);
    *end++ = 0;
    size_t block_bytes = (size_t)(end - target) - BLOCK_HEADER;
    if (block_bytes >= count) return NULL;
    store(target, (uint64_t)is_last | COMPRESSED << 1 | (uint64_t)block_bytes << 3, BLOCK_HEADER);
    return end;
}

size_t mr_huffman_encode(
    struct mr_huffman_codes *codes, const uint8_t *bytes, size_t count, const uint32_t expected[256], size_t counted,
    uint8_t *target) {
    uint32_t counts[256];
    memcpy(counts, expected, sizeof counts);
    if (counted != count && !complete_sample(bytes, count, counts)) mr_histogram(bytes, count, counts);
    uint8_t symbols[256], depths[256] = {0};
    int symbol_count = 0;
    for (int i = 0; i < 256; i++)
        if (counts[i] > 0) symbols[symbol_count++] = (uint8_t)i;
    if (symbol_count < 2 || symbols[symbol_count - 1] > LARGEST_SYMBOL) return 0;
    int largest = symbols[symbol_count - 1];
    sort_symbols(symbols, symbol_count, counts);
    tree_depths(symbols, symbol_count, counts, depths);
    if (!limit_depths(symbols, symbol_count, depths)) return 0;
    uint8_t tree[1 + LARGEST_SYMBOL / 2];
    size_t tree_bytes = (size_t)(write_tree(tree, depths, largest) - tree);
    assign_codes(codes, symbols, symbol_count, depths);

    uint8_t *end = target;
    *end++ = 0;               // No length, no checksum, no dictionary.
    *end++ = (17 - 10) << 3;  // A window of one block.
    for (size_t start = 0; start < count && end; start += BLOCK_BYTES) {
        bool is_last = count - start <= BLOCK_BYTES;
        size_t block = is_last ? count - start : BLOCK_BYTES;
        end = write_block(codes, bytes + start, block, is_last, tree, start == 0 ? tree_bytes : 0, end);
    }
    return end ? (size_t)(end - target) : 0;
}

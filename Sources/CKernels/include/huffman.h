#ifndef CKERNELS_HUFFMAN_H
#define CKERNELS_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

/// Memory for a code per pair of bytes, half a megabyte, of which next to nothing is touched.
struct mr_huffman_codes;

/// Returns NULL where there is no memory. To be kept from one call to the next.
struct mr_huffman_codes *mr_huffman_codes_make(void);
void mr_huffman_codes_free(struct mr_huffman_codes *codes);

/// The most bytes that `mr_huffman_encode` writes.
size_t mr_huffman_bound(size_t count);

/// Writes a zstd frame (RFC 8878) without magic number, of Huffman-coded literals alone: what zstd makes when it finds no
/// repeats.
///
/// `expected` are the frequencies of bytes among `counted` of the `count` bytes: of all, exactly, or of a sample from all
/// over, which decides how long codes are; every byte gets one.
///
/// Returns the frame's length, or 0 where all bytes are equal, where one is above 128, or where a block would not shrink;
/// `target` then holds rubbish.
size_t mr_huffman_encode(
    struct mr_huffman_codes *codes, const uint8_t *bytes, size_t count, const uint32_t expected[256], size_t counted,
    uint8_t *target);

#endif

#ifndef CKERNELS_SHA256_H
#define CKERNELS_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A SHA-256 (FIPS 180-4) in the making.
typedef struct {
    uint32_t state[8];
    /// Bytes added so far.
    uint64_t count;
    /// Those of them that do not fill a block yet.
    uint8_t block[64];
    /// Whether to hash in portable C although the processor has SHA instructions.
    bool is_portable;
} mr_sha256;

/// Begins a hash.
void mr_sha256_begin(mr_sha256 *hash);

/// Begins a hash that does without the processor's instructions, for tests.
void mr_sha256_begin_portable(mr_sha256 *hash);

/// Adds bytes to a hash: about 2 GB/s on a processor with SHA instructions, a fifth of that on others.
void mr_sha256_add(mr_sha256 *hash, const void *bytes, size_t count);

/// Writes the 32 bytes of the hash, which is to be begun again before it is used again.
void mr_sha256_end(mr_sha256 *hash, void *digest);

/// The hash of `bytes`.
void mr_sha256_of(const void *bytes, size_t count, void *digest);

/// The hashes of two messages at once, 32 bytes each.
///
/// The processor's instructions for it wait for their own results: two messages side by side take hardly longer than
/// one. The gain is for the length that both have.
void mr_sha256_pair(
    const void *first, size_t first_count, const void *second, size_t second_count, void *first_digest,
    void *second_digest);

#endif

#ifndef CKERNELS_SHA256_H
#define CKERNELS_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// SHA-256 (FIPS 180-4) of two messages at once, 32 bytes each.
///
/// The processor's instructions for it wait for their own results: two messages side by side take hardly longer than
/// one. The gain is for the length that both have.
///
/// Returns false, and does nothing, where the processor has no such instructions.
bool mr_sha256_pair(
    const void *first, size_t first_count, const void *second, size_t second_count, void *first_digest,
    void *second_digest);

#endif

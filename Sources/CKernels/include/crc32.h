#ifndef CKERNELS_CRC32_H
#define CKERNELS_CRC32_H

#include <stddef.h>
#include <stdint.h>

/// Takes bytes into a CRC-32 (ISO 3309, reflected polynomial 0xEDB88320, as in zip and zlib), many at a time.
///
/// Returns how many of `count` bytes it took, from the first on: a multiple of 16. The rest is for zlib. 0 where the
/// processor has no carry-less multiplication, or there are too few bytes to be worth it.
size_t mr_crc32_fold(uint32_t *crc, const void *bytes, size_t count);

#endif

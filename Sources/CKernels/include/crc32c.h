#ifndef CKERNELS_CRC32C_H
#define CKERNELS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, as in RFC 3720) of `count` bytes,
/// continuing from `crc`; start with 0. Uses the SSE4.2 instruction where the processor has it.
uint32_t mr_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by table, on every processor.
uint32_t mr_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

#endif

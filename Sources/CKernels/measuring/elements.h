#ifndef CKERNELS_ELEMENTS_H
#define CKERNELS_ELEMENTS_H

#include <stdint.h>
#include <string.h>

#include "../runtime/dispatch.h"

// The values of elements, by their bits.

INLINE float float_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Moves exponent and mantissa into place and scales by 2^112, the difference of the biases; exact for subnormals
// too. Infinity and NaN, which then look finite, get their exponent back.
INLINE float float_from_half(uint16_t half) {
    uint32_t magnitude = half & 0x7fffu;
    float x = float_from_bits(magnitude << 13) * 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits |= magnitude >= 0x7c00 ? 0x7f800000u : 0;
    return float_from_bits(bits | (uint32_t)(half & 0x8000) << 16);
}

#endif

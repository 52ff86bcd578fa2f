#include "elementwise.h"

// 16-bit floats are widened to float and rounded back by integer arithmetic, which the compiler can vectorise.

static inline float from_bits(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t to_bits(float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, 4);
    return bits;
}

static inline float widen_f16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    // Shifted into place the exponent is 112 too small; a multiplication also puts subnormal numbers right.
    float scaled = from_bits(magnitude << 13) * 0x1p112f;
    uint32_t bits = magnitude >= 0x7c00 ? 0x7f800000 | (magnitude << 13) : to_bits(scaled);
    return from_bits(bits | sign);
}

static inline uint16_t narrow_f16(float value) {
    uint32_t bits = to_bits(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | ((magnitude >> 13) & 0x3ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Subnormal: adding 0.5 aligns the last bit of the sum with that of the result, and rounds.
        uint32_t rounded = to_bits(from_bits(magnitude) + 0.5f) - 0x3f000000;
        return (uint16_t)(sign | rounded);
    }
    magnitude += 0xfff + ((magnitude >> 13) & 1);
    return (uint16_t)(sign | ((magnitude - 0x38000000) >> 13));
}

static inline float widen_bf16(uint16_t half) { return from_bits((uint32_t)half << 16); }

static inline uint16_t narrow_bf16(float value) {
    uint32_t bits = to_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// MARK: Into each type from a double or an integer, which hold every value of the others.

#define LIMITED(NAME, T, LOW, HIGH) \
    static inline T NAME##_of_double(double x) { \
        if (x != x) return 0; \
        /* HIGH + 1 is a power of two, exact in double, also where HIGH is not. */ \
        if (x >= (double)(HIGH) + 1) return HIGH; \
        if (x <= (double)(LOW)) return LOW; \
        return (T)x; \
    } \
    static inline T NAME##_of_integer(int64_t x) { return (T)x; }
LIMITED(u8, uint8_t, 0, UINT8_MAX)
LIMITED(i8, int8_t, INT8_MIN, INT8_MAX)
LIMITED(u16, uint16_t, 0, UINT16_MAX)
LIMITED(i16, int16_t, INT16_MIN, INT16_MAX)
LIMITED(u32, uint32_t, 0, UINT32_MAX)
LIMITED(i32, int32_t, INT32_MIN, INT32_MAX)
static inline uint64_t u64_of_double(double x) { return x != x || x <= 0 ? 0 : x >= 0x1p64 ? UINT64_MAX : (uint64_t)x; }
static inline uint64_t u64_of_integer(int64_t x) { return (uint64_t)x; }
static inline int64_t i64_of_double(double x) {
    return x != x ? 0 : x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}
static inline int64_t i64_of_integer(int64_t x) { return x; }
static inline uint8_t bool_of_double(double x) { return x != 0; }
static inline uint8_t bool_of_integer(int64_t x) { return x != 0; }
static inline uint16_t f16_of_double(double x) { return narrow_f16((float)x); }
static inline uint16_t f16_of_integer(int64_t x) { return narrow_f16((float)x); }
static inline uint16_t bf16_of_double(double x) { return narrow_bf16((float)x); }
static inline uint16_t bf16_of_integer(int64_t x) { return narrow_bf16((float)x); }
static inline float f32_of_double(double x) { return (float)x; }
static inline float f32_of_integer(int64_t x) { return (float)x; }
static inline double f64_of_double(double x) { return x; }
static inline double f64_of_integer(int64_t x) { return (double)x; }

#define SAME(x) (x)
#define NONZERO(x) ((x) != 0)

#define INTO(FROM_T, WIDEN, KIND, TO_T, NAME) \
    { \
        const FROM_T *from = source; \
        TO_T *into = target; \
        for (size_t i = 0; i < count; i++) into[i] = NAME##_of_##KIND(WIDEN(from[i])); \
        return; \
    }
#define FROM(FROM_T, WIDEN, KIND) \
    switch (to) { \
    case MR_BOOL: INTO(FROM_T, WIDEN, KIND, uint8_t, bool) \
    case MR_U8: INTO(FROM_T, WIDEN, KIND, uint8_t, u8) \
    case MR_I8: INTO(FROM_T, WIDEN, KIND, int8_t, i8) \
    case MR_U16: INTO(FROM_T, WIDEN, KIND, uint16_t, u16) \
    case MR_I16: INTO(FROM_T, WIDEN, KIND, int16_t, i16) \
    case MR_U32: INTO(FROM_T, WIDEN, KIND, uint32_t, u32) \
    case MR_I32: INTO(FROM_T, WIDEN, KIND, int32_t, i32) \
    case MR_U64: INTO(FROM_T, WIDEN, KIND, uint64_t, u64) \
    case MR_I64: INTO(FROM_T, WIDEN, KIND, int64_t, i64) \
    case MR_F16: INTO(FROM_T, WIDEN, KIND, uint16_t, f16) \
    case MR_BF16: INTO(FROM_T, WIDEN, KIND, uint16_t, bf16) \
    case MR_F32: INTO(FROM_T, WIDEN, KIND, float, f32) \
    case MR_F64: INTO(FROM_T, WIDEN, KIND, double, f64) \
    }

static inline double double_of_u64(uint64_t x) { return (double)x; }

void mr_convert(mr_type from_type, mr_type to, size_t count, const void *source, void *target) {
    switch (from_type) {
    case MR_BOOL: FROM(uint8_t, NONZERO, integer) break;
    case MR_U8: FROM(uint8_t, SAME, integer) break;
    case MR_I8: FROM(int8_t, SAME, integer) break;
    case MR_U16: FROM(uint16_t, SAME, integer) break;
    case MR_I16: FROM(int16_t, SAME, integer) break;
    case MR_U32: FROM(uint32_t, SAME, integer) break;
    case MR_I32: FROM(int32_t, SAME, integer) break;
    case MR_U64:
        if (to == MR_F32 || to == MR_F64 || to == MR_F16 || to == MR_BF16) { FROM(uint64_t, double_of_u64, double) }
        else { FROM(uint64_t, (int64_t), integer) }
        break;
    case MR_I64: FROM(int64_t, SAME, integer) break;
    case MR_F16: FROM(uint16_t, widen_f16, double) break;
    case MR_BF16: FROM(uint16_t, widen_bf16, double) break;
    case MR_F32: FROM(float, SAME, double) break;
    case MR_F64: FROM(double, SAME, double) break;
    }
}

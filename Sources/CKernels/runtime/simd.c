#include "simd.h"

#include <stdatomic.h>

// -1: not yet asked.
static _Atomic int level = -1;

static int widest(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
        return MR_SIMD_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return MR_SIMD_AVX512;
    return MR_SIMD_AVX2;
#else
    return MR_SIMD_PORTABLE;
#endif
}

mr_simd mr_simd_level(void) {
    int known = atomic_load_explicit(&level, memory_order_relaxed);
    if (known < 0) {
        known = widest();
        atomic_store_explicit(&level, known, memory_order_relaxed);
    }
    return (mr_simd)known;
}

void mr_limit_simd(mr_simd limit) {
    int widest_level = widest();
    atomic_store_explicit(&level, (int)limit < widest_level ? (int)limit : widest_level, memory_order_relaxed);
}

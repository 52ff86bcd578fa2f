#ifndef CKERNELS_DISPATCH_H
#define CKERNELS_DISPATCH_H

#include "cpu.h"

#define INLINE static inline __attribute__((always_inline))

// A kernel whose instructions the compiler can choose is written once, as an INLINE function, and compiled for each
// level: FOR_EACH_LEVEL(D) expands D(name, attribute) for each, to define function_name; ON_LEVEL(level, function, ...)
// calls the one that `mr_available_level` names.
#if defined(__x86_64__)
#define ON_LEVEL(level, function, ...)                                                            \
    switch (mr_available_level(level)) {                                                          \
        case MR_CPU_AVX512: function##_avx512(__VA_ARGS__); break;                                \
        case MR_CPU_AVX2: function##_avx2(__VA_ARGS__); break;                                    \
        default: function##_portable(__VA_ARGS__);                                                \
    }
#define FOR_EACH_LEVEL(define)                                                                    \
    define(portable, )                                                                            \
    define(avx2, __attribute__((target("avx2"))))                                                 \
    define(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,prefer-256-bit"))))
#else
#define ON_LEVEL(level, function, ...) \
    (void)(level);                     \
    function##_portable(__VA_ARGS__);
#define FOR_EACH_LEVEL(define) define(portable, )
#endif

#endif

#include "vector_table.h"

#include <math.h>
#include <stdint.h>

#include "cpu.h"

#define JOIN_(x, y) x##_##y
#define JOIN(x, y) JOIN_(x, y)
#define NAME(x) JOIN(x, SUFFIX)

#define T float
#define TABLE mr_table_f32
#define IS_FLOAT 1
#define SUFFIX portable_f32
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T
#define T double
#define TABLE mr_table_f64
#define IS_FLOAT 0
#define SUFFIX portable_f64
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#define T float
#define TABLE mr_table_f32
#define IS_FLOAT 1
#define SUFFIX avx2_f32
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T
#define T double
#define TABLE mr_table_f64
#define IS_FLOAT 0
#define SUFFIX avx2_f64
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2"))), apply_to = function)
#define T float
#define TABLE mr_table_f32
#define IS_FLOAT 1
#define SUFFIX avx512_f32
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T
#define T double
#define TABLE mr_table_f64
#define IS_FLOAT 0
#define SUFFIX avx512_f64
#include "vector_kernels.h"
#undef SUFFIX
#undef IS_FLOAT
#undef TABLE
#undef T
#pragma clang attribute pop

const mr_table_f32 *mr_vector_f32(void) {
    switch (mr_available_level(MR_CPU_IN_USE)) {
    case MR_CPU_AVX512: return &table_avx512_f32;
    case MR_CPU_AVX2: return &table_avx2_f32;
    default: return &table_portable_f32;
    }
}
const mr_table_f64 *mr_vector_f64(void) {
    switch (mr_available_level(MR_CPU_IN_USE)) {
    case MR_CPU_AVX512: return &table_avx512_f64;
    case MR_CPU_AVX2: return &table_avx2_f64;
    default: return &table_portable_f64;
    }
}
#else
const mr_table_f32 *mr_vector_f32(void) { return &table_portable_f32; }
const mr_table_f64 *mr_vector_f64(void) { return &table_portable_f64; }
#endif

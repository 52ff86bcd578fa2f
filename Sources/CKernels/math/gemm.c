#include "gemm.h"

#include "memory.h"
#include "parallel.h"
#include "cpu.h"

// Sizes of the blocks, chosen by Benchmarks/EngineBenchmark on a processor with 32 KiB and 1 MiB of cache.
#define DEPTH ((size_t)256)
#define BLOCK_ROWS ((size_t)192)
#define BLOCK_COLUMNS ((size_t)2048)
// Operands up to this size are read where they are.
#define UNPACKED_BYTES ((size_t)64 << 10)
// Multiplications from which a second thread pays: about 20 µs of work.
#define PARALLEL_PRODUCTS ((size_t)1 << 20)

#define JOIN_(x, y) x##_##y
#define JOIN(x, y) JOIN_(x, y)

#define T float
#define KERNELS mr_kernels_f32
#define DRIVER(x) JOIN(x, f32)
#include "gemm_driver.h"
#undef DRIVER
#undef KERNELS
#undef T

#define T double
#define KERNELS mr_kernels_f64
#define DRIVER(x) JOIN(x, f64)
#include "gemm_driver.h"
#undef DRIVER
#undef KERNELS
#undef T

#define NAME(x) JOIN(x, SUFFIX)

#define ROWS 4
#define T float
#define KERNELS mr_kernels_f32
#define LANES 4
#define SUFFIX portable_f32
#include "gemm_kernels.h"
#undef SUFFIX
#undef KERNELS
#undef T
#define T double
#define KERNELS mr_kernels_f64
#define SUFFIX portable_f64
#include "gemm_kernels.h"
#undef SUFFIX
#undef LANES
#undef KERNELS
#undef T
#undef ROWS

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#define ROWS 6
#define T float
#define KERNELS mr_kernels_f32
#define LANES 8
#define SUFFIX avx2_f32
#include "gemm_kernels.h"
#undef SUFFIX
#undef LANES
#undef KERNELS
#undef T
#define T double
#define KERNELS mr_kernels_f64
#define LANES 4
#define SUFFIX avx2_f64
#include "gemm_kernels.h"
#undef SUFFIX
#undef LANES
#undef KERNELS
#undef T
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi2"))), apply_to = function)
#define ROWS 12
#define T float
#define KERNELS mr_kernels_f32
#define LANES 16
#define SUFFIX avx512_f32
#include "gemm_kernels.h"
#undef SUFFIX
#undef LANES
#undef KERNELS
#undef T
#define T double
#define KERNELS mr_kernels_f64
#define LANES 8
#define SUFFIX avx512_f64
#include "gemm_kernels.h"
#undef SUFFIX
#undef LANES
#undef KERNELS
#undef T
#undef ROWS
#pragma clang attribute pop

#define CHOOSE(type) \
    (mr_available_level(MR_CPU_IN_USE) == MR_CPU_AVX512 ? &kernels_avx512_##type \
     : mr_available_level(MR_CPU_IN_USE) == MR_CPU_AVX2 ? &kernels_avx2_##type \
                                       : &kernels_portable_##type)
#else
#define CHOOSE(type) (&kernels_portable_##type)
#endif

void mr_sgemm(
    size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column, const float *b,
    ptrdiff_t b_row, ptrdiff_t b_column, float *c, ptrdiff_t c_row, mr_gemm_start start, const float *bias) {
    product_f32 x = {m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, start, bias, CHOOSE(f32)};
    gemm_f32(&x);
}

void mr_dgemm(
    size_t m, size_t n, size_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column, const double *b,
    ptrdiff_t b_row, ptrdiff_t b_column, double *c, ptrdiff_t c_row, mr_gemm_start start, const double *bias) {
    product_f64 x = {m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, start, bias, CHOOSE(f64)};
    gemm_f64(&x);
}

void mr_sgemm_batch(
    size_t count, size_t m, size_t n, size_t k, const float *a, const ptrdiff_t *a_offsets, ptrdiff_t a_row,
    ptrdiff_t a_column, const float *b, const ptrdiff_t *b_offsets, ptrdiff_t b_row, ptrdiff_t b_column, float *c) {
    product_f32 first = {m, n, k, a, a_row, a_column, b, b_row, b_column, c, (ptrdiff_t)n, MR_GEMM_SET, 0, CHOOSE(f32)};
    batch_f32 batch = {first, a_offsets, b_offsets, count, 1};
    gemm_batch_f32(&batch);
}

void mr_dgemm_batch(
    size_t count, size_t m, size_t n, size_t k, const double *a, const ptrdiff_t *a_offsets, ptrdiff_t a_row,
    ptrdiff_t a_column, const double *b, const ptrdiff_t *b_offsets, ptrdiff_t b_row, ptrdiff_t b_column,
    double *c) {
    product_f64 first = {m, n, k, a, a_row, a_column, b, b_row, b_column, c, (ptrdiff_t)n, MR_GEMM_SET, 0, CHOOSE(f64)};
    batch_f64 batch = {first, a_offsets, b_offsets, count, 1};
    gemm_batch_f64(&batch);
}

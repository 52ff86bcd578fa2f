#ifndef CKERNELS_GEMM_H
#define CKERNELS_GEMM_H

#include <stddef.h>

/// How the product meets what is in `c` already.
typedef enum {
    /// c = a·b
    MR_GEMM_SET = 0,
    /// c = c + a·b
    MR_GEMM_ADD = 1,
    /// c = bias + a·b, with a bias for each column
    MR_GEMM_BIAS = 2,
} mr_gemm_start;

/// Multiplies a `m`×`k` by a `k`×`n` matrix into the row-major `m`×`n` matrix `c`, whose rows are `c_row` apart.
///
/// Element (i, p) of `a` is `a[i * a_row + p * a_column]`, and likewise of `b`, so transposed operands and views
/// need no copy. All strides count elements. `c` overlaps no operand. `bias` has `n` elements, or is null unless
/// `start` is `MR_GEMM_BIAS`. Large products run on `mr_thread_count()` threads.
void mr_sgemm(
    size_t m, size_t n, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_column, const float *b,
    ptrdiff_t b_row, ptrdiff_t b_column, float *c, ptrdiff_t c_row, mr_gemm_start start, const float *bias);

/// The same in double precision.
void mr_dgemm(
    size_t m, size_t n, size_t k, const double *a, ptrdiff_t a_row, ptrdiff_t a_column, const double *b,
    ptrdiff_t b_row, ptrdiff_t b_column, double *c, ptrdiff_t c_row, mr_gemm_start start, const double *bias);

/// `count` products: the i-th of the matrices at `a + a_offsets[i]` and `b + b_offsets[i]`, into `c + i * m * n`.
void mr_sgemm_batch(
    size_t count, size_t m, size_t n, size_t k, const float *a, const ptrdiff_t *a_offsets, ptrdiff_t a_row,
    ptrdiff_t a_column, const float *b, const ptrdiff_t *b_offsets, ptrdiff_t b_row, ptrdiff_t b_column, float *c);
void mr_dgemm_batch(
    size_t count, size_t m, size_t n, size_t k, const double *a, const ptrdiff_t *a_offsets, ptrdiff_t a_row,
    ptrdiff_t a_column, const double *b, const ptrdiff_t *b_offsets, ptrdiff_t b_row, ptrdiff_t b_column,
    double *c);

#endif

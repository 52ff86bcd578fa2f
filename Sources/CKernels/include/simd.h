#ifndef CKERNELS_SIMD_H
#define CKERNELS_SIMD_H

/// Instruction sets that the arithmetic kernels are compiled for, from narrow to wide.
typedef enum {
    MR_SIMD_PORTABLE = 0,
    MR_SIMD_AVX2 = 1,
    MR_SIMD_AVX512 = 2,
} mr_simd;

/// The instruction set in use: the widest that the processor has, or less where it was limited.
mr_simd mr_simd_level(void);

/// Uses at most `level` from now on, for tests and measurements. Not to be called while kernels run.
void mr_limit_simd(mr_simd level);

#endif

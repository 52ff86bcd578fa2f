#ifndef CKERNELS_CPU_H
#define CKERNELS_CPU_H

#include <stdbool.h>

/// Levels of instructions that kernels are compiled for, from narrow to wide.
typedef enum {
    /// The instructions that every processor of the architecture has.
    MR_CPU_PORTABLE = 0,
    /// AVX2, FMA and BMI2.
    MR_CPU_AVX2 = 1,
    /// Also AVX-512 F, BW, DQ and VL.
    MR_CPU_AVX512 = 2,
    /// The widest that the processor has and the limit allows.
    MR_CPU_IN_USE = 255,
} mr_cpu_level;

/// Makes `limit` the widest level in use from now on, in the whole process, for tests and measurements. With the
/// portable level go the instructions of `mr_cpu_instruction`. Not to be called while kernels of arithmetic run: their
/// results are rounded otherwise at each level.
void mr_limit_level(mr_cpu_level limit);

/// For `MR_CPU_IN_USE` the level in use; for others the widest up to `wanted` that the processor has, whatever the
/// limit.
///
/// Kernels that take a level use this one. Their results never depend on it, so only tests ask for another than
/// `MR_CPU_IN_USE`, and those can ask for each of them anywhere, while others limit it.
mr_cpu_level mr_available_level(mr_cpu_level wanted);

/// Instructions for hashes, which processors of any level may have.
typedef enum {
    /// Of SSE4.2, for CRC-32C.
    MR_CPU_CRC32C = 0x100,
    /// PCLMULQDQ, with SSE4.1.
    MR_CPU_CARRYLESS_PRODUCT = 0x200,
    /// SHA-NI, with SSE4.1.
    MR_CPU_SHA256 = 0x400,
} mr_cpu_instruction;

/// Whether the processor has `instruction` and the limit allows its use.
bool mr_has_instruction(mr_cpu_instruction instruction);

#endif

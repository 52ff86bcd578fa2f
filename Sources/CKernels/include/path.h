#ifndef CKERNELS_PATH_H
#define CKERNELS_PATH_H

/// Which instructions a kernel uses. Results never depend on it.
///
/// A path that the processor, or the kernel, does not have means the best one below it. So tests can ask for
/// each of them anywhere; other callers ask for `MR_PATH_BEST`.
typedef enum {
    MR_PATH_PORTABLE = 0,
    MR_PATH_AVX2 = 1,
    MR_PATH_AVX512 = 2,
    MR_PATH_BEST = 255,
} mr_path;

/// The best path of this processor that is not above `wanted`.
mr_path mr_available_path(mr_path wanted);

#endif

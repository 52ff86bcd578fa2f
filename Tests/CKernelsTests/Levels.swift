import CKernels

/// All levels; one that the processor lacks is tested as the widest below it.
let allLevels = [MR_CPU_PORTABLE, MR_CPU_AVX2, MR_CPU_AVX512]

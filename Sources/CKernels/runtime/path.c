#include "path.h"

mr_path mr_available_path(mr_path wanted) {
#if defined(__x86_64__)
    if (wanted >= MR_PATH_AVX512 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return MR_PATH_AVX512;
    if (wanted >= MR_PATH_AVX2 && __builtin_cpu_supports("avx2")) return MR_PATH_AVX2;
#endif
    (void)wanted;
    return MR_PATH_PORTABLE;
}

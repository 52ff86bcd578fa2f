#include "cpu.h"

#include <stdatomic.h>

// The processor's level, with a bit for each mr_cpu_instruction; -1: not yet asked. Asked only once, since CPUID takes
// long under a hypervisor.
static _Atomic int known = -1;

static _Atomic int limit = MR_CPU_AVX512;

#define LEVEL_MASK 0xff

#if defined(__x86_64__)
#include <cpuid.h>

static int level_of_processor(void) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2"))
        return MR_CPU_PORTABLE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return MR_CPU_AVX2;
    return MR_CPU_AVX512;
}

static int instructions_of_processor(void) {
    int found = 0;
    if (__builtin_cpu_supports("sse4.2")) found |= MR_CPU_CRC32C;
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("pclmul")) found |= MR_CPU_CARRYLESS_PRODUCT;
    // Not every compiler's __builtin_cpu_supports knows "sha".
    unsigned a, b, c, d;
    if (__builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1))
        found |= MR_CPU_SHA256;
    return found;
}

static int ask_processor(void) {
    __builtin_cpu_init();
    return level_of_processor() | instructions_of_processor();
}
#else
static int ask_processor(void) { return MR_CPU_PORTABLE; }
#endif

static int processor(void) {
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer < 0) {
        answer = ask_processor();
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer;
}

void mr_limit_level(mr_cpu_level level) { atomic_store_explicit(&limit, (int)level, memory_order_relaxed); }

mr_cpu_level mr_available_level(mr_cpu_level wanted) {
    int most = wanted == MR_CPU_IN_USE ? atomic_load_explicit(&limit, memory_order_relaxed) : (int)wanted;
    int level = processor() & LEVEL_MASK;
    return (mr_cpu_level)(level < most ? level : most);
}

bool mr_has_instruction(mr_cpu_instruction instruction) {
    return (processor() & (int)instruction) != 0 &&
           atomic_load_explicit(&limit, memory_order_relaxed) != MR_CPU_PORTABLE;
}

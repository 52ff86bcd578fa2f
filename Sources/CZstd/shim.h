// Literal compression can only be forced through a parameter that zstd.h calls experimental.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

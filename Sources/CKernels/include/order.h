#ifndef CKERNELS_ORDER_H
#define CKERNELS_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "elementwise.h"

/// The places of the `wanted` largest (or smallest) elements of each packed row of `count`, in order: `wanted` for each
/// row. Of equal elements the first comes first. NaN is the largest.
///
/// `type` is MR_F32, MR_F64 or MR_I64. Few wanted of many take one pass with a heap, others a radix sort.
void mr_order(
    mr_type type, int smallest, size_t rows, size_t count, size_t wanted, const void *x, int64_t *places);

#endif

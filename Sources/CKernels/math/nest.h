#ifndef CKERNELS_NEST_H
#define CKERNELS_NEST_H

#include <stddef.h>

// A nest of loops over the elements of several strided operands, outermost axis first.

#define NEST_RANK 64
#define NEST_OPERANDS 4

typedef struct {
    size_t rank, operands;
    ptrdiff_t shape[NEST_RANK];
    ptrdiff_t strides[NEST_OPERANDS][NEST_RANK];
} nest;

// Drops axes of length 1 and joins neighbours that all operands step through evenly. Returns 0 where there is
// nothing to do.
static inline int make_nest(
    nest *n, size_t rank, const ptrdiff_t *shape, size_t operands, const ptrdiff_t *const *strides) {
    n->operands = operands;
    n->rank = 0;
    for (size_t axis = 0; axis < rank; axis++) {
        if (shape[axis] == 0) return 0;
        if (shape[axis] == 1) continue;
        size_t last = n->rank - 1;
        int joins = n->rank > 0;
        for (size_t o = 0; o < operands && joins; o++)
            joins = n->strides[o][last] == strides[o][axis] * shape[axis];
        if (joins) {
            n->shape[last] *= shape[axis];
        } else {
            last = n->rank++;
            n->shape[last] = shape[axis];
        }
        for (size_t o = 0; o < operands; o++) n->strides[o][last] = strides[o][axis];
    }
    if (n->rank == 0) {
        n->rank = 1;
        n->shape[0] = 1;
        for (size_t o = 0; o < operands; o++) n->strides[o][0] = 1;
    }
    return 1;
}

// The positions of the operands at the start of each innermost loop.
typedef struct {
    ptrdiff_t index[NEST_RANK];
    ptrdiff_t position[NEST_OPERANDS];
} nest_cursor;

static inline void start_cursor(const nest *n, nest_cursor *c) {
    for (size_t axis = 0; axis < n->rank; axis++) c->index[axis] = 0;
    for (size_t o = 0; o < n->operands; o++) c->position[o] = 0;
}

// Moves on by one innermost loop; returns 0 after the last.
static inline int advance_cursor(const nest *n, nest_cursor *c) {
    for (size_t axis = n->rank - 1; axis-- > 0;) {
        c->index[axis]++;
        for (size_t o = 0; o < n->operands; o++) c->position[o] += n->strides[o][axis];
        if (c->index[axis] < n->shape[axis]) return 1;
        for (size_t o = 0; o < n->operands; o++) c->position[o] -= n->strides[o][axis] * n->shape[axis];
        c->index[axis] = 0;
    }
    return 0;
}

// Elements from which a second thread pays in elementwise work.
#define PARALLEL_ELEMENTS ((size_t)1 << 16)

static inline size_t nest_count(const nest *n) {
    size_t count = 1;
    for (size_t axis = 0; axis < n->rank; axis++) count *= (size_t)n->shape[axis];
    return count;
}

#endif

#ifndef CKERNELS_ELEMENTWISE_H
#define CKERNELS_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

/// Operations of one or two elements `x` and `y`. Those named `…_slope` multiply the gradient `x` by the slope of
/// the function at `y`, or at the input where its result was `y`, as said.
typedef enum {
    MR_ADD,
    MR_SUBTRACT,
    MR_MULTIPLY,
    MR_DIVIDE,
    MR_MAXIMUM,  // NaN wins
    MR_MINIMUM,  // NaN wins
    MR_POWER,
    MR_EQUAL,  // this and the next five write one byte, 0 or 1
    MR_NOT_EQUAL,
    MR_LESS,
    MR_LESS_EQUAL,
    MR_GREATER,
    MR_GREATER_EQUAL,
    MR_RELU_SLOPE,      // y: the result
    MR_TANH_SLOPE,      // y: the result
    MR_SIGMOID_SLOPE,   // y: the result
    MR_GELU_SLOPE,      // y: the input
    MR_GELU_TANH_SLOPE, // y: the input
    MR_SILU_SLOPE,      // y: the input
    MR_ABS_SLOPE,       // y: the input
    MR_LEAKY_RELU,        // x where it is positive, else x · y
    MR_LEAKY_RELU_FACTOR, // 1 where x is positive, else y
    // Of x alone.
    MR_NEGATE,
    MR_ABS,
    MR_SIGN,
    MR_EXP,
    MR_LOG,
    MR_LOG1P,
    MR_EXPM1,
    MR_SQRT,
    MR_SIN,
    MR_COS,
    MR_TANH,
    MR_ERF,
    MR_SIGMOID,
    MR_SOFTPLUS,
    MR_RELU,
    MR_GELU,
    MR_GELU_TANH,
    MR_SILU,
    MR_FLOOR,
    MR_CEIL,
    MR_ROUND,  // halves to even
    MR_RECIPROCAL,
    MR_SQUARE,
    MR_OPERATION_COUNT,
} mr_operation;

/// Applies an operation to each element of two broadcast operands.
///
/// `shape`, and for each operand a stride in elements for each axis: 0 repeats the operand along it. `out` may be
/// the very memory of an operand with the same strides; other overlaps are not allowed. At most 64 axes. Operations
/// of one element ignore `y`, which may then be `x`.
void mr_apply_f32(
    mr_operation operation, size_t rank, const ptrdiff_t *shape, const float *x, const ptrdiff_t *x_strides,
    const float *y, const ptrdiff_t *y_strides, void *out, const ptrdiff_t *out_strides);
void mr_apply_f64(
    mr_operation operation, size_t rank, const ptrdiff_t *shape, const double *x, const ptrdiff_t *x_strides,
    const double *y, const ptrdiff_t *y_strides, void *out, const ptrdiff_t *out_strides);

/// The same for `count` packed elements, with one `y` for all where `y_stride` is 0.
void mr_apply_packed_f32(
    mr_operation operation, size_t count, const float *x, const float *y, ptrdiff_t y_stride, void *out);
void mr_apply_packed_f64(
    mr_operation operation, size_t count, const double *x, const double *y, ptrdiff_t y_stride, void *out);

/// Integer arithmetic of 64 bits, wrapping; only MR_ADD to MR_GREATER_EQUAL, MR_NEGATE, MR_ABS and MR_SIGN.
/// Division truncates; by zero it gives 0.
void mr_apply_i64(
    mr_operation operation, size_t rank, const ptrdiff_t *shape, const int64_t *x, const ptrdiff_t *x_strides,
    const int64_t *y, const ptrdiff_t *y_strides, void *out, const ptrdiff_t *out_strides);

/// out = condition ? x : y for elements of `width` bytes (1, 2, 4 or 8); conditions are bytes.
void mr_where(
    size_t width, size_t rank, const ptrdiff_t *shape, const uint8_t *condition, const ptrdiff_t *condition_strides,
    const void *x, const ptrdiff_t *x_strides, const void *y, const ptrdiff_t *y_strides, void *out,
    const ptrdiff_t *out_strides);

/// Copies elements of `width` bytes (1, 2, 4, 8 or 16) from one view to another that does not overlap it.
void mr_copy(
    size_t width, size_t rank, const ptrdiff_t *shape, const void *source, const ptrdiff_t *source_strides,
    void *target, const ptrdiff_t *target_strides);

/// Element types that `mr_convert` knows.
typedef enum {
    MR_BOOL, MR_U8, MR_I8, MR_U16, MR_I16, MR_U32, MR_I32, MR_U64, MR_I64, MR_F16, MR_BF16, MR_F32, MR_F64,
} mr_type;

/// Converts `count` packed elements. To 16-bit floats: to nearest, halves to even. From floats to integers: truncated,
/// beyond the range the nearest limit, NaN to 0. To bool: whether not zero.
void mr_convert(mr_type from, mr_type to, size_t count, const void *source, void *target);

#endif

#ifndef CKERNELS_REDUCTIONS_H
#define CKERNELS_REDUCTIONS_H

#include <stddef.h>
#include <stdint.h>

typedef enum { MR_SUM, MR_SUM_OF_SQUARES, MR_PRODUCT, MR_REDUCE_MAXIMUM, MR_REDUCE_MINIMUM } mr_reduction;

/// Reduces the middle axis of a packed array of `outer` × `count` × `inner` elements into `outer` × `inner`.
///
/// Sums are joined in double precision, so that the error does not grow with `count`. NaN wins in maximum and minimum. With no
/// elements: 0, 0, 1, -infinity, infinity.
void mr_reduce_f32(mr_reduction reduction, size_t outer, size_t count, size_t inner, const float *x, float *out);
void mr_reduce_f64(mr_reduction reduction, size_t outer, size_t count, size_t inner, const double *x, double *out);

/// The index along the middle axis of the first largest (or smallest) element; NaN counts as such.
void mr_arg_f32(int smallest, size_t outer, size_t count, size_t inner, const float *x, int64_t *out);
void mr_arg_f64(int smallest, size_t outer, size_t count, size_t inner, const double *x, int64_t *out);

/// Softmax, or its logarithm, of each packed row of `count` elements.
void mr_softmax_f32(int logarithm, size_t rows, size_t count, const float *x, float *out);
void mr_softmax_f64(int logarithm, size_t rows, size_t count, const double *x, double *out);

/// The gradient of the above, given that of the result and the result `y`.
void mr_softmax_slope_f32(int logarithm, size_t rows, size_t count, const float *gradient, const float *y, float *out);
void mr_softmax_slope_f64(
    int logarithm, size_t rows, size_t count, const double *gradient, const double *y, double *out);

/// -log softmax(x)[target] of each packed row, and the softmax. Rows whose target is `ignored` lose 0.
///
/// Returns the first row whose target is out of range, or -1.
ptrdiff_t mr_cross_entropy_f32(
    size_t rows, size_t count, const float *x, const int64_t *targets, int64_t ignored, float *losses, float *softmax);
ptrdiff_t mr_cross_entropy_f64(
    size_t rows, size_t count, const double *x, const int64_t *targets, int64_t ignored, double *losses,
    double *softmax);

/// The gradient of the above: out = scale · (softmax - one-hot target), 0 in ignored rows. `scale` has one element
/// for each row, or for all where `scale_stride` is 0.
void mr_cross_entropy_slope_f32(
    size_t rows, size_t count, const float *softmax, const int64_t *targets, int64_t ignored, const float *scale,
    ptrdiff_t scale_stride, float *out);
void mr_cross_entropy_slope_f64(
    size_t rows, size_t count, const double *softmax, const int64_t *targets, int64_t ignored, const double *scale,
    ptrdiff_t scale_stride, double *out);

/// (x - mean) / sqrt(variance + epsilon) · weight + bias of each packed row. `weight` and `bias` may be null.
/// Writes each row's mean and 1 / sqrt(variance + epsilon).
void mr_layer_norm_f32(
    size_t rows, size_t count, const float *x, const float *weight, const float *bias, double epsilon, float *out,
    float *means, float *scales);
void mr_layer_norm_f64(
    size_t rows, size_t count, const double *x, const double *weight, const double *bias, double epsilon, double *out,
    double *means, double *scales);

/// The gradients of the above. Each result may be null; those of weight and bias are overwritten.
void mr_layer_norm_slope_f32(
    size_t rows, size_t count, const float *gradient, const float *x, const float *weight, const float *means,
    const float *scales, float *x_out, float *weight_out, float *bias_out);
void mr_layer_norm_slope_f64(
    size_t rows, size_t count, const double *gradient, const double *x, const double *weight, const double *means,
    const double *scales, double *x_out, double *weight_out, double *bias_out);

#endif

#ifndef CKERNELS_NORMALIZATION_H
#define CKERNELS_NORMALIZATION_H

#include <stddef.h>

/// Means and variances (divided by the number of elements) of each channel of packed images, `count` × `channels` ×
/// `plane` elements. Sums are in double precision.
void mr_channel_statistics_f32(
    size_t count, size_t channels, size_t plane, const float *x, float *means, float *variances);
void mr_channel_statistics_f64(
    size_t count, size_t channels, size_t plane, const double *x, double *means, double *variances);

/// (x - mean) / sqrt(variance + epsilon) · weight + bias, each by channel. `weight` and `bias` may be null.
void mr_batch_norm_f32(
    size_t count, size_t channels, size_t plane, const float *x, const float *means, const float *variances,
    double epsilon, const float *weight, const float *bias, float *out);
void mr_batch_norm_f64(
    size_t count, size_t channels, size_t plane, const double *x, const double *means, const double *variances,
    double epsilon, const double *weight, const double *bias, double *out);

/// The gradients of the above. With `follows`, means and variances are those of `x` and change with it. Each result may be
/// null.
void mr_batch_norm_slope_f32(
    int follows, size_t count, size_t channels, size_t plane, const float *gradient, const float *x, const float *means,
    const float *variances, double epsilon, const float *weight, float *x_out, float *weight_out, float *bias_out);
void mr_batch_norm_slope_f64(
    int follows, size_t count, size_t channels, size_t plane, const double *gradient, const double *x,
    const double *means, const double *variances, double epsilon, const double *weight, double *x_out,
    double *weight_out, double *bias_out);

#endif

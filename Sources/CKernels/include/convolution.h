#ifndef CKERNELS_CONVOLUTION_H
#define CKERNELS_CONVOLUTION_H

#include <stddef.h>

#include "layers.h"

/// The sizes of a convolution. `windows.channels` and `filters` are those of one group. Images are packed,
/// count × (groups · channels) × height × width; weights (groups · filters) × channels × kernel; results
/// count × (groups · filters) × output.
typedef struct {
    mr_windows windows;
    size_t count, groups, filters;
} mr_convolution;

/// The cross-correlation of images with filters, plus `bias`, one for each filter, unless it is null.
///
/// Runs on several threads, image by image. Kernels of 1 × 1 are products as they are; groups of one channel have a
/// kernel of their own; others unfold a few rows of places at a time, so that the columns stay in the cache.
void mr_convolve_f32(
    const mr_convolution *convolution, const float *images, const float *weight, const float *bias, float *out);
void mr_convolve_f64(
    const mr_convolution *convolution, const double *images, const double *weight, const double *bias, double *out);

/// The gradient of the images, given that of the result. Overwrites `out`.
void mr_convolve_images_slope_f32(
    const mr_convolution *convolution, const float *gradient, const float *weight, float *out);
void mr_convolve_images_slope_f64(
    const mr_convolution *convolution, const double *gradient, const double *weight, double *out);

/// The gradient of the weights, given that of the result. Overwrites `out`.
void mr_convolve_weight_slope_f32(
    const mr_convolution *convolution, const float *gradient, const float *images, float *out);
void mr_convolve_weight_slope_f64(
    const mr_convolution *convolution, const double *gradient, const double *images, double *out);

#endif

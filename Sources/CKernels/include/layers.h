#ifndef CKERNELS_LAYERS_H
#define CKERNELS_LAYERS_H

#include <stddef.h>
#include <stdint.h>

/// out[o, i, j] = x[o, indices[i], j] for x of `outer` × `length` × `inner` elements of `width` bytes (1, 2, 4, 8).
/// Indices below zero count from the end. Returns the first index out of range as a position in `indices`, or -1.
ptrdiff_t mr_select(
    size_t width, size_t outer, size_t length, size_t inner, const void *x, const int64_t *indices,
    size_t index_count, void *out);

/// x[o, indices[i], j] += values[o, i, j]; indices are in range.
void mr_select_add_f32(
    size_t outer, size_t length, size_t inner, float *x, const int64_t *indices, size_t index_count,
    const float *values);
void mr_select_add_f64(
    size_t outer, size_t length, size_t inner, double *x, const int64_t *indices, size_t index_count,
    const double *values);

/// out[o, i, j] = x[o, indices[o, i, j], j], with `index_count` indices along the middle axis. Returns as mr_select.
ptrdiff_t mr_gather(
    size_t width, size_t outer, size_t length, size_t inner, const void *x, const int64_t *indices,
    size_t index_count, void *out);

/// x[o, indices[o, i, j], j] += values[o, i, j]. Returns as mr_select.
ptrdiff_t mr_scatter_add_f32(
    size_t outer, size_t length, size_t inner, float *x, const int64_t *indices, size_t index_count,
    const float *values);
ptrdiff_t mr_scatter_add_f64(
    size_t outer, size_t length, size_t inner, double *x, const int64_t *indices, size_t index_count,
    const double *values);

/// The windows of a convolution or pooling. Axis 0 is the height, axis 1 the width.
typedef struct {
    size_t channels, input[2], output[2], kernel[2], stride[2], padding[2], dilation[2];
} mr_windows;

/// Unfolds one image, channels × height × width, into columns: (channels · kernel) × (output height · width).
void mr_unfold_f32(const mr_windows *windows, const float *image, float *columns);
void mr_unfold_f64(const mr_windows *windows, const double *image, double *columns);

/// Adds columns back to the places of the image they came from.
void mr_fold_f32(const mr_windows *windows, const float *columns, float *image);
void mr_fold_f64(const mr_windows *windows, const double *columns, double *image);

/// The largest element of each window of `count` images, and its position within its channel's plane. NaN wins.
void mr_max_pool_f32(const mr_windows *windows, size_t count, const float *images, float *out, int64_t *positions);
void mr_max_pool_f64(const mr_windows *windows, size_t count, const double *images, double *out, int64_t *positions);

#endif

#include "layers.h"

#include <string.h>

#include "parallel.h"

// Whether every index is within ±length; else the position of the first that is not.
static ptrdiff_t first_outside(size_t length, const int64_t *indices, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (indices[i] < -(int64_t)length || indices[i] >= (int64_t)length) return (ptrdiff_t)i;
    return -1;
}

static inline size_t wrapped(int64_t index, size_t length) {
    return (size_t)(index < 0 ? index + (int64_t)length : index);
}

ptrdiff_t mr_select(
    size_t width, size_t outer, size_t length, size_t inner, const void *x, const int64_t *indices,
    size_t index_count, void *out) {
    ptrdiff_t bad = first_outside(length, indices, index_count);
    if (bad >= 0) return bad;
    size_t row = inner * width;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < index_count; i++)
            memcpy((char *)out + (o * index_count + i) * row,
                   (const char *)x + (o * length + wrapped(indices[i], length)) * row, row);
    return -1;
}

ptrdiff_t mr_gather(
    size_t width, size_t outer, size_t length, size_t inner, const void *x, const int64_t *indices,
    size_t index_count, void *out) {
    ptrdiff_t bad = first_outside(length, indices, outer * index_count * inner);
    if (bad >= 0) return bad;
#define GATHER(U) \
    for (size_t o = 0; o < outer; o++) \
        for (size_t i = 0; i < index_count; i++) \
            for (size_t j = 0; j < inner; j++) { \
                size_t at = (o * index_count + i) * inner + j; \
                ((U *)out)[at] = ((const U *)x)[(o * length + wrapped(indices[at], length)) * inner + j]; \
            }
    switch (width) {
    case 1: GATHER(uint8_t) break;
    case 2: GATHER(uint16_t) break;
    case 4: GATHER(uint32_t) break;
    default: GATHER(uint64_t) break;
    }
    return -1;
}

typedef struct {
    const mr_windows *windows;
    size_t count;
    const void *images;
    void *out;
    int64_t *positions;
} pool_job;

#define LAYERS(T, SUFFIX) \
    void mr_select_add_##SUFFIX( \
        size_t outer, size_t length, size_t inner, T *x, const int64_t *indices, size_t index_count, \
        const T *values) { \
        for (size_t o = 0; o < outer; o++) \
            for (size_t i = 0; i < index_count; i++) { \
                T *row = x + (o * length + wrapped(indices[i], length)) * inner; \
                const T *value = values + (o * index_count + i) * inner; \
                for (size_t j = 0; j < inner; j++) row[j] += value[j]; \
            } \
    } \
    ptrdiff_t mr_scatter_add_##SUFFIX( \
        size_t outer, size_t length, size_t inner, T *x, const int64_t *indices, size_t index_count, \
        const T *values) { \
        ptrdiff_t bad = first_outside(length, indices, outer * index_count * inner); \
        if (bad >= 0) return bad; \
        for (size_t o = 0; o < outer; o++) \
            for (size_t i = 0; i < index_count; i++) \
                for (size_t j = 0; j < inner; j++) { \
                    size_t at = (o * index_count + i) * inner + j; \
                    x[(o * length + wrapped(indices[at], length)) * inner + j] += values[at]; \
                } \
        return -1; \
    } \
    void mr_unfold_##SUFFIX(const mr_windows *w, const T *image, T *columns) { \
        size_t out_width = w->output[1]; \
        for (size_t c = 0; c < w->channels; c++) \
            for (size_t ky = 0; ky < w->kernel[0]; ky++) \
                for (size_t kx = 0; kx < w->kernel[1]; kx++) { \
                    ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->padding[1]; \
                    for (size_t oy = 0; oy < w->output[0]; oy++, columns += out_width) { \
                        ptrdiff_t y = (ptrdiff_t)(oy * w->stride[0] + ky * w->dilation[0]) - (ptrdiff_t)w->padding[0]; \
                        if (y < 0 || y >= (ptrdiff_t)w->input[0]) { \
                            memset(columns, 0, out_width * sizeof(T)); \
                            continue; \
                        } \
                        const T *row = image + (c * w->input[0] + (size_t)y) * w->input[1]; \
                        if (w->stride[1] == 1) { \
                            size_t left = x0 < 0 ? (size_t)-x0 : 0; \
                            if (left > out_width) left = out_width; \
                            ptrdiff_t room = (ptrdiff_t)w->input[1] - x0; \
                            size_t right = room < 0 ? 0 : (size_t)room < out_width ? (size_t)room : out_width; \
                            if (right < left) right = left; \
                            memset(columns, 0, left * sizeof(T)); \
                            if (right > left) memcpy(columns + left, row + (ptrdiff_t)left + x0, (right - left) * sizeof(T)); \
                            memset(columns + right, 0, (out_width - right) * sizeof(T)); \
                            continue; \
                        } \
                        for (size_t ox = 0; ox < out_width; ox++) { \
                            ptrdiff_t x = (ptrdiff_t)(ox * w->stride[1]) + x0; \
                            columns[ox] = x >= 0 && x < (ptrdiff_t)w->input[1] ? row[x] : 0; \
                        } \
                    } \
                } \
    } \
    void mr_fold_##SUFFIX(const mr_windows *w, const T *columns, T *image) { \
        size_t out_width = w->output[1]; \
        for (size_t c = 0; c < w->channels; c++) \
            for (size_t ky = 0; ky < w->kernel[0]; ky++) \
                for (size_t kx = 0; kx < w->kernel[1]; kx++) { \
                    ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->padding[1]; \
                    for (size_t oy = 0; oy < w->output[0]; oy++, columns += out_width) { \
                        ptrdiff_t y = (ptrdiff_t)(oy * w->stride[0] + ky * w->dilation[0]) - (ptrdiff_t)w->padding[0]; \
                        if (y < 0 || y >= (ptrdiff_t)w->input[0]) continue; \
                        T *row = image + (c * w->input[0] + (size_t)y) * w->input[1]; \
                        for (size_t ox = 0; ox < out_width; ox++) { \
                            ptrdiff_t x = (ptrdiff_t)(ox * w->stride[1]) + x0; \
                            if (x >= 0 && x < (ptrdiff_t)w->input[1]) row[x] += columns[ox]; \
                        } \
                    } \
                } \
    } \
    static void max_pool_part_##SUFFIX(void *context, size_t plane) { \
        pool_job *job = context; \
        const mr_windows *w = job->windows; \
        const T *image = (const T *)job->images + plane * w->input[0] * w->input[1]; \
        T *out = (T *)job->out + plane * w->output[0] * w->output[1]; \
        int64_t *positions = job->positions + plane * w->output[0] * w->output[1]; \
        for (size_t oy = 0; oy < w->output[0]; oy++) \
            for (size_t ox = 0; ox < w->output[1]; ox++) { \
                T best = -(T)__builtin_inf(); \
                ptrdiff_t at = -1; \
                for (size_t ky = 0; ky < w->kernel[0]; ky++) { \
                    ptrdiff_t y = (ptrdiff_t)(oy * w->stride[0] + ky * w->dilation[0]) - (ptrdiff_t)w->padding[0]; \
                    if (y < 0 || y >= (ptrdiff_t)w->input[0]) continue; \
                    for (size_t kx = 0; kx < w->kernel[1]; kx++) { \
                        ptrdiff_t x = (ptrdiff_t)(ox * w->stride[1] + kx * w->dilation[1]) - (ptrdiff_t)w->padding[1]; \
                        if (x < 0 || x >= (ptrdiff_t)w->input[1]) continue; \
                        ptrdiff_t here = y * (ptrdiff_t)w->input[1] + x; \
                        T value = image[here]; \
                        if (at < 0 || value > best || value != value) { \
                            best = value; \
                            at = here; \
                        } \
                    } \
                } \
                *out++ = best; \
                *positions++ = at; \
            } \
    } \
    void mr_max_pool_##SUFFIX( \
        const mr_windows *w, size_t count, const T *images, T *out, int64_t *positions) { \
        pool_job job = {w, count, images, out, positions}; \
        size_t planes = count * w->channels; \
        if (planes * w->input[0] * w->input[1] < 1 << 15) \
            for (size_t plane = 0; plane < planes; plane++) max_pool_part_##SUFFIX(&job, plane); \
        else mr_parallel(planes, max_pool_part_##SUFFIX, &job); \
    }
LAYERS(float, f32)
LAYERS(double, f64)

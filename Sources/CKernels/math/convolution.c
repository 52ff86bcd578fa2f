#include "convolution.h"

#include <string.h>

#include "gemm.h"
#include "memory.h"
#include "parallel.h"
#include "vector_table.h"

// Columns unfolded at a time take about this much: a fifth of a second-level cache of 1 MiB.
#define COLUMN_BYTES ((size_t)200 << 10)
// The sum over places of a weight's gradient wants long rows.
#define LONG_COLUMN_BYTES ((size_t)1 << 20)
// Multiplications from which a second thread pays.
#define PARALLEL_PRODUCTS ((size_t)1 << 18)

#define JOIN_(x, y) x##_##y
#define JOIN(x, y) JOIN_(x, y)

static size_t places(const mr_windows *w) { return w->output[0] * w->output[1]; }
static size_t kernel_size(const mr_windows *w) { return w->kernel[0] * w->kernel[1]; }
static size_t image_size(const mr_convolution *c) { return c->windows.channels * c->windows.input[0] * c->windows.input[1]; }
static size_t depth_of(const mr_convolution *c) { return c->windows.channels * kernel_size(&c->windows); }

// Tells whether the image can serve as the matrix of columns: for windows of one element, next to each other.
static int is_pointwise(const mr_windows *w) {
    return kernel_size(w) == 1 && w->stride[0] == 1 && w->stride[1] == 1 && w->padding[0] == 0 && w->padding[1] == 0;
}

static int is_depthwise(const mr_convolution *c) {
    return c->windows.channels == 1 && c->groups > 1 && kernel_size(&c->windows) > 1;
}

// Parts that the images (of one group each) are divided in: one for each thread. Few images are left to the products,
// which use the threads themselves.
static size_t part_count(const mr_convolution *c) {
    size_t units = c->count * c->groups, threads = (size_t)mr_thread_count();
    size_t work = units * c->filters * depth_of(c) * places(&c->windows);
    return threads > 1 && units >= threads && work >= PARALLEL_PRODUCTS ? threads : 1;
}

// Rows of places whose columns take about `bytes`.
static size_t block_rows(const mr_convolution *c, size_t bytes, size_t width) {
    size_t row = depth_of(c) * c->windows.output[1] * width;
    size_t rows = row == 0 ? 1 : bytes / row;
    if (rows == 0) rows = 1;
    return rows < c->windows.output[0] ? rows : c->windows.output[0];
}

// The places ox of a row, first to end, whose tap x = ox · stride + x0 lies within the image.
static void inside(const mr_windows *w, ptrdiff_t x0, size_t *first, size_t *end) {
    ptrdiff_t stride = (ptrdiff_t)w->stride[1], width = (ptrdiff_t)w->input[1], count = (ptrdiff_t)w->output[1];
    ptrdiff_t low = x0 >= 0 ? 0 : (-x0 + stride - 1) / stride;
    ptrdiff_t high = width <= x0 ? 0 : (width - x0 + stride - 1) / stride;
    if (low > count) low = count;
    if (high > count) high = count;
    *first = (size_t)low;
    *end = (size_t)(high < low ? low : high);
}

typedef struct {
    const mr_convolution *convolution;
    const void *gradient, *images, *weight, *bias;
    void *out;
    size_t parts;
} convolution_job;

#define T float
#define NAME(x) JOIN(x, f32)
#define GEMM mr_sgemm
#include "convolution_driver.h"
#undef GEMM
#undef NAME
#undef T

#define T double
#define NAME(x) JOIN(x, f64)
#define GEMM mr_dgemm
#include "convolution_driver.h"
#undef GEMM
#undef NAME
#undef T

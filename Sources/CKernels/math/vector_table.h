#ifndef CKERNELS_VECTOR_TABLE_H
#define CKERNELS_VECTOR_TABLE_H

#include "elementwise.h"
#include "optimizers.h"
#include "reductions.h"

// The kernels of one instruction set for one element type.
#define DEFINE_TABLE(T, SUFFIX) \
    typedef void (*mr_loop_##SUFFIX)( \
        size_t n, const T *x, ptrdiff_t x_stride, const T *y, ptrdiff_t y_stride, void *out, ptrdiff_t out_stride); \
    typedef struct { \
        mr_loop_##SUFFIX loops[MR_OPERATION_COUNT]; \
        double (*sum)(size_t n, const T *x); \
        double (*sum_of_squares)(size_t n, const T *x); \
        T (*product)(size_t n, const T *x); \
        T (*largest)(size_t n, const T *x); \
        T (*smallest)(size_t n, const T *x); \
        size_t (*first_place)(size_t n, const T *x, T value); \
        void (*add_row)(size_t n, const T *x, T *sums); \
        void (*add_squared_row)(size_t n, const T *x, T *sums); \
        void (*add_scaled_row)(size_t n, T factor, const T *x, T *sums, size_t stride); \
        void (*taps)( \
            size_t n, size_t taps, const T *const *rows, size_t stride, const T *weights, T *out); \
        void (*tap_products)( \
            size_t n, size_t taps, const T *const *rows, size_t stride, const T *g, T *sums, size_t sum_stride); \
        double (*dot)(size_t n, const T *x, const T *y); \
        double (*squared_distance)(size_t n, const T *x, T center); \
        void (*blend_rows)(size_t n, T a, const T *x, T b, const T *y, T shift, T *out); \
        double (*exp_row)(size_t n, const T *x, T *out, T *largest); \
        void (*scale_row)(size_t n, T factor, T *x); \
        void (*softmax)(int logarithm, size_t n, const T *x, T *out); \
        void (*softmax_slope)(int logarithm, size_t n, const T *g, const T *y, T *out); \
        void (*layer_norm)( \
            size_t n, const T *x, const T *weight, const T *bias, double epsilon, T *out, T *mean, T *scale); \
        void (*layer_norm_slope)( \
            size_t n, const T *g, const T *x, const T *weight, T mean, T scale, T *x_out, T *weight_out, T *bias_out); \
        void (*lstm_row)(size_t n, T *gates, const T *cell_before, T *cell, T *hidden, T *output); \
        void (*lstm_slope_row)( \
            size_t n, const T *gates, const T *cell_before, const T *cell, const T *hidden_slope, T *cell_slope, \
            T *slope); \
        void (*gru_row)(size_t n, T *gates, const T *products, const T *before, T *hidden, T *output); \
        void (*gru_slope_row)( \
            size_t n, const T *gates, const T *products, const T *before, const T *hidden_slope, T *slope, \
            T *product_slope, T *before_slope); \
        void (*rnn_row)(int rectifies, size_t n, const T *sums, T *hidden, T *output); \
        void (*rnn_slope_row)(int rectifies, size_t n, const T *hidden, const T *hidden_slope, T *slope); \
        void (*sgd)(const mr_sgd_options *o, size_t n, T *p, const T *g, T *m); \
        void (*adam)(const mr_adam_options *o, size_t n, T *p, const T *g, T *m, T *v, T *maximum); \
        void (*rmsprop)(const mr_rmsprop_options *o, size_t n, T *p, const T *g, T *v, T *m, T *average); \
    } mr_table_##SUFFIX;

DEFINE_TABLE(float, f32)
DEFINE_TABLE(double, f64)
#undef DEFINE_TABLE

// The table of the instruction set in use.
const mr_table_f32 *mr_vector_f32(void);
const mr_table_f64 *mr_vector_f64(void);

#endif

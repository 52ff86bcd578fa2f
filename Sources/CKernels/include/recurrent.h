#ifndef CKERNELS_RECURRENT_H
#define CKERNELS_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

// One step of a recurrent layer for `rows` sequences of `size` hidden elements, all arrays packed. `active` says by a
// byte for each row whether the sequence goes on; of the others the state stays, the output is 0, and gradients pass
// through. Null: all go on.

/// Long short-term memory (Hochreiter & Schmidhuber 1997). `gates`, rows × 4·size, has the sums of the input, forget,
/// cell and output gates, and becomes what the gates are.
void mr_lstm_step_f32(
    size_t rows, size_t size, const uint8_t *active, float *gates, const float *cell_before, const float *hidden_before,
    float *cell, float *hidden, float *output);
void mr_lstm_step_f64(
    size_t rows, size_t size, const uint8_t *active, double *gates, const double *cell_before,
    const double *hidden_before, double *cell, double *hidden, double *output);

/// The gradient of the sums from those of hidden state and cell. `cell_slope` becomes that of the cell before. That of
/// the hidden state before, the sums' product with the weights aside, is written to `hidden_before_slope`: 0 where active.
void mr_lstm_slope_f32(
    size_t rows, size_t size, const uint8_t *active, const float *gates, const float *cell_before, const float *cell,
    const float *hidden_slope, float *cell_slope, float *gate_slope, float *hidden_before_slope);
void mr_lstm_slope_f64(
    size_t rows, size_t size, const uint8_t *active, const double *gates, const double *cell_before,
    const double *cell, const double *hidden_slope, double *cell_slope, double *gate_slope,
    double *hidden_before_slope);

/// Gated recurrent unit (Cho et al. 2014), as PyTorch computes it. `gates`, rows × 3·size, has the input's part of the
/// sums of the reset, update and new gates, and becomes what the gates are; `products`, of the same shape, has the hidden
/// state's part.
void mr_gru_step_f32(
    size_t rows, size_t size, const uint8_t *active, float *gates, const float *products, const float *hidden_before,
    float *hidden, float *output);
void mr_gru_step_f64(
    size_t rows, size_t size, const uint8_t *active, double *gates, const double *products,
    const double *hidden_before, double *hidden, double *output);

/// The gradients of both parts of the sums, and of the hidden state before, `product_slope` times the weights aside.
void mr_gru_slope_f32(
    size_t rows, size_t size, const uint8_t *active, const float *gates, const float *products,
    const float *hidden_before, const float *hidden_slope, float *gate_slope, float *product_slope,
    float *hidden_before_slope);
void mr_gru_slope_f64(
    size_t rows, size_t size, const uint8_t *active, const double *gates, const double *products,
    const double *hidden_before, const double *hidden_slope, double *gate_slope, double *product_slope,
    double *hidden_before_slope);

/// A plain recurrent unit (Elman 1990): the hidden state is tanh of the sums, or max(0, sum) if `rectifies`.
void mr_rnn_step_f32(
    int rectifies, size_t rows, size_t size, const uint8_t *active, const float *sums, const float *hidden_before,
    float *hidden, float *output);
void mr_rnn_step_f64(
    int rectifies, size_t rows, size_t size, const uint8_t *active, const double *sums, const double *hidden_before,
    double *hidden, double *output);

/// The gradient of the sums.
void mr_rnn_slope_f32(
    int rectifies, size_t rows, size_t size, const uint8_t *active, const float *hidden, const float *hidden_slope,
    float *sum_slope, float *hidden_before_slope);
void mr_rnn_slope_f64(
    int rectifies, size_t rows, size_t size, const uint8_t *active, const double *hidden, const double *hidden_slope,
    double *sum_slope, double *hidden_before_slope);

#endif

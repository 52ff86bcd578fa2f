#include "recurrent.h"

#include <string.h>

#include "vector_table.h"

#define RECURRENT(T, SUFFIX) \
    void mr_lstm_step_##SUFFIX( \
        size_t rows, size_t n, const uint8_t *active, T *gates, const T *cell_before, const T *hidden_before, T *cell, \
        T *hidden, T *output) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->lstm_row(n, gates + 4 * at, cell_before + at, cell + at, hidden + at, output + at); \
                continue; \
            } \
            memcpy(cell + at, cell_before + at, n * sizeof(T)); \
            memcpy(hidden + at, hidden_before + at, n * sizeof(T)); \
            memset(output + at, 0, n * sizeof(T)); \
        } \
    } \
    void mr_lstm_slope_##SUFFIX( \
        size_t rows, size_t n, const uint8_t *active, const T *gates, const T *cell_before, const T *cell, \
        const T *hidden_slope, T *cell_slope, T *gate_slope, T *hidden_before_slope) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->lstm_slope_row( \
                    n, gates + 4 * at, cell_before + at, cell + at, hidden_slope + at, cell_slope + at, \
                    gate_slope + 4 * at); \
                memset(hidden_before_slope + at, 0, n * sizeof(T)); \
                continue; \
            } \
            memset(gate_slope + 4 * at, 0, 4 * n * sizeof(T)); \
            memmove(hidden_before_slope + at, hidden_slope + at, n * sizeof(T)); \
        } \
    } \
    void mr_gru_step_##SUFFIX( \
        size_t rows, size_t n, const uint8_t *active, T *gates, const T *products, const T *hidden_before, T *hidden, \
        T *output) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->gru_row( \
                    n, gates + 3 * at, products + 3 * at, hidden_before + at, hidden + at, output + at); \
                continue; \
            } \
            memcpy(hidden + at, hidden_before + at, n * sizeof(T)); \
            memset(output + at, 0, n * sizeof(T)); \
        } \
    } \
    void mr_gru_slope_##SUFFIX( \
        size_t rows, size_t n, const uint8_t *active, const T *gates, const T *products, const T *hidden_before, \
        const T *hidden_slope, T *gate_slope, T *product_slope, T *hidden_before_slope) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->gru_slope_row( \
                    n, gates + 3 * at, products + 3 * at, hidden_before + at, hidden_slope + at, gate_slope + 3 * at, \
                    product_slope + 3 * at, hidden_before_slope + at); \
                continue; \
            } \
            memset(gate_slope + 3 * at, 0, 3 * n * sizeof(T)); \
            memset(product_slope + 3 * at, 0, 3 * n * sizeof(T)); \
            memmove(hidden_before_slope + at, hidden_slope + at, n * sizeof(T)); \
        } \
    } \
    void mr_rnn_step_##SUFFIX( \
        int rectifies, size_t rows, size_t n, const uint8_t *active, const T *sums, const T *hidden_before, T *hidden, \
        T *output) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->rnn_row(rectifies, n, sums + at, hidden + at, output + at); \
                continue; \
            } \
            memcpy(hidden + at, hidden_before + at, n * sizeof(T)); \
            memset(output + at, 0, n * sizeof(T)); \
        } \
    } \
    void mr_rnn_slope_##SUFFIX( \
        int rectifies, size_t rows, size_t n, const uint8_t *active, const T *hidden, const T *hidden_slope, \
        T *sum_slope, T *hidden_before_slope) { \
        for (size_t r = 0, at = 0; r < rows; r++, at += n) { \
            if (!active || active[r]) { \
                mr_vector_##SUFFIX()->rnn_slope_row(rectifies, n, hidden + at, hidden_slope + at, sum_slope + at); \
                memset(hidden_before_slope + at, 0, n * sizeof(T)); \
                continue; \
            } \
            memset(sum_slope + at, 0, n * sizeof(T)); \
            memmove(hidden_before_slope + at, hidden_slope + at, n * sizeof(T)); \
        } \
    }
RECURRENT(float, f32)
RECURRENT(double, f64)

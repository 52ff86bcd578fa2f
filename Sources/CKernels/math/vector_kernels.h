// The kernels that are compiled once for each instruction set and element type; the compiler vectorises the loops.
// Included with: T, BITS (integer of T's size), NAME(x), IS_FLOAT (1 for float, with functions that vectorise), TABLE.

#define VECTORIZE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

// Loops whose function has no vector form stay scalar; that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#include "vector_functions.h"
#include "vector_loops.h"
#include "vector_rows.h"
#include "vector_recurrent.h"
#include "vector_steps.h"

static const TABLE NAME(table) = {
    .loops = {
        [MR_ADD] = NAME(add), [MR_SUBTRACT] = NAME(subtract), [MR_MULTIPLY] = NAME(multiply),
        [MR_DIVIDE] = NAME(divide), [MR_MAXIMUM] = NAME(maximum), [MR_MINIMUM] = NAME(minimum),
        [MR_POWER] = NAME(power_all), [MR_EQUAL] = NAME(equal), [MR_NOT_EQUAL] = NAME(not_equal),
        [MR_LESS] = NAME(less), [MR_LESS_EQUAL] = NAME(less_equal), [MR_GREATER] = NAME(greater),
        [MR_GREATER_EQUAL] = NAME(greater_equal), [MR_RELU_SLOPE] = NAME(relu_slope),
        [MR_TANH_SLOPE] = NAME(tanh_slope), [MR_SIGMOID_SLOPE] = NAME(sigmoid_slope),
        [MR_GELU_SLOPE] = NAME(gelu_slope), [MR_GELU_TANH_SLOPE] = NAME(gelu_tanh_slope),
        [MR_SILU_SLOPE] = NAME(silu_slope), [MR_LEAKY_RELU] = NAME(leaky_relu), [MR_LEAKY_RELU_FACTOR] = NAME(leaky_relu_factor),
        [MR_ABS_SLOPE] = NAME(abs_slope), [MR_NEGATE] = NAME(negate),
        [MR_ABS] = NAME(abs), [MR_SIGN] = NAME(sign), [MR_EXP] = NAME(exp_all), [MR_LOG] = NAME(log_all),
        [MR_LOG1P] = NAME(log1p_all), [MR_EXPM1] = NAME(expm1_all), [MR_SQRT] = NAME(sqrt_all),
        [MR_SIN] = NAME(sin_all), [MR_COS] = NAME(cos_all), [MR_TANH] = NAME(tanh_all), [MR_ERF] = NAME(erf_all),
        [MR_SIGMOID] = NAME(sigmoid_all), [MR_SOFTPLUS] = NAME(softplus), [MR_RELU] = NAME(relu),
        [MR_GELU] = NAME(gelu), [MR_GELU_TANH] = NAME(gelu_tanh), [MR_SILU] = NAME(silu),
        [MR_FLOOR] = NAME(floor_all), [MR_CEIL] = NAME(ceil_all), [MR_ROUND] = NAME(round_all),
        [MR_RECIPROCAL] = NAME(reciprocal), [MR_SQUARE] = NAME(square),
    },
    .sum = NAME(sum), .sum_of_squares = NAME(sum_of_squares), .product = NAME(product), .largest = NAME(largest),
    .smallest = NAME(smallest), .first_place = NAME(first_place), .add_row = NAME(add_row), .add_squared_row = NAME(add_squared_row),
    .add_scaled_row = NAME(add_scaled_row), .taps = NAME(taps), .tap_products = NAME(tap_products),
    .dot = NAME(dot), .squared_distance = NAME(squared_distance), .blend_rows = NAME(blend_rows),
    .exp_row = NAME(exp_row), .scale_row = NAME(scale_row), .softmax = NAME(softmax),
    .softmax_slope = NAME(softmax_slope), .layer_norm = NAME(layer_norm), .layer_norm_slope = NAME(layer_norm_slope),
    .lstm_row = NAME(lstm_row), .lstm_slope_row = NAME(lstm_slope_row), .gru_row = NAME(gru_row),
    .gru_slope_row = NAME(gru_slope_row), .rnn_row = NAME(rnn_row), .rnn_slope_row = NAME(rnn_slope_row),
    .sgd = NAME(sgd), .adam = NAME(adam), .rmsprop = NAME(rmsprop),
};

#undef UNARY
#undef LOOP
#undef MATH
#undef VECTORIZE

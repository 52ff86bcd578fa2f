// One row of a step of recurrent layers. Included by vector_kernels.h, once for each instruction set and element type.

static void NAME(lstm_row)(size_t n, T *gates, const T *cell_before, T *cell, T *hidden, T *output) {
    T *in = gates, *forget = gates + n, *candidate = gates + 2 * n, *out = gates + 3 * n;
    VECTORIZE for (size_t i = 0; i < n; i++) {
        T a = NAME(sigmoid)(in[i]), f = NAME(sigmoid)(forget[i]), g = NAME(tanh)(candidate[i]), o = NAME(sigmoid)(out[i]);
        T c = f * cell_before[i] + a * g;
        in[i] = a;
        forget[i] = f;
        candidate[i] = g;
        out[i] = o;
        cell[i] = c;
        hidden[i] = output[i] = o * NAME(tanh)(c);
    }
}

static void NAME(lstm_slope_row)(
    size_t n, const T *gates, const T *cell_before, const T *cell, const T *hidden_slope, T *cell_slope, T *slope) {
    const T *in = gates, *forget = gates + n, *candidate = gates + 2 * n, *out = gates + 3 * n;
    VECTORIZE for (size_t i = 0; i < n; i++) {
        T a = in[i], f = forget[i], g = candidate[i], o = out[i], t = NAME(tanh)(cell[i]);
        T dc = cell_slope[i] + hidden_slope[i] * o * (1 - t * t);
        slope[i] = dc * g * a * (1 - a);
        slope[n + i] = dc * cell_before[i] * f * (1 - f);
        slope[2 * n + i] = dc * a * (1 - g * g);
        slope[3 * n + i] = hidden_slope[i] * t * o * (1 - o);
        cell_slope[i] = dc * f;
    }
}

static void NAME(gru_row)(size_t n, T *gates, const T *products, const T *before, T *hidden, T *output) {
    VECTORIZE for (size_t i = 0; i < n; i++) {
        T r = NAME(sigmoid)(gates[i] + products[i]), z = NAME(sigmoid)(gates[n + i] + products[n + i]);
        T g = NAME(tanh)(gates[2 * n + i] + r * products[2 * n + i]);
        gates[i] = r;
        gates[n + i] = z;
        gates[2 * n + i] = g;
        hidden[i] = output[i] = g + z * (before[i] - g);
    }
}

static void NAME(gru_slope_row)(
    size_t n, const T *gates, const T *products, const T *before, const T *hidden_slope, T *slope, T *product_slope,
    T *before_slope) {
    VECTORIZE for (size_t i = 0; i < n; i++) {
        T r = gates[i], z = gates[n + i], g = gates[2 * n + i], d = hidden_slope[i];
        T dg = d * (1 - z) * (1 - g * g), dz = d * (before[i] - g) * z * (1 - z);
        T dr = dg * products[2 * n + i] * r * (1 - r);
        slope[i] = product_slope[i] = dr;
        slope[n + i] = product_slope[n + i] = dz;
        slope[2 * n + i] = dg;
        product_slope[2 * n + i] = dg * r;
        before_slope[i] = d * z;
    }
}

static void NAME(rnn_row)(int rectifies, size_t n, const T *sums, T *hidden, T *output) {
    if (rectifies) {
        VECTORIZE for (size_t i = 0; i < n; i++) hidden[i] = output[i] = NAME(choose)(sums[i] < 0, 0, sums[i]);
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) hidden[i] = output[i] = NAME(tanh)(sums[i]);
    }
}

static void NAME(rnn_slope_row)(int rectifies, size_t n, const T *hidden, const T *hidden_slope, T *slope) {
    if (rectifies) {
        VECTORIZE for (size_t i = 0; i < n; i++) slope[i] = NAME(choose)(hidden[i] > 0, hidden_slope[i], 0);
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) slope[i] = hidden_slope[i] * (1 - hidden[i] * hidden[i]);
    }
}

// Reductions, softmax and layer norm of a packed row. Included by vector_kernels.h, once for each instruction set and element type.

// MARK: Reductions of a packed row

#define LANES 16
#define HALF 8
typedef T NAME(half) __attribute__((vector_size(HALF * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef double NAME(wide) __attribute__((vector_size(HALF * sizeof(double))));
#define WIDE(p) __builtin_convertvector(*(const NAME(half) *)(p), NAME(wide))

// Sums in double precision: for float exact to the last digit of the result, whatever the length.
#define SUM(NAME_, PARAMETERS, IN_LANES, ALONE) \
    static double NAME(NAME_) PARAMETERS { \
        NAME(wide) first = {0}, second = {0}; \
        size_t i = 0; \
        for (; i + LANES <= n; i += LANES) { \
            first += IN_LANES(i); \
            second += IN_LANES(i + HALF); \
        } \
        first += second; \
        double total = 0; \
        for (size_t l = 0; l < HALF; l++) total += first[l]; \
        for (; i < n; i++) total += ALONE; \
        return total; \
    }
#define ITEM(i) WIDE(x + (i))
SUM(sum, (size_t n, const T *x), ITEM, x[i])
#undef ITEM
#define ITEM(i) WIDE(x + (i)) * WIDE(x + (i))
SUM(sum_of_squares, (size_t n, const T *x), ITEM, (double)x[i] * x[i])
#undef ITEM
#define ITEM(i) WIDE(x + (i)) * WIDE(y + (i))
SUM(dot, (size_t n, const T *x, const T *y), ITEM, (double)x[i] * y[i])
#undef ITEM
#define ITEM(i) (WIDE(x + (i)) - (double)center) * (WIDE(x + (i)) - (double)center)
SUM(squared_distance, (size_t n, const T *x, T center), ITEM, ((double)x[i] - center) * ((double)x[i] - center))
#undef ITEM
#undef SUM
#undef WIDE
#undef HALF

static T NAME(product)(size_t n, const T *x) {
    T total = 1;
    for (size_t i = 0; i < n; i++) total *= x[i];
    return total;
}

static T NAME(largest)(size_t n, const T *x) {
    T lanes[LANES];
    for (size_t l = 0; l < LANES; l++) lanes[l] = -(T)__builtin_inf();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            T v = x[i + l], m = lanes[l];
            lanes[l] = NAME(choose)((m > v) | (m != m), m, v);
        }
    for (size_t l = 0; i < n; i++, l++) lanes[l] = NAME(choose)((lanes[l] > x[i]) | (lanes[l] != lanes[l]), lanes[l], x[i]);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) {
            T a = lanes[l], b = lanes[l + half];
            lanes[l] = NAME(choose)((a > b) | (a != a), a, b);
        }
    return lanes[0];
}

static T NAME(smallest)(size_t n, const T *x) {
    T lanes[LANES];
    for (size_t l = 0; l < LANES; l++) lanes[l] = (T)__builtin_inf();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            T v = x[i + l], m = lanes[l];
            lanes[l] = NAME(choose)((m < v) | (m != m), m, v);
        }
    for (size_t l = 0; i < n; i++, l++) lanes[l] = NAME(choose)((lanes[l] < x[i]) | (lanes[l] != lanes[l]), lanes[l], x[i]);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) {
            T a = lanes[l], b = lanes[l + half];
            lanes[l] = NAME(choose)((a < b) | (a != a), a, b);
        }
    return lanes[0];
}

// The first place of `value`, which is there; of the first NaN where it is one.
static size_t NAME(first_place)(size_t n, const T *x, T value) {
    size_t i = 0;
    int is_nan = value != value;
    for (; i + 64 <= n; i += 64) {
        int found = 0;
        for (size_t j = 0; j < 64; j++) found |= is_nan ? x[i + j] != x[i + j] : x[i + j] == value;
        if (found) break;
    }
    while (i < n && !(is_nan ? x[i] != x[i] : x[i] == value)) i++;
    return i < n ? i : 0;
}

// Adds a row (or its squares) to sums. Sums of many rows are taken in blocks by the caller.
static void NAME(add_row)(size_t n, const T *x, T *sums) {
    VECTORIZE for (size_t i = 0; i < n; i++) sums[i] += x[i];
}
static void NAME(add_squared_row)(size_t n, const T *x, T *sums) {
    VECTORIZE for (size_t i = 0; i < n; i++) sums[i] += x[i] * x[i];
}

// out = a · x + b · y + shift
static void NAME(blend_rows)(size_t n, T a, const T *x, T b, const T *y, T shift, T *out) {
    if (b == 0) {
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = a * x[i] + shift;
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = a * x[i] + (b * y[i] + shift);
    }
}

// MARK: Convolution of one channel

// sums[i · stride] += factor · x[i]
static void NAME(add_scaled_row)(size_t n, T factor, const T *x, T *sums, size_t stride) {
    if (stride == 1) {
        VECTORIZE for (size_t i = 0; i < n; i++) sums[i] += factor * x[i];
    } else {
        for (size_t i = 0; i < n; i++) sums[i * stride] += factor * x[i];
    }
}

// out[i] = the sum over taps of weights[tap] · rows[tap][i · stride]
static void NAME(taps)(size_t n, size_t taps, const T *const *rows, size_t stride, const T *weights, T *out) {
    size_t i = 0;
    for (; stride == 1 && i + LANES <= n; i += LANES) {
        T sums[LANES] = {0};
        for (size_t tap = 0; tap < taps; tap++) {
            T weight = weights[tap];
            const T *row = rows[tap] + i;
            for (size_t l = 0; l < LANES; l++) sums[l] += weight * row[l];
        }
        for (size_t l = 0; l < LANES; l++) out[i + l] = sums[l];
    }
    for (; i < n; i++) {
        T sum = 0;
        for (size_t tap = 0; tap < taps; tap++) sum += weights[tap] * rows[tap][i * stride];
        out[i] = sum;
    }
}

// sums[tap · sum_stride] += the sum over i of g[i] · rows[tap][i · stride]
static void NAME(tap_products)(
    size_t n, size_t taps, const T *const *rows, size_t stride, const T *g, T *sums, size_t sum_stride) {
    for (size_t tap = 0; tap < taps; tap++) {
        const T *row = rows[tap];
        T lanes[LANES] = {0};
        size_t i = 0;
        for (; stride == 1 && i + LANES <= n; i += LANES)
            for (size_t l = 0; l < LANES; l++) lanes[l] += g[i + l] * row[i + l];
        T sum = 0;
        for (; i < n; i++) sum += g[i] * row[i * stride];
        for (size_t l = 0; l < LANES; l++) sum += lanes[l];
        sums[tap * sum_stride] += sum;
    }
}

// MARK: Softmax

// Writes exp(x - largest) and the largest element, and returns the sum.
static double NAME(exp_row)(size_t n, const T *x, T *out, T *largest_out) {
    T largest = *largest_out = NAME(largest)(n, x);
    VECTORIZE for (size_t i = 0; i < n; i++) out[i] = NAME(exp)(x[i] - largest);
    return NAME(sum)(n, out);
}

static void NAME(scale_row)(size_t n, T factor, T *x) {
    VECTORIZE for (size_t i = 0; i < n; i++) x[i] *= factor;
}

static void NAME(softmax)(int logarithm, size_t n, const T *x, T *out) {
    if (logarithm) {
        T largest = NAME(largest)(n, x);
        double sum = 0;
        T part[256];
        for (size_t i = 0; i < n; i += 256) {
            size_t count = n - i < 256 ? n - i : 256;
            VECTORIZE for (size_t j = 0; j < count; j++) part[j] = NAME(exp)(x[i + j] - largest);
            sum += NAME(sum)(count, part);
        }
        T shift = (T)log(sum);
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = x[i] - largest - shift;
        return;
    }
    T largest;
    double sum = NAME(exp_row)(n, x, out, &largest);
    NAME(scale_row)(n, (T)(1 / sum), out);
}

static void NAME(softmax_slope)(int logarithm, size_t n, const T *g, const T *y, T *out) {
    if (logarithm) {
        T sum = (T)NAME(sum)(n, g);
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = g[i] - NAME(exp)(y[i]) * sum;
    } else {
        T sum = (T)NAME(dot)(n, g, y);
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = (g[i] - sum) * y[i];
    }
}

// MARK: Layer norm

static void NAME(layer_norm)(
    size_t n, const T *x, const T *weight, const T *bias, double epsilon, T *out, T *mean_out, T *scale_out) {
    T mean = (T)(NAME(sum)(n, x) / (double)n);
    VECTORIZE for (size_t i = 0; i < n; i++) out[i] = x[i] - mean;
    T scale = (T)(1 / sqrt(NAME(sum_of_squares)(n, out) / (double)n + epsilon));
    if (weight && bias) {
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = out[i] * scale * weight[i] + bias[i];
    } else if (weight) {
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] = out[i] * scale * weight[i];
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) out[i] *= scale;
    }
    *mean_out = mean;
    *scale_out = scale;
}

// dx = scale · (h - mean(h) - n · mean(h · n)) with h = g · weight and n = (x - mean) · scale.
static void NAME(layer_norm_slope)(
    size_t n, const T *g, const T *x, const T *weight, T mean, T scale, T *x_out, T *weight_out, T *bias_out) {
    if (x_out) {
        T h[256], normal[256];
        double h_sum = 0, product_sum = 0;
        for (size_t i = 0; i < n; i += 256) {
            size_t count = n - i < 256 ? n - i : 256;
            for (size_t j = 0; j < count; j++) {
                h[j] = weight ? g[i + j] * weight[i + j] : g[i + j];
                normal[j] = (x[i + j] - mean) * scale;
            }
            h_sum += NAME(sum)(count, h);
            product_sum += NAME(dot)(count, h, normal);
        }
        T h_mean = (T)(h_sum / (double)n), product_mean = (T)(product_sum / (double)n);
        for (size_t i = 0; i < n; i++) {
            T value = weight ? g[i] * weight[i] : g[i];
            x_out[i] = scale * (value - h_mean - (x[i] - mean) * scale * product_mean);
        }
    }
    if (weight_out) {
        VECTORIZE for (size_t i = 0; i < n; i++) weight_out[i] += g[i] * (x[i] - mean) * scale;
    }
    if (bias_out) NAME(add_row)(n, g, bias_out);
}

#undef LANES

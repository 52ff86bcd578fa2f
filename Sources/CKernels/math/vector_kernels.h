// The kernels that are compiled once for each instruction set and element type; the compiler vectorises the loops.
// Included with: T, BITS (integer of T's size), NAME(x), IS_FLOAT (1 for float, with functions that vectorise), TABLE.

#define VECTORIZE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")

// Loops whose function has no vector form stay scalar; that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

// MARK: Functions of one element

static inline __attribute__((always_inline)) T NAME(choose)(int condition, T x, T y) { return condition ? x : y; }

#if IS_FLOAT
static inline __attribute__((always_inline)) float NAME(from_bits)(int32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
}
static inline __attribute__((always_inline)) int32_t NAME(to_bits)(float value) {
    int32_t bits;
    __builtin_memcpy(&bits, &value, 4);
    return bits;
}

// exp(x) = 2^n · exp(r) with |r| ≤ ln 2 / 2; the polynomial is that of Cephes' expf (Moshier). 1 ulp.
static inline __attribute__((always_inline)) float NAME(exp)(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer in the low bits
    float shifted = x * 1.44269504088896341f + magic;
    float n = shifted - magic;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    // In two factors, so that results below the normal range come out right.
    int32_t e = NAME(to_bits)(shifted) - 0x4B400000;
    int32_t half = e >> 1;
    return p * NAME(from_bits)((half + 127) << 23) * NAME(from_bits)((e - half + 127) << 23);
}

// log(x) by Cephes' logf. 1 ulp.
static inline __attribute__((always_inline)) float NAME(log)(float x) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    int32_t bits = NAME(to_bits)(scaled);
    // The mantissa between sqrt(1/2) and sqrt(2).
    int32_t shifted = bits - 0x3F3504F3;
    float e = (float)(shifted >> 23) - (tiny ? 23.0f : 0.0f);
    float m = NAME(from_bits)((shifted & 0x007FFFFF) + 0x3F3504F3) - 1.0f;
    float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z;
    p = p + e * -2.12194440e-4f - 0.5f * z;
    float result = m + p + e * 0.693359375f;
    result = x == 0 ? -__builtin_inff() : result;
    result = x < 0 ? __builtin_nanf("") : result;
    return x == __builtin_inff() || x != x ? x : result;
}

// tanh(x): an odd polynomial near 0 (Cephes' tanhf), else 1 - 2 / (exp(2|x|) + 1). 2 ulp.
static inline __attribute__((always_inline)) float NAME(tanh)(float x) {
    float a = x < 0 ? -x : x;
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    p = p * z * x + x;
    float large = 1.0f - 2.0f / (NAME(exp)(2.0f * a) + 1.0f);
    large = x < 0 ? -large : large;
    float result = a < 0.625f ? p : large;
    // The polynomial loses the sign of -0.
    return x == 0 ? x : result;
}
#define MATH(name) name##f
#else
static inline double NAME(exp)(double x) { return exp(x); }
static inline double NAME(log)(double x) { return log(x); }
static inline double NAME(tanh)(double x) { return tanh(x); }
#define MATH(name) name
#endif

static inline __attribute__((always_inline)) T NAME(sigmoid)(T x) {
    // exp of a negative number only: no overflow, and small results keep their precision.
    T e = NAME(exp)(x < 0 ? x : -x);
    return (x < 0 ? e : (T)1) / ((T)1 + e);
}

static inline __attribute__((always_inline)) T NAME(normal_density)(T x) {
    return NAME(exp)((T)-0.5 * x * x) * (T)0.3989422804014327;
}

// Hendrycks & Gimpel 2016: the approximation of x·Φ(x) with tanh.
static inline __attribute__((always_inline)) T NAME(gelu_inner)(T x) {
    return (T)0.7978845608028654 * (x + (T)0.044715 * x * x * x);
}

// MARK: Elementwise loops

#define LOOP(OUT, NAME_, EXPRESSION) \
    static void NAME(NAME_)( \
        size_t n, const T *a, ptrdiff_t a_stride, const T *b, ptrdiff_t b_stride, void *out, ptrdiff_t out_stride) { \
        OUT *c = out; \
        if (out_stride == 1 && a_stride == 1 && b_stride == 1) { \
            VECTORIZE for (size_t i = 0; i < n; i++) { T x = a[i], y = b[i]; (void)y; c[i] = EXPRESSION; } \
        } else if (out_stride == 1 && a_stride == 1 && b_stride == 0) { \
            T y = *b; (void)y; \
            VECTORIZE for (size_t i = 0; i < n; i++) { T x = a[i]; c[i] = EXPRESSION; } \
        } else if (out_stride == 1 && a_stride == 0 && b_stride == 1) { \
            T x = *a; \
            VECTORIZE for (size_t i = 0; i < n; i++) { T y = b[i]; (void)y; c[i] = EXPRESSION; } \
        } else { \
            for (size_t i = 0; i < n; i++) { \
                T x = a[(ptrdiff_t)i * a_stride], y = b[(ptrdiff_t)i * b_stride]; (void)y; \
                c[(ptrdiff_t)i * out_stride] = EXPRESSION; \
            } \
        } \
    }
// Operations of one element are called with b = a and b_stride = a_stride.
#define UNARY(NAME_, EXPRESSION) \
    static void NAME(NAME_)( \
        size_t n, const T *a, ptrdiff_t a_stride, const T *b, ptrdiff_t b_stride, void *out, ptrdiff_t out_stride) { \
        T *c = out; (void)b, (void)b_stride; \
        if (out_stride == 1 && a_stride == 1) { \
            VECTORIZE for (size_t i = 0; i < n; i++) { T x = a[i]; c[i] = EXPRESSION; } \
        } else { \
            for (size_t i = 0; i < n; i++) { T x = a[(ptrdiff_t)i * a_stride]; c[(ptrdiff_t)i * out_stride] = EXPRESSION; } \
        } \
    }

LOOP(T, add, x + y)
LOOP(T, subtract, x - y)
LOOP(T, multiply, x * y)
LOOP(T, divide, x / y)
LOOP(T, maximum, NAME(choose)((x > y) | (x != x), x, y))
LOOP(T, minimum, NAME(choose)((x < y) | (x != x), x, y))
LOOP(T, power, MATH(pow)(x, y))
LOOP(uint8_t, equal, x == y)
LOOP(uint8_t, not_equal, x != y)
LOOP(uint8_t, less, x < y)
LOOP(uint8_t, less_equal, x <= y)
LOOP(uint8_t, greater, x > y)
LOOP(uint8_t, greater_equal, x >= y)
LOOP(T, relu_slope, NAME(choose)(y > 0, x, 0))
LOOP(T, tanh_slope, x * (1 - y * y))
LOOP(T, sigmoid_slope, x * y * (1 - y))
LOOP(T, gelu_slope, x * ((T)0.5 * (1 + MATH(erf)(y * (T)0.7071067811865476)) + y * NAME(normal_density)(y)))
static inline __attribute__((always_inline)) T NAME(gelu_tanh_derivative)(T y) {
    T t = NAME(tanh)(NAME(gelu_inner)(y));
    return (T)0.5 * (1 + t) +
           (T)0.5 * y * (1 - t * t) * (T)0.7978845608028654 * (1 + (T)(3 * 0.044715) * y * y);
}
LOOP(T, gelu_tanh_slope, x * NAME(gelu_tanh_derivative)(y))
static inline __attribute__((always_inline)) T NAME(silu_derivative)(T y) {
    T s = NAME(sigmoid)(y);
    return s * (1 + y * (1 - s));
}
LOOP(T, silu_slope, x * NAME(silu_derivative)(y))
LOOP(T, abs_slope, NAME(choose)(y > 0, x, NAME(choose)(y < 0, -x, 0)))

UNARY(negate, -x)
UNARY(abs, __builtin_elementwise_abs(x))
UNARY(sign, NAME(choose)(x > 0, 1, NAME(choose)(x < 0, -1, x)))
UNARY(exp_all, NAME(exp)(x))
UNARY(log_all, NAME(log)(x))
UNARY(log1p_all, MATH(log1p)(x))
UNARY(expm1_all, MATH(expm1)(x))
UNARY(sqrt_all, __builtin_elementwise_sqrt(x))
UNARY(sin_all, MATH(sin)(x))
UNARY(cos_all, MATH(cos)(x))
UNARY(tanh_all, NAME(tanh)(x))
UNARY(erf_all, MATH(erf)(x))
UNARY(sigmoid_all, NAME(sigmoid)(x))
UNARY(softplus, NAME(choose)(x > 0, x, 0) + MATH(log1p)(NAME(exp)(-__builtin_elementwise_abs(x))))
UNARY(relu, NAME(choose)(x < 0, 0, x))
UNARY(gelu, x * (T)0.5 * (1 + MATH(erf)(x * (T)0.7071067811865476)))
UNARY(gelu_tanh, x * (T)0.5 * (1 + NAME(tanh)(NAME(gelu_inner)(x))))
UNARY(silu, x * NAME(sigmoid)(x))
UNARY(floor_all, __builtin_elementwise_floor(x))
UNARY(ceil_all, __builtin_elementwise_ceil(x))
UNARY(round_all, __builtin_elementwise_roundeven(x))
UNARY(reciprocal, 1 / x)
UNARY(square, x * x)

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

// Adds a row (or its squares) to sums. Sums of many rows are taken in blocks by the caller.
static void NAME(add_row)(size_t n, const T *x, T *sums) {
    VECTORIZE for (size_t i = 0; i < n; i++) sums[i] += x[i];
}
static void NAME(add_squared_row)(size_t n, const T *x, T *sums) {
    VECTORIZE for (size_t i = 0; i < n; i++) sums[i] += x[i] * x[i];
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

// MARK: Optimisers

static void NAME(sgd)(const mr_sgd_options *o, size_t n, T *p, const T *g, T *m) {
    T rate = (T)o->learning_rate, decay = (T)o->weight_decay, sign = o->maximize ? -1 : 1;
    T momentum = (T)o->momentum, fresh = (T)(1 - o->dampening);
    if (!m) {
        VECTORIZE for (size_t i = 0; i < n; i++) p[i] -= rate * (sign * g[i] + decay * p[i]);
        return;
    }
    if (o->first) {
        VECTORIZE for (size_t i = 0; i < n; i++) m[i] = sign * g[i] + decay * p[i];
        if (o->nesterov) {
            VECTORIZE for (size_t i = 0; i < n; i++) p[i] -= rate * (m[i] + momentum * m[i]);
        } else {
            VECTORIZE for (size_t i = 0; i < n; i++) p[i] -= rate * m[i];
        }
        return;
    }
    if (o->nesterov) {
        VECTORIZE for (size_t i = 0; i < n; i++) {
            T d = sign * g[i] + decay * p[i];
            m[i] = momentum * m[i] + fresh * d;
            p[i] -= rate * (d + momentum * m[i]);
        }
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) {
            m[i] = momentum * m[i] + fresh * (sign * g[i] + decay * p[i]);
            p[i] -= rate * m[i];
        }
    }
}

static void NAME(adam)(const mr_adam_options *o, size_t n, T *p, const T *g, T *m, T *v, T *maximum) {
    double correction1 = 1 - pow(o->beta1, o->step), correction2 = sqrt(1 - pow(o->beta2, o->step));
    T step = (T)(o->learning_rate / correction1), root = (T)correction2, epsilon = (T)o->epsilon;
    T keep = o->decoupled_decay ? (T)(1 - o->learning_rate * o->weight_decay) : 1;
    T decay = o->decoupled_decay ? 0 : (T)o->weight_decay, sign = o->maximize ? -1 : 1;
    T b2 = (T)o->beta2, fresh1 = (T)(1 - o->beta1), fresh2 = (T)(1 - o->beta2);
    if (maximum) {
        VECTORIZE for (size_t i = 0; i < n; i++) {
            T d = sign * g[i] + decay * p[i];
            m[i] = m[i] + fresh1 * (d - m[i]);
            v[i] = b2 * v[i] + fresh2 * d * d;
            maximum[i] = NAME(choose)(maximum[i] > v[i], maximum[i], v[i]);
            p[i] = keep * p[i] - step * (m[i] / (__builtin_elementwise_sqrt(maximum[i]) / root + epsilon));
        }
    } else {
        VECTORIZE for (size_t i = 0; i < n; i++) {
            T d = sign * g[i] + decay * p[i];
            m[i] = m[i] + fresh1 * (d - m[i]);
            v[i] = b2 * v[i] + fresh2 * d * d;
            p[i] = keep * p[i] - step * (m[i] / (__builtin_elementwise_sqrt(v[i]) / root + epsilon));
        }
    }
}

static void NAME(rmsprop)(const mr_rmsprop_options *o, size_t n, T *p, const T *g, T *v, T *m, T *average) {
    T rate = (T)o->learning_rate, alpha = (T)o->alpha, fresh = (T)(1 - o->alpha), epsilon = (T)o->epsilon;
    T decay = (T)o->weight_decay, momentum = (T)o->momentum, sign = o->maximize ? -1 : 1;
    for (size_t i = 0; i < n; i++) {
        T d = sign * g[i] + decay * p[i];
        v[i] = alpha * v[i] + fresh * d * d;
        T square = v[i];
        if (average) {
            average[i] = average[i] + fresh * (d - average[i]);
            square -= average[i] * average[i];
        }
        T change = d / (__builtin_elementwise_sqrt(square) + epsilon);
        if (m) change = m[i] = momentum * m[i] + change;
        p[i] -= rate * change;
    }
}

static const TABLE NAME(table) = {
    .loops = {
        [MR_ADD] = NAME(add), [MR_SUBTRACT] = NAME(subtract), [MR_MULTIPLY] = NAME(multiply),
        [MR_DIVIDE] = NAME(divide), [MR_MAXIMUM] = NAME(maximum), [MR_MINIMUM] = NAME(minimum),
        [MR_POWER] = NAME(power), [MR_EQUAL] = NAME(equal), [MR_NOT_EQUAL] = NAME(not_equal),
        [MR_LESS] = NAME(less), [MR_LESS_EQUAL] = NAME(less_equal), [MR_GREATER] = NAME(greater),
        [MR_GREATER_EQUAL] = NAME(greater_equal), [MR_RELU_SLOPE] = NAME(relu_slope),
        [MR_TANH_SLOPE] = NAME(tanh_slope), [MR_SIGMOID_SLOPE] = NAME(sigmoid_slope),
        [MR_GELU_SLOPE] = NAME(gelu_slope), [MR_GELU_TANH_SLOPE] = NAME(gelu_tanh_slope),
        [MR_SILU_SLOPE] = NAME(silu_slope), [MR_ABS_SLOPE] = NAME(abs_slope), [MR_NEGATE] = NAME(negate),
        [MR_ABS] = NAME(abs), [MR_SIGN] = NAME(sign), [MR_EXP] = NAME(exp_all), [MR_LOG] = NAME(log_all),
        [MR_LOG1P] = NAME(log1p_all), [MR_EXPM1] = NAME(expm1_all), [MR_SQRT] = NAME(sqrt_all),
        [MR_SIN] = NAME(sin_all), [MR_COS] = NAME(cos_all), [MR_TANH] = NAME(tanh_all), [MR_ERF] = NAME(erf_all),
        [MR_SIGMOID] = NAME(sigmoid_all), [MR_SOFTPLUS] = NAME(softplus), [MR_RELU] = NAME(relu),
        [MR_GELU] = NAME(gelu), [MR_GELU_TANH] = NAME(gelu_tanh), [MR_SILU] = NAME(silu),
        [MR_FLOOR] = NAME(floor_all), [MR_CEIL] = NAME(ceil_all), [MR_ROUND] = NAME(round_all),
        [MR_RECIPROCAL] = NAME(reciprocal), [MR_SQUARE] = NAME(square),
    },
    .sum = NAME(sum), .sum_of_squares = NAME(sum_of_squares), .product = NAME(product), .largest = NAME(largest),
    .smallest = NAME(smallest), .add_row = NAME(add_row), .add_squared_row = NAME(add_squared_row),
    .exp_row = NAME(exp_row), .scale_row = NAME(scale_row), .softmax = NAME(softmax),
    .softmax_slope = NAME(softmax_slope), .layer_norm = NAME(layer_norm), .layer_norm_slope = NAME(layer_norm_slope),
    .sgd = NAME(sgd), .adam = NAME(adam), .rmsprop = NAME(rmsprop),
};

#undef LANES
#undef UNARY
#undef LOOP
#undef MATH
#undef VECTORIZE

// Elementwise loops. Included by vector_kernels.h, once for each instruction set and element type.

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
LOOP(T, power_of_each, NAME(power)(x, y))
LOOP(uint8_t, equal, x == y)
LOOP(uint8_t, not_equal, x != y)
LOOP(uint8_t, less, x < y)
LOOP(uint8_t, less_equal, x <= y)
LOOP(uint8_t, greater, x > y)
LOOP(uint8_t, greater_equal, x >= y)
LOOP(T, relu_slope, NAME(choose)(y > 0, x, 0))
LOOP(T, tanh_slope, x * (1 - y * y))
LOOP(T, sigmoid_slope, x * y * (1 - y))
LOOP(T, gelu_slope, x * ((T)0.5 * (1 + NAME(erf)(y * (T)0.7071067811865476)) + y * NAME(normal_density)(y)))
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
LOOP(T, leaky_relu, NAME(choose)(x > 0, x, x * y))
LOOP(T, leaky_relu_factor, NAME(choose)(x > 0, 1, y))
LOOP(T, abs_slope, NAME(choose)(y > 0, x, NAME(choose)(y < 0, -x, 0)))

UNARY(negate, -x)
UNARY(abs, __builtin_elementwise_abs(x))
UNARY(sign, NAME(choose)(x > 0, 1, NAME(choose)(x < 0, -1, x)))
UNARY(exp_all, NAME(exp)(x))
UNARY(log_all, NAME(log)(x))
UNARY(log1p_all, NAME(log1p)(x))
UNARY(expm1_all, NAME(expm1)(x))
UNARY(sqrt_all, __builtin_elementwise_sqrt(x))
#if IS_FLOAT
// Blocks with a number that the fast way cannot reduce go to the C library.
#define TRIGONOMETRIC(NAME_, FAST, LIBRARY) \
    UNARY(NAME_##_fast, FAST) \
    static void NAME(NAME_)( \
        size_t n, const T *a, ptrdiff_t a_stride, const T *b, ptrdiff_t b_stride, void *out, ptrdiff_t out_stride) { \
        for (size_t start = 0; start < n; start += 512) { \
            size_t count = n - start < 512 ? n - start : 512; \
            const T *x = a + (ptrdiff_t)start * a_stride; \
            T *c = (T *)out + (ptrdiff_t)start * out_stride; \
            int beyond = 0; \
            for (size_t i = 0; i < count; i++) \
                beyond |= !(__builtin_elementwise_abs(x[(ptrdiff_t)i * a_stride]) <= SINE_LIMIT); \
            if (!beyond) NAME(NAME_##_fast)(count, x, a_stride, b, b_stride, c, out_stride); \
            else \
                for (size_t i = 0; i < count; i++) c[(ptrdiff_t)i * out_stride] = LIBRARY(x[(ptrdiff_t)i * a_stride]); \
        } \
    }
TRIGONOMETRIC(sin_all, NAME(sine)(x, 0), sinf)
TRIGONOMETRIC(cos_all, NAME(sine)(x, 1), cosf)
#undef TRIGONOMETRIC
#undef SINE_LIMIT
#else
UNARY(sin_all, sin(x))
UNARY(cos_all, cos(x))
#endif
UNARY(tanh_all, NAME(tanh)(x))
UNARY(erf_all, NAME(erf)(x))
UNARY(sigmoid_all, NAME(sigmoid)(x))
UNARY(softplus, NAME(choose)(x > 0, x, 0) + NAME(log1p)(NAME(exp)(-__builtin_elementwise_abs(x))))
UNARY(relu, NAME(choose)(x < 0, 0, x))
UNARY(gelu, x * (T)0.5 * (1 + NAME(erf)(x * (T)0.7071067811865476)))
UNARY(gelu_tanh, x * (T)0.5 * (1 + NAME(tanh)(NAME(gelu_inner)(x))))
UNARY(silu, x * NAME(sigmoid)(x))
UNARY(floor_all, __builtin_elementwise_floor(x))
UNARY(ceil_all, __builtin_elementwise_ceil(x))
UNARY(round_all, __builtin_elementwise_roundeven(x))
UNARY(reciprocal, 1 / x)
UNARY(square, x * x)
UNARY(cube, x * x * x)

// Small whole exponents, one for all elements, are products.
static void NAME(power_all)(
    size_t n, const T *a, ptrdiff_t a_stride, const T *b, ptrdiff_t b_stride, void *out, ptrdiff_t out_stride) {
    if (b_stride == 0 && *b == 2) NAME(square)(n, a, a_stride, b, b_stride, out, out_stride);
    else if (b_stride == 0 && *b == 3) NAME(cube)(n, a, a_stride, b, b_stride, out, out_stride);
    else if (b_stride == 0 && *b == -1) NAME(reciprocal)(n, a, a_stride, b, b_stride, out, out_stride);
    else NAME(power_of_each)(n, a, a_stride, b, b_stride, out, out_stride);
}

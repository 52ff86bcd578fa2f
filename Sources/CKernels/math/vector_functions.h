// Functions of one element. Included by vector_kernels.h, once for each instruction set and element type.

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
// erf(x): a polynomial near 0, else 1 - exp of one (Juffa 2016). 1 ulp.
static inline __attribute__((always_inline)) float NAME(erf)(float x) {
    float a = x < 0 ? -x : x;
    float z = x * x;
    float p = -5.96761703e-4f;
    p = p * z + 4.99119423e-3f;
    p = p * z - 2.67681349e-2f;
    p = p * z + 1.12819925e-1f;
    p = p * z - 3.76125336e-1f;
    p = p * z + 1.28379166e-1f;
    p = p * x + x;
    float q = -1.72853470e-5f * a + 3.83197126e-4f;
    float u = -3.88396438e-3f * a + 2.42546219e-2f;
    q = q * z + u;
    q = q * a - 1.06777877e-1f;
    q = q * a - 6.34846687e-1f;
    q = q * a - 1.28717512e-1f;
    q = q * a - a;
    // Beyond 4 the result is 1, and the polynomial would turn round.
    float large = 1.0f - NAME(exp)(a > 4.0f ? -32.0f : q);
    large = x < 0 ? -large : large;
    float result = a > 0.927734375f ? large : p;
    return x != x ? x : result;
}

// The limit up to which a multiple of π/2 is taken off exactly.
#define SINE_LIMIT 8192.0f

// sin(x + quarter · π/2) for |x| ≤ SINE_LIMIT, by Cephes' sinf. 1 ulp.
static inline __attribute__((always_inline)) float NAME(sine)(float x, int32_t quarter) {
    const float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer in the low bits
    float shifted = x * 0.636619772367581f + magic;
    float n = shifted - magic;
    int32_t q = NAME(to_bits)(shifted) - 0x4B400000 + quarter;
    float r = x - n * 1.5703125f;
    r = r - n * 4.837512969970703125e-4f;
    r = r - n * 7.549533620476723e-08f;
    r = r - n * 2.5633440682570896e-12f;
    float z = r * r;
    float s = -1.9515295891e-4f;
    s = s * z + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * r + r;
    // The sum loses the sign of -0.
    s = r == 0.0f ? r : s;
    float c = 2.443315711809948e-5f;
    c = c * z - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - 0.5f * z + 1.0f;
    float v = (q & 1) ? c : s;
    return (q & 2) ? -v : v;
}

// log(1 + x) by log(w) · x / (w - 1) with w = 1 + x rounded (Kahan). 2 ulp.
static inline __attribute__((always_inline)) float NAME(log1p)(float x) {
    float w = 1.0f + x;
    float scaled = NAME(log)(w) * (x / (w - 1.0f));
    float result = w == 1.0f ? x : scaled;
    return x == __builtin_inff() ? x : result;
}

// exp(x) - 1 by (u - 1) · x / log(u) with u = exp(x) rounded (Kahan). 2 ulp.
static inline __attribute__((always_inline)) float NAME(expm1)(float x) {
    float u = NAME(exp)(x);
    float scaled = (u - 1.0f) * (x / NAME(log)(u));
    float result = u == 1.0f ? x : scaled;
    result = x < -17.0f ? -1.0f : result;
    return x > 88.0f ? u : result;
}

// x to the power of y = 2^(y · log2 |x|), in double precision, so that the result is rounded once.
static inline __attribute__((always_inline)) float NAME(power)(float x, float y) {
    float a = x < 0 ? -x : x;
    int tiny = a < 1.17549435e-38f;
    int32_t shifted = NAME(to_bits)(tiny ? a * 8388608.0f : a) - 0x3F3504F3;
    double e = (double)(shifted >> 23) - (tiny ? 23.0 : 0.0);
    // The mantissa between sqrt(1/2) and sqrt(2), and the series of its logarithm (artanh).
    double m = NAME(from_bits)((shifted & 0x007FFFFF) + 0x3F3504F3);
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    p = p * z * s + s;
    double t = (double)y * (e + p * 2.8853900817779268);
    t = t > 160.0 ? 160.0 : t;
    t = t < -160.0 ? -160.0 : t;
    const double magic = 6755399441055744.0;  // 1.5 · 2^52
    double rounded = t + magic;
    double f = (t - (rounded - magic)) * 0.6931471805599453;
    int64_t n;
    __builtin_memcpy(&n, &rounded, 8);
    double r = 1.0 / 40320;
    r = r * f + 1.0 / 5040;
    r = r * f + 1.0 / 720;
    r = r * f + 1.0 / 120;
    r = r * f + 1.0 / 24;
    r = r * f + 1.0 / 6;
    r = r * f + 0.5;
    r = r * f + 1.0;
    r = r * f + 1.0;
    int64_t bits = (n << 52) + 0x3FF0000000000000;
    double two;
    __builtin_memcpy(&two, &bits, 8);
    float result = (float)(r * two);
    // What the logarithm cannot say.
    float at_zero = y < 0 ? __builtin_inff() : 0.0f, at_infinity = y < 0 ? 0.0f : __builtin_inff();
    result = a == 0.0f ? at_zero : result;
    result = a == __builtin_inff() ? at_infinity : result;
    result = a == 1.0f ? 1.0f : result;
    float half = y * 0.5f;
    int whole = __builtin_elementwise_roundeven(y) == y;
    int odd = whole & (__builtin_elementwise_roundeven(half) != half);
    float opposite = -result;
    int32_t negative = NAME(to_bits)(x) < 0;
    result = (negative & odd) ? opposite : result;
    result = ((x < 0) & !whole & (a != __builtin_inff())) ? __builtin_nanf("") : result;
    result = ((x != x) | (y != y)) ? x + y : result;
    return ((y == 0.0f) | (x == 1.0f)) ? 1.0f : result;
}
#define MATH(name) name##f
#else
static inline double NAME(exp)(double x) { return exp(x); }
static inline double NAME(log)(double x) { return log(x); }
static inline double NAME(tanh)(double x) { return tanh(x); }
static inline double NAME(erf)(double x) { return erf(x); }
static inline double NAME(log1p)(double x) { return log1p(x); }
static inline double NAME(expm1)(double x) { return expm1(x); }
static inline double NAME(power)(double x, double y) { return pow(x, y); }
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

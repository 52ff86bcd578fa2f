// The part of the matrix product that is compiled once for each instruction set and element type.
// Included with: T, LANES (of one vector), ROWS (of one tile), NAME(x) (adds the set's suffix).
//
// A tile is ROWS × (1 or 2) vectors of c, held in registers while k runs (Goto & van de Geijn 2008).

typedef T NAME(vec) __attribute__((vector_size(LANES * sizeof(T))));
typedef T NAME(loose) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef T NAME(four) __attribute__((vector_size(4 * sizeof(T))));
typedef T NAME(loose4) __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));

#define LOAD(p) (*(const NAME(loose) *)(p))
#define STORE(p, v) (*(NAME(loose) *)(p) = (v))
#define LOAD4(p) (*(const NAME(loose4) *)(p))
#define STORE4(p, v) (*(NAME(loose4) *)(p) = (v))

// `rows` and `vectors` are constants where this is inlined, so the accumulators are registers.
static inline __attribute__((always_inline)) void NAME(tile)(
    int rows, int vectors, size_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b, ptrdiff_t b_row,
    T *c, ptrdiff_t c_row, mr_gemm_start start, const T *bias) {
    NAME(vec) sum[ROWS][2];
#pragma unroll
    for (int i = 0; i < rows; i++) {
#pragma unroll
        for (int v = 0; v < vectors; v++) sum[i][v] = (NAME(vec)){0};
    }
    for (size_t p = 0; p < k; p++) {
        NAME(vec) b0 = LOAD(b), b1 = b0;
        if (vectors == 2) b1 = LOAD(b + LANES);
#pragma unroll
        for (int i = 0; i < rows; i++) {
            T factor = a[i * a_row];
            sum[i][0] = b0 * factor + sum[i][0];
            if (vectors == 2) sum[i][1] = b1 * factor + sum[i][1];
        }
        a += a_column;
        b += b_row;
    }
#pragma unroll
    for (int i = 0; i < rows; i++) {
#pragma unroll
        for (int v = 0; v < vectors; v++) {
            T *target = c + i * c_row + v * LANES;
            if (start == MR_GEMM_ADD) sum[i][v] += LOAD(target);
            if (start == MR_GEMM_BIAS) sum[i][v] += LOAD(bias + v * LANES);
            STORE(target, sum[i][v]);
        }
    }
}

#define TILE(rows, vectors) \
    static void NAME(packed_##rows##_##vectors)( \
        size_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b, ptrdiff_t b_row, T *c, \
        ptrdiff_t c_row, mr_gemm_start start, const T *bias) { \
        (void)a_row, (void)a_column, (void)b_row; \
        NAME(tile)(rows, vectors, k, a, 1, ROWS, b, 2 * LANES, c, c_row, start, bias); \
    } \
    static void NAME(strided_##rows##_##vectors)( \
        size_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b, ptrdiff_t b_row, T *c, \
        ptrdiff_t c_row, mr_gemm_start start, const T *bias) { \
        NAME(tile)(rows, vectors, k, a, a_row, a_column, b, b_row, c, c_row, start, bias); \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4)
#if ROWS > 4
TILES(5) TILES(6)
#endif
#if ROWS > 6
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif

// Copies `width` rows and `depth` columns into a panel of `full` entries for each column, zero beyond `width`.
static void NAME(pack)(
    size_t width, size_t full, size_t depth, const T *source, ptrdiff_t along_width, ptrdiff_t along_depth, T *panel) {
    size_t fours = width / 4 * 4;
    if (along_width == 1) {
        for (size_t p = 0; p < depth; p++) {
            const T *s = source + (ptrdiff_t)p * along_depth;
            T *d = panel + p * full;
            size_t i = 0;
            for (; i < fours; i += 4) STORE4(d + i, LOAD4(s + i));
            for (; i < width; i++) d[i] = s[i];
            for (; i < full; i++) d[i] = 0;
        }
        return;
    }
    size_t p = 0;
    if (along_depth == 1) {
        // Transposes blocks of 4×4.
        for (; p + 4 <= depth; p += 4) {
            size_t i = 0;
            for (; i < fours; i += 4) {
                const T *s = source + (ptrdiff_t)i * along_width + p;
                NAME(four) r0 = LOAD4(s), r1 = LOAD4(s + along_width), r2 = LOAD4(s + 2 * along_width),
                           r3 = LOAD4(s + 3 * along_width);
                NAME(four) t0 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), t1 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
                NAME(four) t2 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), t3 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
                T *d = panel + p * full + i;
                STORE4(d, __builtin_shufflevector(t0, t2, 0, 1, 4, 5));
                STORE4(d + full, __builtin_shufflevector(t0, t2, 2, 3, 6, 7));
                STORE4(d + 2 * full, __builtin_shufflevector(t1, t3, 0, 1, 4, 5));
                STORE4(d + 3 * full, __builtin_shufflevector(t1, t3, 2, 3, 6, 7));
            }
            for (size_t q = p; q < p + 4; q++) {
                T *d = panel + q * full;
                size_t j = i;
                for (; j < width; j++) d[j] = source[(ptrdiff_t)j * along_width + (ptrdiff_t)q];
                for (; j < full; j++) d[j] = 0;
            }
        }
    }
    for (; p < depth; p++)
        for (size_t i = 0; i < full; i++)
            panel[p * full + i] = i < width ? source[(ptrdiff_t)i * along_width + (ptrdiff_t)p * along_depth] : 0;
}

#if LANES == 16
#define FOLD(v) NAME(fold)(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + \
                           __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15))
static inline __attribute__((always_inline)) NAME(four) NAME(fold)(T v __attribute__((vector_size(8 * sizeof(T))))) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
}
#elif LANES == 8
#define FOLD(v) (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7))
#else
#define FOLD(v) (v)
#endif

// Four columns of c for `rows` rows at a time as dot products: for few rows of a and a transposed b, where packing b
// would cost more than the product. Rows of a and columns of b are contiguous.
static inline __attribute__((always_inline)) void NAME(dots)(
    int rows, size_t n, size_t k, const T *a, ptrdiff_t a_row, const T *b, ptrdiff_t b_column, T *c, ptrdiff_t c_row,
    mr_gemm_start start, const T *bias) {
    for (size_t j = 0; j < n; j += 4) {
        const T *column[4];
        for (size_t q = 0; q < 4; q++) column[q] = b + (ptrdiff_t)(j + q < n ? j + q : n - 1) * b_column;
        NAME(vec) sum[4][4];
        NAME(four) total[4][4];
#pragma unroll
        for (int i = 0; i < rows; i++)
#pragma unroll
            for (int q = 0; q < 4; q++) sum[i][q] = (NAME(vec)){0};
        size_t p = 0;
        for (; p + LANES <= k; p += LANES) {
            NAME(vec) x[4];
#pragma unroll
            for (int q = 0; q < 4; q++) x[q] = LOAD(column[q] + p);
#pragma unroll
            for (int i = 0; i < rows; i++) {
                NAME(vec) y = LOAD(a + i * a_row + p);
#pragma unroll
                for (int q = 0; q < 4; q++) sum[i][q] = x[q] * y + sum[i][q];
            }
        }
#pragma unroll
        for (int i = 0; i < rows; i++)
#pragma unroll
            for (int q = 0; q < 4; q++) total[i][q] = FOLD(sum[i][q]);
        for (; p + 4 <= k; p += 4) {
#pragma unroll
            for (int i = 0; i < rows; i++) {
                NAME(four) y = LOAD4(a + i * a_row + p);
#pragma unroll
                for (int q = 0; q < 4; q++) total[i][q] = LOAD4(column[q] + p) * y + total[i][q];
            }
        }
#pragma unroll
        for (int i = 0; i < rows; i++) {
            NAME(four) r0 = total[i][0], r1 = total[i][1], r2 = total[i][2], r3 = total[i][3];
            NAME(four) t0 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5) + __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
            NAME(four) t1 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5) + __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
            NAME(four) s = __builtin_shufflevector(t0, t1, 0, 1, 4, 5) + __builtin_shufflevector(t0, t1, 2, 3, 6, 7);
            for (size_t rest = p; rest < k; rest++) {
                NAME(four) x = {column[0][rest], column[1][rest], column[2][rest], column[3][rest]};
                s = x * a[i * a_row + (ptrdiff_t)rest] + s;
            }
            T *target = c + i * c_row + j;
            if (j + 4 <= n) {
                if (start == MR_GEMM_ADD) s += LOAD4(target);
                if (start == MR_GEMM_BIAS) s += LOAD4(bias + j);
                STORE4(target, s);
            } else {
                for (size_t q = 0; j + q < n; q++)
                    target[q] = s[q] + (start == MR_GEMM_ADD ? target[q] : start == MR_GEMM_BIAS ? bias[j + q] : 0);
            }
        }
    }
}

static void NAME(few_rows)(
    size_t m, size_t n, size_t k, const T *a, ptrdiff_t a_row, const T *b, ptrdiff_t b_column, T *c, ptrdiff_t c_row,
    mr_gemm_start start, const T *bias) {
    switch (m) {
    case 1: NAME(dots)(1, n, k, a, a_row, b, b_column, c, c_row, start, bias); break;
    case 2: NAME(dots)(2, n, k, a, a_row, b, b_column, c, c_row, start, bias); break;
    case 3: NAME(dots)(3, n, k, a, a_row, b, b_column, c, c_row, start, bias); break;
    default: NAME(dots)(4, n, k, a, a_row, b, b_column, c, c_row, start, bias); break;
    }
}

#define ENTRY(kind, rows) { NAME(kind##_##rows##_1), NAME(kind##_##rows##_2) }
static const KERNELS NAME(kernels) = {
    .rows = ROWS,
    .lanes = LANES,
    .pack = NAME(pack),
    .few_rows = NAME(few_rows),
#if ROWS == 12
    .packed = {ENTRY(packed, 1), ENTRY(packed, 2), ENTRY(packed, 3), ENTRY(packed, 4), ENTRY(packed, 5),
               ENTRY(packed, 6), ENTRY(packed, 7), ENTRY(packed, 8), ENTRY(packed, 9), ENTRY(packed, 10),
               ENTRY(packed, 11), ENTRY(packed, 12)},
    .strided = {ENTRY(strided, 1), ENTRY(strided, 2), ENTRY(strided, 3), ENTRY(strided, 4), ENTRY(strided, 5),
                ENTRY(strided, 6), ENTRY(strided, 7), ENTRY(strided, 8), ENTRY(strided, 9), ENTRY(strided, 10),
                ENTRY(strided, 11), ENTRY(strided, 12)},
#elif ROWS == 6
    .packed = {ENTRY(packed, 1), ENTRY(packed, 2), ENTRY(packed, 3), ENTRY(packed, 4), ENTRY(packed, 5),
               ENTRY(packed, 6)},
    .strided = {ENTRY(strided, 1), ENTRY(strided, 2), ENTRY(strided, 3), ENTRY(strided, 4), ENTRY(strided, 5),
                ENTRY(strided, 6)},
#else
    .packed = {ENTRY(packed, 1), ENTRY(packed, 2), ENTRY(packed, 3), ENTRY(packed, 4)},
    .strided = {ENTRY(strided, 1), ENTRY(strided, 2), ENTRY(strided, 3), ENTRY(strided, 4)},
#endif
};

#undef ENTRY
#undef FOLD
#undef TILES
#undef TILE
#undef STORE4
#undef LOAD4
#undef STORE
#undef LOAD

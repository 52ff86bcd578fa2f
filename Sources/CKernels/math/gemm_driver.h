// The part of the matrix product that does not depend on the instruction set, for one element type.
// Included with: T, KERNELS, DRIVER(x) (adds the type's suffix).

typedef void (*DRIVER(tile_function))(
    size_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column, const T *b, ptrdiff_t b_row, T *c, ptrdiff_t c_row,
    mr_gemm_start start, const T *bias);

typedef struct {
    size_t rows, lanes;
    void (*pack)(
        size_t width, size_t full, size_t depth, const T *source, ptrdiff_t along_width, ptrdiff_t along_depth,
        T *panel);
    void (*few_rows)(
        size_t m, size_t n, size_t k, const T *a, ptrdiff_t a_row, const T *b, ptrdiff_t b_column, T *c,
        ptrdiff_t c_row, mr_gemm_start start, const T *bias);
    // By number of rows - 1 and of vectors - 1. Packed: panels of `rows` and of 2 · `lanes`.
    DRIVER(tile_function) packed[12][2], strided[12][2];
} KERNELS;

typedef struct {
    size_t m, n, k;
    const T *a;
    ptrdiff_t a_row, a_column;
    const T *b;
    ptrdiff_t b_row, b_column;
    T *c;
    ptrdiff_t c_row;
    mr_gemm_start start;
    const T *bias;
    const KERNELS *kernels;
} DRIVER(product);

// Multiplies a block of rows of a (packed or not) by one panel of at most 2 · lanes columns of b.
static inline void DRIVER(panel_product)(
    const KERNELS *kernels, size_t m, size_t n, size_t k, const T *a, ptrdiff_t a_row, ptrdiff_t a_column,
    int a_is_packed, const T *b, ptrdiff_t b_row, int b_is_packed, T *c, ptrdiff_t c_row, mr_gemm_start start,
    const T *bias) {
    size_t rows = kernels->rows, lanes = kernels->lanes;
    int vectors = n > lanes ? 2 : 1;
    int whole = n == lanes || n == 2 * lanes;
    T edge[12 * 32] __attribute__((aligned(64)));
    T edge_bias[32] __attribute__((aligned(64)));
    ptrdiff_t edge_row = (ptrdiff_t)(2 * lanes);
    if (!whole && start == MR_GEMM_BIAS)
        for (size_t j = 0; j < 2 * lanes; j++) edge_bias[j] = j < n ? bias[j] : 0;
    for (size_t i = 0; i < m; i += rows) {
        size_t tile_rows = m - i < rows ? m - i : rows;
        const T *tile_a = a_is_packed ? a + i * k : a + (ptrdiff_t)i * a_row;
        DRIVER(tile_function) tile = a_is_packed && b_is_packed ? kernels->packed[tile_rows - 1][vectors - 1]
                                                                : kernels->strided[tile_rows - 1][vectors - 1];
        ptrdiff_t row = a_is_packed ? 1 : a_row, column = a_is_packed ? (ptrdiff_t)rows : a_column;
        T *target = c + (ptrdiff_t)i * c_row;
        if (whole) {
            tile(k, tile_a, row, column, b, b_row, target, c_row, start, bias);
            continue;
        }
        if (start == MR_GEMM_ADD)
            for (size_t r = 0; r < tile_rows; r++)
                for (size_t j = 0; j < 2 * lanes; j++) edge[r * 2 * lanes + j] = j < n ? target[(ptrdiff_t)r * c_row + j] : 0;
        tile(k, tile_a, row, column, b, b_row, edge, edge_row, start, edge_bias);
        for (size_t r = 0; r < tile_rows; r++)
            for (size_t j = 0; j < n; j++) target[(ptrdiff_t)r * c_row + j] = edge[r * 2 * lanes + j];
    }
}

// One thread's product, in blocks: of a DEPTH·BLOCK_ROWS that stays in the second-level cache, of b DEPTH·2·lanes
// that stays in the first.
static void DRIVER(multiply)(const DRIVER(product) *x) {
    const KERNELS *kernels = x->kernels;
    size_t panel = 2 * kernels->lanes;
    if (x->m <= 4 && x->a_column == 1 && x->b_row == 1 && x->k >= 4) {
        kernels->few_rows(
            x->m, x->n, x->k, x->a, x->a_row, x->b, x->b_column, x->c, x->c_row, x->start, x->bias);
        return;
    }
    size_t depth = x->k < DEPTH ? x->k : DEPTH;
    size_t block_rows = BLOCK_ROWS / kernels->rows * kernels->rows;
    size_t columns = x->n < BLOCK_COLUMNS ? x->n : BLOCK_COLUMNS;
    // Packing pays when the cache would not hold the operand, or its rows are not contiguous.
    int pack_b = x->b_column != 1 || (x->m > 2 * kernels->rows && depth * columns * sizeof(T) > UNPACKED_BYTES);
    int pack_a = pack_b && x->n > panel && x->m * depth * sizeof(T) > UNPACKED_BYTES;
    size_t b_size = (columns + panel - 1) / panel * panel * depth;
    size_t a_rows = x->m < block_rows ? x->m : block_rows;
    size_t a_size = pack_a ? (a_rows + kernels->rows - 1) / kernels->rows * kernels->rows * depth : 0;
    if (!pack_b) b_size = panel * depth;
    T *scratch = mr_allocate((a_size + b_size) * sizeof(T));
    T *packed_a = scratch, *packed_b = scratch + a_size;
    for (size_t j0 = 0; j0 < x->n; j0 += columns) {
        size_t n = x->n - j0 < columns ? x->n - j0 : columns;
        for (size_t p0 = 0; p0 < x->k; p0 += depth) {
            size_t k = x->k - p0 < depth ? x->k - p0 : depth;
            const T *b = x->b + (ptrdiff_t)p0 * x->b_row + (ptrdiff_t)j0 * x->b_column;
            mr_gemm_start start = p0 == 0 ? x->start : MR_GEMM_ADD;
            if (pack_b)
                for (size_t j = 0; j < n; j += panel)
                    kernels->pack(
                        n - j < panel ? n - j : panel, panel, k, b + (ptrdiff_t)j * x->b_column, x->b_column, x->b_row,
                        packed_b + j * k);
            for (size_t i0 = 0; i0 < x->m; i0 += block_rows) {
                size_t m = x->m - i0 < block_rows ? x->m - i0 : block_rows;
                const T *a = x->a + (ptrdiff_t)i0 * x->a_row + (ptrdiff_t)p0 * x->a_column;
                if (pack_a)
                    for (size_t i = 0; i < m; i += kernels->rows)
                        kernels->pack(
                            m - i < kernels->rows ? m - i : kernels->rows, kernels->rows, k,
                            a + (ptrdiff_t)i * x->a_row, x->a_row, x->a_column, packed_a + i * k);
                for (size_t j = 0; j < n; j += panel) {
                    size_t width = n - j < panel ? n - j : panel;
                    const T *panel_b = packed_b + j * k;
                    ptrdiff_t b_row = (ptrdiff_t)panel;
                    if (!pack_b) {
                        panel_b = b + (ptrdiff_t)j;
                        b_row = x->b_row;
                        // A tile loads whole vectors: the last columns are copied where there is room for them.
                        if (width != panel && width != kernels->lanes) {
                            kernels->pack(width, panel, k, panel_b, 1, x->b_row, packed_b);
                            panel_b = packed_b;
                            b_row = (ptrdiff_t)panel;
                        }
                    }
                    DRIVER(panel_product)(
                        kernels, m, width, k, pack_a ? packed_a : a, x->a_row, x->a_column, pack_a, panel_b, b_row,
                        pack_b, x->c + (ptrdiff_t)i0 * x->c_row + (ptrdiff_t)(j0 + j), x->c_row, start,
                        x->bias ? x->bias + j0 + j : 0);
                }
            }
        }
    }
    mr_deallocate(scratch, (a_size + b_size) * sizeof(T));
}

typedef struct {
    const DRIVER(product) *whole;
    size_t part_length;
    int split_columns;
} DRIVER(split);

static void DRIVER(part)(void *context, size_t index) {
    const DRIVER(split) *split = context;
    DRIVER(product) x = *split->whole;
    size_t length = split->split_columns ? x.n : x.m;
    size_t first = index * split->part_length;
    if (first >= length) return;
    size_t count = length - first < split->part_length ? length - first : split->part_length;
    if (split->split_columns) {
        x.n = count;
        x.b += (ptrdiff_t)first * x.b_column;
        x.c += first;
        if (x.bias) x.bias += first;
    } else {
        x.m = count;
        x.a += (ptrdiff_t)first * x.a_row;
        x.c += (ptrdiff_t)first * x.c_row;
    }
    DRIVER(multiply)(&x);
}

static void DRIVER(gemm)(const DRIVER(product) *x) {
    if (x->m == 0 || x->n == 0) return;
    if (x->k == 0) {
        for (size_t i = 0; i < x->m && x->start != MR_GEMM_ADD; i++)
            for (size_t j = 0; j < x->n; j++)
                x->c[(ptrdiff_t)i * x->c_row + j] = x->start == MR_GEMM_BIAS ? x->bias[j] : 0;
        return;
    }
    // A column is the row of the transposed product, whose operand's rows are read as they lie.
    DRIVER(product) turned = {1, x->m, x->k, x->b, x->b_column, x->b_row, x->a, x->a_column, x->a_row,
                              x->c, (ptrdiff_t)x->m, x->start, 0, x->kernels};
    if (x->n == 1 && x->m > 1 && x->c_row == 1 && x->start != MR_GEMM_BIAS) x = &turned;
    size_t threads = x->m * x->n * x->k >= PARALLEL_PRODUCTS ? (size_t)mr_thread_count() : 1;
    if (threads == 1) {
        DRIVER(multiply)(x);
        return;
    }
    DRIVER(split) split = {x, 0, x->n >= x->m};
    size_t length = split.split_columns ? x->n : x->m;
    size_t unit = split.split_columns ? 2 * x->kernels->lanes : x->kernels->rows;
    split.part_length = ((length + threads - 1) / threads + unit - 1) / unit * unit;
    mr_parallel(threads, DRIVER(part), &split);
}

typedef struct {
    DRIVER(product) first;
    const ptrdiff_t *a_offsets, *b_offsets;
    size_t count, part_count;
} DRIVER(batch);

static void DRIVER(batch_part)(void *context, size_t index) {
    const DRIVER(batch) *batch = context;
    size_t per_part = (batch->count + batch->part_count - 1) / batch->part_count;
    size_t end = (index + 1) * per_part < batch->count ? (index + 1) * per_part : batch->count;
    for (size_t i = index * per_part; i < end; i++) {
        DRIVER(product) x = batch->first;
        x.a += batch->a_offsets[i];
        x.b += batch->b_offsets[i];
        x.c += i * x.m * x.n;
        // Within a part of a parallel job this runs on one thread.
        DRIVER(gemm)(&x);
    }
}

static void DRIVER(gemm_batch)(DRIVER(batch) *batch) {
    size_t work = batch->count * batch->first.m * batch->first.n * batch->first.k;
    size_t threads = work >= PARALLEL_PRODUCTS ? (size_t)mr_thread_count() : 1;
    batch->part_count = batch->count >= threads ? threads : 1;
    if (batch->part_count == 1) DRIVER(batch_part)(batch, 0);
    else mr_parallel(batch->part_count, DRIVER(batch_part), batch);
}

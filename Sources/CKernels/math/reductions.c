#include "reductions.h"

#include <math.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"
#include "vector_table.h"

#define PARALLEL_ELEMENTS ((size_t)1 << 16)
// Rows summed in one go before they join the total: bounds the rounding error of tall sums.
#define ROW_BLOCK 64

// Calls `body(context, first, end)` for ranges of rows, on several threads where there is enough to do.
typedef struct {
    void (*body)(void *context, size_t first, size_t end);
    void *context;
    size_t rows, per_part;
} row_job;

static void row_part(void *context, size_t index) {
    row_job *job = context;
    size_t first = index * job->per_part, end = first + job->per_part;
    if (first < job->rows) job->body(job->context, first, end < job->rows ? end : job->rows);
}

static void for_rows(
    size_t rows, size_t elements, void (*body)(void *context, size_t first, size_t end), void *context) {
    size_t threads = elements >= PARALLEL_ELEMENTS ? (size_t)mr_thread_count() : 1;
    if (threads > rows) threads = rows;
    if (threads <= 1) {
        body(context, 0, rows);
        return;
    }
    row_job job = {body, context, rows, (rows + threads - 1) / threads};
    mr_parallel(threads, row_part, &job);
}

#define REDUCTIONS(T, SUFFIX) \
    typedef struct { \
        mr_reduction reduction; \
        size_t count, inner; \
        const T *x; \
        T *out; \
    } reduce_job_##SUFFIX; \
    static T reduce_row_##SUFFIX(mr_reduction reduction, size_t n, const T *x) { \
        switch (reduction) { \
        case MR_SUM: return (T)mr_vector_##SUFFIX()->sum(n, x); \
        case MR_SUM_OF_SQUARES: return (T)mr_vector_##SUFFIX()->sum_of_squares(n, x); \
        case MR_PRODUCT: return mr_vector_##SUFFIX()->product(n, x); \
        case MR_REDUCE_MAXIMUM: return mr_vector_##SUFFIX()->largest(n, x); \
        default: return mr_vector_##SUFFIX()->smallest(n, x); \
        } \
    } \
    static void reduce_rows_##SUFFIX(void *context, size_t first, size_t end) { \
        reduce_job_##SUFFIX *job = context; \
        for (size_t o = first; o < end; o++) \
            job->out[o] = reduce_row_##SUFFIX(job->reduction, job->count, job->x + o * job->count); \
    } \
    /* Sums columns [first, end) of each block of count × inner. */ \
    static void reduce_columns_##SUFFIX(void *context, size_t first, size_t end) { \
        reduce_job_##SUFFIX *job = context; \
        const mr_table_##SUFFIX *table = mr_vector_##SUFFIX(); \
        void (*add)(size_t, const T *, T *) = job->reduction == MR_SUM ? table->add_row : table->add_squared_row; \
        size_t width = end - first; \
        T *sums = job->out + first; \
        memset(sums, 0, width * sizeof(T)); \
        T part[256]; \
        double totals[256]; \
        for (size_t column = 0; column < width; column += 256) { \
            size_t piece = width - column < 256 ? width - column : 256; \
            for (size_t i = 0; i < piece; i++) totals[i] = 0; \
            for (size_t row = 0; row < job->count; row += ROW_BLOCK) { \
                size_t rows = job->count - row < ROW_BLOCK ? job->count - row : ROW_BLOCK; \
                const T *x = job->x + row * job->inner + first + column; \
                T *target = job->count <= ROW_BLOCK ? sums + column : part; \
                if (target == part) memset(part, 0, piece * sizeof(T)); \
                for (size_t r = 0; r < rows; r++) add(piece, x + r * job->inner, target); \
                for (size_t i = 0; i < piece && target == part; i++) totals[i] += part[i]; \
            } \
            for (size_t i = 0; i < piece && job->count > ROW_BLOCK; i++) sums[column + i] = (T)totals[i]; \
        } \
    } \
    void mr_reduce_##SUFFIX( \
        mr_reduction reduction, size_t outer, size_t count, size_t inner, const T *x, T *out) { \
        reduce_job_##SUFFIX job = {reduction, count, inner, x, out}; \
        if (inner == 1) { \
            /* One long row is summed in parts. */ \
            size_t threads = outer == 1 && count >= 4 * PARALLEL_ELEMENTS ? (size_t)mr_thread_count() : 1; \
            if (threads > 1) { \
                T parts[64]; \
                reduce_job_##SUFFIX split = {reduction, count / threads, 1, x, parts}; \
                for_rows(threads, count, reduce_rows_##SUFFIX, &split); \
                size_t done = count / threads * threads; \
                size_t part_count = threads; \
                mr_reduction join = reduction == MR_SUM_OF_SQUARES ? MR_SUM : reduction; \
                T rest = reduce_row_##SUFFIX(reduction, count - done, x + done); \
                T both[2] = {reduce_row_##SUFFIX(join, part_count, parts), rest}; \
                *out = reduce_row_##SUFFIX(join, 2, both); \
                return; \
            } \
            for_rows(outer, outer * count, reduce_rows_##SUFFIX, &job); \
            return; \
        } \
        for (size_t o = 0; o < outer; o++) { \
            if (reduction == MR_SUM || reduction == MR_SUM_OF_SQUARES) { \
                for_rows(inner, count * inner, reduce_columns_##SUFFIX, &job); \
            } else { \
                mr_operation operation = reduction == MR_PRODUCT ? MR_MULTIPLY \
                                         : reduction == MR_REDUCE_MAXIMUM ? MR_MAXIMUM : MR_MINIMUM; \
                T empty = reduction == MR_PRODUCT ? 1 : (T)(reduction == MR_REDUCE_MAXIMUM ? -INFINITY : INFINITY); \
                for (size_t i = 0; i < inner; i++) job.out[i] = empty; \
                for (size_t r = 0; r < count; r++) \
                    mr_vector_##SUFFIX()->loops[operation](inner, job.x + r * inner, 1, job.out, 1, job.out, 1); \
            } \
            job.x += count * inner; \
            job.out += inner; \
        } \
    } \
    typedef struct { \
        int smallest; \
        size_t count, inner; \
        const T *x; \
        int64_t *out; \
    } arg_job_##SUFFIX; \
    /* First the extreme, which vectors find, then its first place. */ \
    static void arg_rows_##SUFFIX(void *context, size_t first, size_t end) { \
        arg_job_##SUFFIX *job = context; \
        const mr_table_##SUFFIX *table = mr_vector_##SUFFIX(); \
        for (size_t o = first; o < end; o++) { \
            const T *row = job->x + o * job->count; \
            T best = job->smallest ? table->smallest(job->count, row) : table->largest(job->count, row); \
            job->out[o] = (int64_t)table->first_place(job->count, row, best); \
        } \
    } \
    static void arg_columns_##SUFFIX(void *context, size_t first, size_t end) { \
        arg_job_##SUFFIX *job = context; \
        size_t inner = job->inner; \
        for (size_t o = first; o < end; o++) { \
            const T *block = job->x + o * job->count * inner; \
            int64_t *best = job->out + o * inner; \
            memset(best, 0, inner * sizeof(int64_t)); \
            for (size_t r = 1; r < job->count; r++) { \
                const T *row = block + r * inner; \
                for (size_t i = 0; i < inner; i++) { \
                    T value = row[i], held = block[(size_t)best[i] * inner + i]; \
                    int better = job->smallest ? value < held : value > held; \
                    if (held == held && (better || value != value)) best[i] = (int64_t)r; \
                } \
            } \
        } \
    } \
    void mr_arg_##SUFFIX(int smallest, size_t outer, size_t count, size_t inner, const T *x, int64_t *out) { \
        arg_job_##SUFFIX job = {smallest, count, inner, x, out}; \
        for_rows(outer, outer * count * inner, inner == 1 ? arg_rows_##SUFFIX : arg_columns_##SUFFIX, &job); \
    } \
    typedef struct { \
        int logarithm; \
        size_t count; \
        const T *x, *y; \
        T *out; \
    } softmax_job_##SUFFIX; \
    static void softmax_rows_##SUFFIX(void *context, size_t first, size_t end) { \
        softmax_job_##SUFFIX *job = context; \
        for (size_t r = first; r < end; r++) \
            mr_vector_##SUFFIX()->softmax( \
                job->logarithm, job->count, job->x + r * job->count, job->out + r * job->count); \
    } \
    static void softmax_slope_rows_##SUFFIX(void *context, size_t first, size_t end) { \
        softmax_job_##SUFFIX *job = context; \
        for (size_t r = first; r < end; r++) \
            mr_vector_##SUFFIX()->softmax_slope( \
                job->logarithm, job->count, job->x + r * job->count, job->y + r * job->count, \
                job->out + r * job->count); \
    } \
    void mr_softmax_##SUFFIX(int logarithm, size_t rows, size_t count, const T *x, T *out) { \
        softmax_job_##SUFFIX job = {logarithm, count, x, 0, out}; \
        for_rows(rows, rows * count * 4, softmax_rows_##SUFFIX, &job); \
    } \
    void mr_softmax_slope_##SUFFIX( \
        int logarithm, size_t rows, size_t count, const T *gradient, const T *y, T *out) { \
        softmax_job_##SUFFIX job = {logarithm, count, gradient, y, out}; \
        for_rows(rows, rows * count * 4, softmax_slope_rows_##SUFFIX, &job); \
    } \
    ptrdiff_t mr_cross_entropy_##SUFFIX( \
        size_t rows, size_t count, const T *x, const int64_t *targets, int64_t ignored, T *losses, T *softmax) { \
        const mr_table_##SUFFIX *table = mr_vector_##SUFFIX(); \
        for (size_t r = 0; r < rows; r++) \
            if (targets[r] != ignored && (targets[r] < 0 || targets[r] >= (int64_t)count)) return (ptrdiff_t)r; \
        for (size_t r = 0; r < rows; r++) { \
            const T *row = x + r * count; \
            T *out = softmax + r * count; \
            T largest; \
            double sum = table->exp_row(count, row, out, &largest); \
            table->scale_row(count, (T)(1 / sum), out); \
            losses[r] = \
                targets[r] == ignored ? 0 : (T)(log(sum) + (double)largest - (double)row[targets[r]]); \
        } \
        return -1; \
    } \
    void mr_cross_entropy_slope_##SUFFIX( \
        size_t rows, size_t count, const T *softmax, const int64_t *targets, int64_t ignored, const T *scale, \
        ptrdiff_t scale_stride, T *out) { \
        mr_loop_##SUFFIX multiply = mr_vector_##SUFFIX()->loops[MR_MULTIPLY]; \
        for (size_t r = 0; r < rows; r++) { \
            const T *row = softmax + r * count; \
            T *target = out + r * count; \
            if (targets[r] == ignored) { \
                memset(target, 0, count * sizeof(T)); \
                continue; \
            } \
            T factor = scale[(ptrdiff_t)r * scale_stride]; \
            multiply(count, row, 1, &factor, 0, target, 1); \
            target[targets[r]] = (row[targets[r]] - 1) * factor; \
        } \
    } \
    typedef struct { \
        size_t count; \
        const T *gradient, *x, *weight, *bias; \
        double epsilon; \
        T *out, *means, *scales; \
    } norm_job_##SUFFIX; \
    static void norm_rows_##SUFFIX(void *context, size_t first, size_t end) { \
        norm_job_##SUFFIX *job = context; \
        for (size_t r = first; r < end; r++) \
            mr_vector_##SUFFIX()->layer_norm( \
                job->count, job->x + r * job->count, job->weight, job->bias, job->epsilon, \
                job->out + r * job->count, job->means + r, job->scales + r); \
    } \
    void mr_layer_norm_##SUFFIX( \
        size_t rows, size_t count, const T *x, const T *weight, const T *bias, double epsilon, T *out, T *means, \
        T *scales) { \
        norm_job_##SUFFIX job = {count, 0, x, weight, bias, epsilon, out, means, scales}; \
        for_rows(rows, rows * count * 2, norm_rows_##SUFFIX, &job); \
    } \
    void mr_layer_norm_slope_##SUFFIX( \
        size_t rows, size_t count, const T *gradient, const T *x, const T *weight, const T *means, const T *scales, \
        T *x_out, T *weight_out, T *bias_out) { \
        if (weight_out) memset(weight_out, 0, count * sizeof(T)); \
        if (bias_out) memset(bias_out, 0, count * sizeof(T)); \
        for (size_t r = 0; r < rows; r++) \
            mr_vector_##SUFFIX()->layer_norm_slope( \
                count, gradient + r * count, x + r * count, weight, means[r], scales[r], \
                x_out ? x_out + r * count : 0, weight_out, bias_out); \
    }
REDUCTIONS(float, f32)
REDUCTIONS(double, f64)

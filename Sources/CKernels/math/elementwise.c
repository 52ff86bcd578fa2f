#include "elementwise.h"

#include <string.h>

#include "nest.h"
#include "parallel.h"
#include "vector_table.h"

// One job of a nest that is split along its outermost axis.
typedef struct {
    nest nest;
    size_t part_length;
    const void *x, *y, *condition;
    void *out;
    size_t width, out_width;
    const void *loop;
} job;

static void run(job *j, void (*part)(void *, size_t)) {
    size_t count = nest_count(&j->nest);
    size_t threads = count >= PARALLEL_ELEMENTS ? (size_t)mr_thread_count() : 1;
    size_t outer = (size_t)j->nest.shape[0];
    if (threads > outer) threads = outer;
    j->part_length = (outer + threads - 1) / threads;
    if (threads == 1) part(j, 0);
    else mr_parallel(threads, part, j);
}

// The nest of part `index`, and where it begins along the outermost axis.
static int part_nest(const job *j, size_t index, nest *part, ptrdiff_t *first) {
    *part = j->nest;
    *first = (ptrdiff_t)(index * j->part_length);
    ptrdiff_t rest = j->nest.shape[0] - *first;
    if (rest <= 0) return 0;
    part->shape[0] = rest < (ptrdiff_t)j->part_length ? rest : (ptrdiff_t)j->part_length;
    return 1;
}

#define APPLY(T, SUFFIX) \
    static void apply_part_##SUFFIX(void *context, size_t index) { \
        job *j = context; \
        nest n; \
        ptrdiff_t first; \
        if (!part_nest(j, index, &n, &first)) return; \
        mr_loop_##SUFFIX loop = *(const mr_loop_##SUFFIX *)j->loop; \
        const T *x = (const T *)j->x + first * n.strides[0][0], *y = (const T *)j->y + first * n.strides[1][0]; \
        char *out = (char *)j->out + first * n.strides[2][0] * (ptrdiff_t)j->out_width; \
        size_t inner = n.rank - 1; \
        nest_cursor c; \
        start_cursor(&n, &c); \
        do { \
            loop((size_t)n.shape[inner], x + c.position[0], n.strides[0][inner], y + c.position[1], \
                 n.strides[1][inner], out + c.position[2] * (ptrdiff_t)j->out_width, n.strides[2][inner]); \
        } while (advance_cursor(&n, &c)); \
    } \
    void mr_apply_##SUFFIX( \
        mr_operation operation, size_t rank, const ptrdiff_t *shape, const T *x, const ptrdiff_t *x_strides, \
        const T *y, const ptrdiff_t *y_strides, void *out, const ptrdiff_t *out_strides) { \
        job j = {.x = x, .y = y, .out = out, .loop = &mr_vector_##SUFFIX()->loops[operation]}; \
        j.out_width = operation >= MR_EQUAL && operation <= MR_GREATER_EQUAL ? 1 : sizeof(T); \
        const ptrdiff_t *strides[] = {x_strides, y_strides, out_strides}; \
        if (make_nest(&j.nest, rank, shape, 3, strides)) run(&j, apply_part_##SUFFIX); \
    } \
    void mr_apply_packed_##SUFFIX( \
        mr_operation operation, size_t count, const T *x, const T *y, ptrdiff_t y_stride, void *out) { \
        if (count < PARALLEL_ELEMENTS) { \
            mr_vector_##SUFFIX()->loops[operation](count, x, 1, y, y_stride, out, 1); \
            return; \
        } \
        ptrdiff_t shape = (ptrdiff_t)count, one = 1; \
        mr_apply_##SUFFIX(operation, 1, &shape, x, &one, y, &y_stride, out, &one); \
    }
APPLY(float, f32)
APPLY(double, f64)

static inline int64_t integer_result(mr_operation operation, int64_t x, int64_t y) {
    switch (operation) {
    case MR_ADD: return (int64_t)((uint64_t)x + (uint64_t)y);
    case MR_SUBTRACT: return (int64_t)((uint64_t)x - (uint64_t)y);
    case MR_MULTIPLY: return (int64_t)((uint64_t)x * (uint64_t)y);
    case MR_DIVIDE: return y == 0 ? 0 : y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
    case MR_MAXIMUM: return x > y ? x : y;
    case MR_MINIMUM: return x < y ? x : y;
    case MR_EQUAL: return x == y;
    case MR_NOT_EQUAL: return x != y;
    case MR_LESS: return x < y;
    case MR_LESS_EQUAL: return x <= y;
    case MR_GREATER: return x > y;
    case MR_GREATER_EQUAL: return x >= y;
    case MR_NEGATE: return (int64_t)(0 - (uint64_t)x);
    case MR_ABS: return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    case MR_SIGN: return (x > 0) - (x < 0);
    default: return 0;
    }
}

void mr_apply_i64(
    mr_operation operation, size_t rank, const ptrdiff_t *shape, const int64_t *x, const ptrdiff_t *x_strides,
    const int64_t *y, const ptrdiff_t *y_strides, void *out, const ptrdiff_t *out_strides) {
    nest n;
    const ptrdiff_t *strides[] = {x_strides, y_strides, out_strides};
    if (!make_nest(&n, rank, shape, 3, strides)) return;
    int is_comparison = operation >= MR_EQUAL && operation <= MR_GREATER_EQUAL;
    size_t inner = n.rank - 1;
    nest_cursor c;
    start_cursor(&n, &c);
    do {
        for (ptrdiff_t i = 0; i < n.shape[inner]; i++) {
            int64_t value = integer_result(
                operation, x[c.position[0] + i * n.strides[0][inner]], y[c.position[1] + i * n.strides[1][inner]]);
            ptrdiff_t at = c.position[2] + i * n.strides[2][inner];
            if (is_comparison) ((uint8_t *)out)[at] = (uint8_t)value;
            else ((int64_t *)out)[at] = value;
        }
    } while (advance_cursor(&n, &c));
}

typedef struct {
    uint64_t half[2];
} wide;

#define BY_WIDTH(width, ACTION) \
    switch (width) { \
    case 1: ACTION(uint8_t) break; \
    case 2: ACTION(uint16_t) break; \
    case 4: ACTION(uint32_t) break; \
    case 8: ACTION(uint64_t) break; \
    default: ACTION(wide) break; \
    }

void mr_where(
    size_t width, size_t rank, const ptrdiff_t *shape, const uint8_t *condition, const ptrdiff_t *condition_strides,
    const void *x, const ptrdiff_t *x_strides, const void *y, const ptrdiff_t *y_strides, void *out,
    const ptrdiff_t *out_strides) {
    nest n;
    const ptrdiff_t *strides[] = {condition_strides, x_strides, y_strides, out_strides};
    if (!make_nest(&n, rank, shape, 4, strides)) return;
    size_t inner = n.rank - 1;
    ptrdiff_t cs = n.strides[0][inner], xs = n.strides[1][inner], ys = n.strides[2][inner], os = n.strides[3][inner];
    nest_cursor c;
    start_cursor(&n, &c);
    do {
        const uint8_t *chosen = condition + c.position[0];
#define CHOOSE(U) \
        { \
            const U *xp = (const U *)x + c.position[1], *yp = (const U *)y + c.position[2]; \
            U *op = (U *)out + c.position[3]; \
            for (ptrdiff_t i = 0; i < n.shape[inner]; i++) op[i * os] = chosen[i * cs] ? xp[i * xs] : yp[i * ys]; \
        }
        BY_WIDTH(width, CHOOSE)
#undef CHOOSE
    } while (advance_cursor(&n, &c));
}

static void copy_part(void *context, size_t index) {
    job *j = context;
    nest n;
    ptrdiff_t first;
    if (!part_nest(j, index, &n, &first)) return;
    ptrdiff_t width = (ptrdiff_t)j->width;
    const char *source = (const char *)j->x + first * n.strides[0][0] * width;
    char *target = (char *)j->out + first * n.strides[1][0] * width;
    size_t inner = n.rank - 1;
    ptrdiff_t from = n.strides[0][inner], to = n.strides[1][inner], count = n.shape[inner];
    nest_cursor c;
    start_cursor(&n, &c);
    do {
        const char *s = source + c.position[0] * width;
        char *t = target + c.position[1] * width;
        if (from == 1 && to == 1) {
            memcpy(t, s, (size_t)(count * width));
            continue;
        }
#define COPY(U) for (ptrdiff_t i = 0; i < count; i++) ((U *)t)[i * to] = ((const U *)s)[i * from];
        BY_WIDTH(j->width, COPY)
#undef COPY
    } while (advance_cursor(&n, &c));
}

void mr_copy(
    size_t width, size_t rank, const ptrdiff_t *shape, const void *source, const ptrdiff_t *source_strides,
    void *target, const ptrdiff_t *target_strides) {
    job j = {.x = source, .out = target, .width = width};
    const ptrdiff_t *strides[] = {source_strides, target_strides};
    if (make_nest(&j.nest, rank, shape, 2, strides)) run(&j, copy_part);
}

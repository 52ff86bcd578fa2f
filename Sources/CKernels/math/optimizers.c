#include "optimizers.h"

#include "parallel.h"
#include "vector_table.h"

// Parameters of one part: three to five arrays of them fit the second-level cache, and a part is worth a thread.
#define PART ((size_t)1 << 15)

typedef enum { SGD, ADAM, RMSPROP } rule;

typedef struct {
    rule rule;
    const void *options, *gradient;
    void *parameter, *state[3];
    size_t count, width;
} update;

static void *at(const void *array, size_t bytes) { return array ? (char *)array + bytes : 0; }

#define UPDATES(T, SUFFIX) \
    static void update_part_##SUFFIX(void *context, size_t index) { \
        update *u = context; \
        size_t first = index * PART, offset = first * sizeof(T); \
        size_t n = u->count - first < PART ? u->count - first : PART; \
        const mr_table_##SUFFIX *table = mr_vector_##SUFFIX(); \
        T *p = at(u->parameter, offset); \
        const T *g = at(u->gradient, offset); \
        T *s0 = at(u->state[0], offset), *s1 = at(u->state[1], offset), *s2 = at(u->state[2], offset); \
        switch (u->rule) { \
        case SGD: table->sgd(u->options, n, p, g, s0); break; \
        case ADAM: table->adam(u->options, n, p, g, s0, s1, s2); break; \
        case RMSPROP: table->rmsprop(u->options, n, p, g, s0, s1, s2); break; \
        } \
    } \
    void mr_sgd_##SUFFIX(const mr_sgd_options *o, size_t count, T *parameter, const T *gradient, T *momentum) { \
        update u = {SGD, o, gradient, parameter, {momentum, 0, 0}, count, sizeof(T)}; \
        mr_parallel((count + PART - 1) / PART, update_part_##SUFFIX, &u); \
    } \
    void mr_adam_##SUFFIX( \
        const mr_adam_options *o, size_t count, T *parameter, const T *gradient, T *average, T *square_average, \
        T *maximum) { \
        update u = {ADAM, o, gradient, parameter, {average, square_average, maximum}, count, sizeof(T)}; \
        mr_parallel((count + PART - 1) / PART, update_part_##SUFFIX, &u); \
    } \
    void mr_rmsprop_##SUFFIX( \
        const mr_rmsprop_options *o, size_t count, T *parameter, const T *gradient, T *square_average, T *momentum, \
        T *average) { \
        update u = {RMSPROP, o, gradient, parameter, {square_average, momentum, average}, count, sizeof(T)}; \
        mr_parallel((count + PART - 1) / PART, update_part_##SUFFIX, &u); \
    }
UPDATES(float, f32)
UPDATES(double, f64)

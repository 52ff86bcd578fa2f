#include "normalization.h"

#include <math.h>

#include "parallel.h"
#include "vector_table.h"

// Elements from which a second thread pays.
#define PARALLEL_ELEMENTS ((size_t)1 << 15)

typedef struct {
    int follows;
    size_t count, channels, plane;
    const void *gradient, *x, *weight, *bias;
    void *means, *variances, *out, *weight_out, *bias_out;
    double epsilon;
} norm_job;

static void for_channels(norm_job *job, void (*body)(void *context, size_t channel)) {
    if (job->count * job->channels * job->plane >= PARALLEL_ELEMENTS) mr_parallel(job->channels, body, job);
    else
        for (size_t channel = 0; channel < job->channels; channel++) body(job, channel);
}

#define NORMALIZATION(T, SUFFIX) \
    static void statistics_of_##SUFFIX(void *context, size_t channel) { \
        const norm_job *j = context; \
        double sum = 0, squares = 0, n = (double)(j->count * j->plane); \
        for (size_t i = 0; i < j->count; i++) { \
            const T *x = (const T *)j->x + (i * j->channels + channel) * j->plane; \
            sum += mr_vector_##SUFFIX()->sum(j->plane, x); \
        } \
        T mean = (T)(sum / n); \
        for (size_t i = 0; i < j->count; i++) { \
            const T *x = (const T *)j->x + (i * j->channels + channel) * j->plane; \
            squares += mr_vector_##SUFFIX()->squared_distance(j->plane, x, mean); \
        } \
        ((T *)j->means)[channel] = mean; \
        ((T *)j->variances)[channel] = (T)(squares / n); \
    } \
    void mr_channel_statistics_##SUFFIX( \
        size_t count, size_t channels, size_t plane, const T *x, T *means, T *variances) { \
        norm_job j = {.count = count, .channels = channels, .plane = plane, .x = x, .means = means, .variances = variances}; \
        for_channels(&j, statistics_of_##SUFFIX); \
    } \
    static double scale_of_##SUFFIX(const norm_job *j, size_t channel) { \
        return 1 / sqrt((double)((const T *)j->variances)[channel] + j->epsilon); \
    } \
    static void batch_norm_of_##SUFFIX(void *context, size_t channel) { \
        const norm_job *j = context; \
        double factor = scale_of_##SUFFIX(j, channel) * (j->weight ? ((const T *)j->weight)[channel] : 1); \
        double mean = ((const T *)j->means)[channel]; \
        double shift = (j->bias ? (double)((const T *)j->bias)[channel] : 0) - mean * factor; \
        for (size_t i = 0; i < j->count; i++) { \
            size_t at = (i * j->channels + channel) * j->plane; \
            const T *x = (const T *)j->x + at; \
            mr_vector_##SUFFIX()->blend_rows(j->plane, (T)factor, x, 0, x, (T)shift, (T *)j->out + at); \
        } \
    } \
    void mr_batch_norm_##SUFFIX( \
        size_t count, size_t channels, size_t plane, const T *x, const T *means, const T *variances, double epsilon, \
        const T *weight, const T *bias, T *out) { \
        norm_job j = {.count = count, .channels = channels, .plane = plane, .x = x, .weight = weight, .bias = bias, \
                      .means = (T *)means, .variances = (T *)variances, .out = out, .epsilon = epsilon}; \
        for_channels(&j, batch_norm_of_##SUFFIX); \
    } \
    static void slope_of_##SUFFIX(void *context, size_t channel) { \
        const norm_job *j = context; \
        double scale = scale_of_##SUFFIX(j, channel), mean = ((const T *)j->means)[channel]; \
        double sum = 0, product = 0, n = (double)(j->count * j->plane); \
        for (size_t i = 0; i < j->count; i++) { \
            size_t at = (i * j->channels + channel) * j->plane; \
            const T *g = (const T *)j->gradient + at; \
            sum += mr_vector_##SUFFIX()->sum(j->plane, g); \
            product += mr_vector_##SUFFIX()->dot(j->plane, g, (const T *)j->x + at); \
        } \
        product -= mean * sum; \
        if (j->weight_out) ((T *)j->weight_out)[channel] = (T)(product * scale); \
        if (j->bias_out) ((T *)j->bias_out)[channel] = (T)sum; \
        if (!j->out) return; \
        double a = scale * (j->weight ? ((const T *)j->weight)[channel] : 1); \
        double b = j->follows ? -a * product * scale * scale / n : 0; \
        double shift = j->follows ? -a * sum / n - b * mean : 0; \
        for (size_t i = 0; i < j->count; i++) { \
            size_t at = (i * j->channels + channel) * j->plane; \
            mr_vector_##SUFFIX()->blend_rows( \
                j->plane, (T)a, (const T *)j->gradient + at, (T)b, (const T *)j->x + at, (T)shift, (T *)j->out + at); \
        } \
    } \
    void mr_batch_norm_slope_##SUFFIX( \
        int follows, size_t count, size_t channels, size_t plane, const T *gradient, const T *x, const T *means, \
        const T *variances, double epsilon, const T *weight, T *x_out, T *weight_out, T *bias_out) { \
        norm_job j = {.follows = follows, .count = count, .channels = channels, .plane = plane, .gradient = gradient, \
                      .x = x, .weight = weight, .means = (T *)means, .variances = (T *)variances, .out = x_out, \
                      .weight_out = weight_out, .bias_out = bias_out, .epsilon = epsilon}; \
        for_channels(&j, slope_of_##SUFFIX); \
    }
NORMALIZATION(float, f32)
NORMALIZATION(double, f64)

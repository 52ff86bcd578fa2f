#ifndef CKERNELS_OPTIMIZERS_H
#define CKERNELS_OPTIMIZERS_H

#include <stddef.h>

// Each updates `count` packed parameters in place, with the formulas of PyTorch's documentation and in its order.
// `maximize` negates the gradient. State arrays that an option does not use may be null.

typedef struct {
    double learning_rate, momentum, dampening, weight_decay;
    int nesterov, maximize;
    /// The momentum is not yet set: it becomes the gradient.
    int first;
} mr_sgd_options;
void mr_sgd_f32(const mr_sgd_options *options, size_t count, float *parameter, const float *gradient, float *momentum);
void mr_sgd_f64(
    const mr_sgd_options *options, size_t count, double *parameter, const double *gradient, double *momentum);

typedef struct {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    /// Steps taken, this one included.
    double step;
    /// AdamW: the decay acts on the parameter and not on the gradient.
    int decoupled_decay, amsgrad, maximize;
} mr_adam_options;
void mr_adam_f32(
    const mr_adam_options *options, size_t count, float *parameter, const float *gradient, float *average,
    float *square_average, float *maximum);
void mr_adam_f64(
    const mr_adam_options *options, size_t count, double *parameter, const double *gradient, double *average,
    double *square_average, double *maximum);

typedef struct {
    double learning_rate, alpha, epsilon, weight_decay, momentum;
    int centered, maximize;
} mr_rmsprop_options;
void mr_rmsprop_f32(
    const mr_rmsprop_options *options, size_t count, float *parameter, const float *gradient, float *square_average,
    float *momentum, float *average);
void mr_rmsprop_f64(
    const mr_rmsprop_options *options, size_t count, double *parameter, const double *gradient,
    double *square_average, double *momentum, double *average);

#endif

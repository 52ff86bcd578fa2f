// Steps of optimisers. Included by vector_kernels.h, once for each instruction set and element type.

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

/* One step of RMSprop, in one pass over each parameter. */
#include <math.h>
#include <stdint.h>

/* mean = alpha * mean + (1 - alpha) * gradient ^ 2; value -= rate * gradient / (sqrt(mean) + epsilon). */
static void step(float *value, const float *gradient, float *mean, int64_t n, float rate, float alpha, float epsilon, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads) if (n > 100000)
    for (int64_t i = 0; i < n; i++) {
        const float g = gradient[i], m = alpha * mean[i] + (1.f - alpha) * g * g;
        mean[i] = m;
        value[i] -= rate * g / (sqrtf(m) + epsilon);
    }
}

/* values, gradients, means: where each of the parameters lies; counts: how many numbers it has. Returns 0. */
int rmsprop_steps(float *const *values, const float *const *gradients, float *const *means, const int64_t *counts,
                  int64_t parameters, float rate, float alpha, float epsilon, int threads)
{
    for (int64_t i = 0; i < parameters; i++)
        step(values[i], gradients[i], means[i], counts[i], rate, alpha, epsilon, threads);
    return 0;
}

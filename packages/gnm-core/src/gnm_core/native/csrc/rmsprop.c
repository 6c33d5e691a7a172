/* One step of RMSprop, in one pass over each parameter. */
#include <math.h>
#include <stdint.h>

/* mean = alpha * mean + (1 - alpha) * gradient ^ 2; value -= rate * gradient / (sqrt(mean) + epsilon). */
int rmsprop_step(float *value, const float *gradient, float *mean, int64_t n, float rate, float alpha, float epsilon, int threads)
{
#pragma omp parallel for simd schedule(static) num_threads(threads) if (n > 100000)
    for (int64_t i = 0; i < n; i++) {
        const float g = gradient[i], m = alpha * mean[i] + (1.f - alpha) * g * g;
        mean[i] = m;
        value[i] -= rate * g / (sqrtf(m) + epsilon);
    }
    return 0;
}

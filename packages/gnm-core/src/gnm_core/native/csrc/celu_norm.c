/* CELU and layer norm of rows of features, forward and backward: a row is one pass over the cache, and sums never depend on how many
 * threads there are.
 *
 * Sizes: x, activation, rows (N, F); scale and shift (F); mean and rstd (N). */
#include "lanes.h"

/* All ones in the first n lanes. */
INLINE bits first(int64_t n)
{
    bits mask;
    for (int i = 0; i < LANES; i++)
        mask[i] = i < n ? -1 : 0;
    return mask;
}

int celu_norm_forward(const float *x, const float *scale, const float *shift, float *activation, float *rows, float *mean,
                      float *rstd, int64_t N, int64_t F, float epsilon, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads) if (N * F > 4096)
    for (int64_t row = 0; row < N; row++) {
        float *a = activation + row * F;
        lanes sum = {0}, squares = {0};
        for (int64_t i = 0; i < F; i += LANES) {
            const lanes y = celu(fetch(x + row * F + i, F - i)); /* zero stays zero: what is behind the end adds nothing */
            put(a + i, y, F - i);
            sum += y;
        }
        const float m = total(sum) / F;
        for (int64_t i = 0; i < F; i += LANES) {
            const lanes apart = fetch(a + i, F - i) - m;
            squares += F - i >= LANES ? apart * apart : pick(first(F - i), apart * apart, every(0.f));
        }
        const float s = 1.f / sqrtf(total(squares) / F + epsilon);
        for (int64_t i = 0; i < F; i += LANES)
            put(rows + row * F + i, (fetch(a + i, F - i) - m) * s * fetch(scale + i, F - i) + fetch(shift + i, F - i), F - i);
        mean[row] = m;
        rstd[row] = s;
    }
    return 0;
}

/* The gradients of x, scale and shift from that of the rows; how is said in norm.h. */
int celu_norm_backward(const float *gradient, const float *activation, const float *scale, const float *mean, const float *rstd,
                       float *of_x, float *of_scale, float *of_shift, int64_t N, int64_t F, int threads)
{
#pragma omp parallel num_threads(threads) if (N * F > 4096)
    {
#pragma omp for schedule(static)
        for (int64_t row = 0; row < N; row++) {
            const float *g = gradient + row * F, *a = activation + row * F, m = mean[row], s = rstd[row];
            lanes plain = {0}, with = {0};
            for (int64_t i = 0; i < F; i += LANES) {
                const lanes weighted = fetch(g + i, F - i) * fetch(scale + i, F - i);
                plain += weighted;
                with += weighted * ((fetch(a + i, F - i) - m) * s);
            }
            const float slope = -s * s * total(with) / F, offset = -s * total(plain) / F - slope * m;
            for (int64_t i = 0; i < F; i += LANES) {
                const lanes y = fetch(a + i, F - i);
                const lanes through = s * fetch(scale + i, F - i) * fetch(g + i, F - i) + offset + slope * y;
                put(of_x + row * F + i, through * pick(y > 0.f, every(1.f), y + 1.f), F - i);
            }
        }
#pragma omp for schedule(static)
        for (int64_t i = 0; i < F; i += LANES) { /* columns: each is one thread's */
            lanes plain = {0}, with = {0};
            for (int64_t row = 0; row < N; row++) {
                const lanes g = fetch(gradient + row * F + i, F - i);
                plain += g;
                with += g * ((fetch(activation + row * F + i, F - i) - mean[row]) * rstd[row]);
            }
            put(of_scale + i, with, F - i);
            put(of_shift + i, plain, F - i);
        }
    }
    return 0;
}

/* CELU, pixel shuffle and layer norm in one go, forward and backward, on channels-last images.
 *
 * One image is one layer norm, and one thread's work: its numbers stay in the cache between the passes, and sums never depend on how many threads there are.
 *
 * Sizes: B images; x is (B, H, W, r, r, C), what a sub-pixel convolution yields; everything else is (B, r H, r W, C). */
#include "numbers.h"

enum { BLOCK = 32 }; /* numbers handled together: two registers of the widest kind */

enum { RUN = 1024 }; /* so many numbers are summed up in float, the sums of runs in double */

/* Smallest multiple of `period` that BLOCK divides: a block always meets the same part of a pattern so long. */
static int64_t pattern_length(int64_t period)
{
    int64_t length = period;
    while (length % BLOCK)
        length += period;
    return length;
}

static float *pattern_of(const float *values, int64_t channels, int64_t length)
{
    float *pattern = malloc(length * sizeof(float));
    for (int64_t i = 0; pattern && i < length; i++)
        pattern[i] = values[i % channels];
    return pattern;
}

static inline void activate(const num *restrict from, num *restrict to, int64_t count)
{
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        to[i] = narrow(celu(wide(from[i])));
}

static inline num through(num activation, num gradient, float scale, float offset, float slope)
{
    const float a = wide(activation);
    return narrow((scale * wide(gradient) + offset + slope * a) * (a > 0.f ? 1.f : a + 1.f));
}

static double sum_of(const num *values, int64_t count)
{
    double all = 0.;
    for (int64_t start = 0; start < count; start += RUN) {
        const int64_t end = start + RUN < count ? start + RUN : count;
        float sum = 0.f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = start; i < end; i++)
            sum += wide(values[i]);
        all += sum;
    }
    return all;
}

static double squares_of(const num *values, float mean, int64_t count)
{
    double all = 0.;
    for (int64_t start = 0; start < count; start += RUN) {
        const int64_t end = start + RUN < count ? start + RUN : count;
        float sum = 0.f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = start; i < end; i++) {
            float apart = wide(values[i]) - mean;
            sum += apart * apart;
        }
        all += sum;
    }
    return all;
}

static void normalise(const num *from, num *to, const float *weight, const float *bias, float mean, float rstd,
                      int64_t count, int64_t length)
{
    int64_t i = 0;
    for (int64_t at = 0; i + BLOCK <= count; i += BLOCK, at = at + BLOCK == length ? 0 : at + BLOCK)
#pragma omp simd
        for (int k = 0; k < BLOCK; k++)
            to[i + k] = narrow((wide(from[i + k]) - mean) * rstd * weight[at + k] + bias[at + k]);
    for (; i < count; i++)
        to[i] = narrow((wide(from[i]) - mean) * rstd * weight[i % length] + bias[i % length]);
}

/* activation may be rows: then it is not kept. Returns 0, or 1 without memory. */
int FUNCTION(celu_norm_forward)(const num *x, const float *weight, const float *bias, num *activation, num *rows, float *mean,
                      float *rstd, int64_t B, int64_t H, int64_t W, int64_t r, int64_t C, float epsilon, int threads)
{
    const int64_t count = H * W * r * r * C, run = r * C, length = pattern_length(C);
    float *weights = pattern_of(weight, C, length), *biases = pattern_of(bias, C, length);
    if (!weights || !biases) {
        free(weights);
        free(biases);
        return 1;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < B; b++) {
        const num *from = x + b * count;
        num *to = activation + b * count;
        if (r == 1)
            activate(from, to, count);
        else
            for (int64_t h = 0; h < H; h++)
                for (int64_t w = 0; w < W; w++)
                    for (int64_t q = 0; q < r; q++)
                        activate(from + ((h * W + w) * r + q) * run, to + ((h * r + q) * W + w) * run, run);
        const float m = (float)(sum_of(to, count) / count);
        const float s = (float)(1. / sqrt(squares_of(to, m, count) / count + epsilon));
        mean[b] = m;
        rstd[b] = s;
        normalise(to, rows + b * count, weights, biases, m, s, count, length);
    }
    free(weights);
    free(biases);
    return 0;
}

/* The rows once more, from the activation. */
int FUNCTION(celu_norm_again)(const num *activation, const float *weight, const float *bias, const float *mean, const float *rstd,
                    num *rows, int64_t B, int64_t count, int64_t C, int threads)
{
    const int64_t length = pattern_length(C);
    float *weights = pattern_of(weight, C, length), *biases = pattern_of(bias, C, length);
    if (!weights || !biases) {
        free(weights);
        free(biases);
        return 1;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < B; b++)
        normalise(activation + b * count, rows + b * count, weights, biases, mean[b], rstd[b], count, length);
    free(weights);
    free(biases);
    return 0;
}

/* Sums over one image's pixels, for each place in the pattern: of gradient * normalised activation, and of the gradient. */
static void gather(const num *gradient, const num *activation, float mean, float rstd, int64_t count, int64_t length,
                   double *by_weight, double *by_bias)
{
    const int64_t whole = count / length * length, slab = (RUN / BLOCK) * length;
    for (int64_t i = 0; i < length; i++)
        by_weight[i] = by_bias[i] = 0.;
    for (int64_t start = 0; start < whole; start += slab) {
        const int64_t end = start + slab < whole ? start + slab : whole;
        for (int64_t at = 0; at < length; at += BLOCK) {
            float weighted[BLOCK] = {0}, plain[BLOCK] = {0};
            for (int64_t i = start + at; i < end; i += length)
#pragma omp simd
                for (int k = 0; k < BLOCK; k++) {
                    float g = wide(gradient[i + k]);
                    weighted[k] += g * ((wide(activation[i + k]) - mean) * rstd);
                    plain[k] += g;
                }
            for (int k = 0; k < BLOCK; k++) {
                by_weight[at + k] += weighted[k];
                by_bias[at + k] += plain[k];
            }
        }
    }
    for (int64_t i = whole; i < count; i++) {
        float g = wide(gradient[i]);
        by_weight[i - whole] += g * ((wide(activation[i]) - mean) * rstd);
        by_bias[i - whole] += g;
    }
}

/* The gradient of x from that of the rows, and (B, 2, C): each image's gradients of weight and bias.
 *
 * With n = (a - mean) * rstd, the gradient g of the rows reaches the activation a as
 *     rstd * (weight * g - average(weight * g) - n * average(weight * g * n)) = rstd * weight * g + offset + slope * a
 * and x as that times CELU's slope, which is 1 above zero and a + 1 below. */
int FUNCTION(celu_norm_backward)(const num *gradient, const num *activation, const float *weight, const float *mean,
                                 const float *rstd, num *x_gradient, float *parameters, int64_t B, int64_t H, int64_t W,
                                 int64_t r, int64_t C, int threads)
{
    const int64_t count = H * W * r * r * C, run = r * C;
    const int64_t length = pattern_length(run); /* of run, not of C: the shuffle takes the weights a run at a time */
    float *weights = pattern_of(weight, C, length);
    if (!weights)
        return 1;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        double *by_weight = malloc(2 * length * sizeof(double)), *by_bias = by_weight + length;
        failed = !by_weight;
#pragma omp for schedule(static)
        for (int64_t b = 0; b < B; b++) {
            if (failed)
                continue;
            const num *g = gradient + b * count, *a = activation + b * count;
            num *to = x_gradient + b * count;
            const float m = mean[b], s = rstd[b];
            gather(g, a, m, s, count, length, by_weight, by_bias);
            for (int64_t i = C; i < length; i += C)
                for (int64_t c = 0; c < C; c++) {
                    by_weight[c] += by_weight[i + c];
                    by_bias[c] += by_bias[i + c];
                }
            double average = 0., average_with_n = 0.;
            float *mine = parameters + b * 2 * C;
            for (int64_t c = 0; c < C; c++) {
                mine[c] = (float)by_weight[c];
                mine[C + c] = (float)by_bias[c];
                average += by_bias[c] * weight[c] / count;
                average_with_n += by_weight[c] * weight[c] / count;
            }
            const float slope = (float)(-s * s * average_with_n), offset = (float)(-s * average) - slope * m;
            if (r == 1) {
                int64_t i = 0;
                for (int64_t at = 0; i + BLOCK <= count; i += BLOCK, at = at + BLOCK == length ? 0 : at + BLOCK)
#pragma omp simd
                    for (int k = 0; k < BLOCK; k++)
                        to[i + k] = through(a[i + k], g[i + k], s * weights[at + k], offset, slope);
                for (; i < count; i++)
                    to[i] = through(a[i], g[i], s * weights[i % length], offset, slope);
            } else {
                for (int64_t h = 0; h < H; h++)
                    for (int64_t w = 0; w < W; w++)
                        for (int64_t q = 0; q < r; q++) {
                            const int64_t here = ((h * W + w) * r + q) * run, there = ((h * r + q) * W + w) * run;
#pragma omp simd
                            for (int64_t i = 0; i < run; i++)
                                to[here + i] = through(a[there + i], g[there + i], s * weights[i], offset, slope);
                        }
            }
        }
        free(by_weight);
    }
    free(weights);
    return failed;
}

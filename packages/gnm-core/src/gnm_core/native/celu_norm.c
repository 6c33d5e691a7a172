/* CELU, pixel shuffle and layer norm in one go, forward and backward, on channels-last images.
 *
 * One image is one layer norm, and one thread's work: its numbers stay in the cache between the passes, and sums never depend on how many threads there are.
 *
 * Sizes: B images; x is (B, H, W, r, r, C), what a sub-pixel convolution yields; everything else is (B, r H, r W, C). */
#include "numbers.h"

enum { BLOCK = 32 }; /* numbers handled together: two registers of the widest kind */

/* Smallest multiple of both `channels` and BLOCK, so that a block always meets the same channels. */
static int64_t pattern_length(int64_t channels)
{
    int64_t length = channels;
    while (length % BLOCK)
        length += channels;
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
    const int failed = !weights || !biases;
    const int64_t images = failed ? 0 : B;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < images; b++) {
        const num *from = x + b * count;
        num *to = activation + b * count;
        if (r == 1)
            activate(from, to, count);
        else
            for (int64_t h = 0; h < H; h++)
                for (int64_t w = 0; w < W; w++)
                    for (int64_t q = 0; q < r; q++)
                        activate(from + ((h * W + w) * r + q) * run, to + ((h * r + q) * W + w) * run, run);
        float sum = 0.f, square = 0.f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < count; i++)
            sum += wide(to[i]);
        const float m = sum / count;
#pragma omp simd reduction(+ : square)
        for (int64_t i = 0; i < count; i++) {
            float apart = wide(to[i]) - m;
            square += apart * apart;
        }
        const float s = 1.f / sqrtf(square / count + epsilon);
        mean[b] = m;
        rstd[b] = s;
        normalise(to, rows + b * count, weights, biases, m, s, count, length);
    }
    free(weights);
    free(biases);
    return failed;
}

/* The rows once more, from the activation. */
int FUNCTION(celu_norm_again)(const num *activation, const float *weight, const float *bias, const float *mean, const float *rstd,
                    num *rows, int64_t B, int64_t count, int64_t C, int threads)
{
    const int64_t length = pattern_length(C);
    float *weights = pattern_of(weight, C, length), *biases = pattern_of(bias, C, length);
    const int failed = !weights || !biases;
    const int64_t images = failed ? 0 : B;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < images; b++)
        normalise(activation + b * count, rows + b * count, weights, biases, mean[b], rstd[b], count, length);
    free(weights);
    free(biases);
    return failed;
}

/* Sums over one image's pixels: of gradient * normalised activation, and of the gradient, for each place in the pattern. */
static void gather(const num *gradient, const num *activation, float mean, float rstd, int64_t count, int64_t length,
                   float *by_weight, float *by_bias)
{
    const int64_t whole = count / length * length;
    for (int64_t at = 0; at < length; at += BLOCK) {
        float first[BLOCK] = {0}, second[BLOCK] = {0};
        for (int64_t i = at; i < whole; i += length)
#pragma omp simd
            for (int k = 0; k < BLOCK; k++) {
                float g = wide(gradient[i + k]);
                first[k] += g * (wide(activation[i + k]) - mean);
                second[k] += g;
            }
        for (int k = 0; k < BLOCK; k++) {
            by_weight[at + k] = first[k] * rstd;
            by_bias[at + k] = second[k];
        }
    }
    for (int64_t i = whole; i < count; i++) {
        float g = wide(gradient[i]);
        by_weight[i - whole] += g * (wide(activation[i]) - mean) * rstd;
        by_bias[i - whole] += g;
    }
}

/* The gradient of x from that of the rows, and (B, 2, C): each image's gradients of weight and bias. CELU's slope is 1
 * above zero and activation + 1 below. */
int FUNCTION(celu_norm_backward)(const num *gradient, const num *activation, const float *weight, const float *mean,
                       const float *rstd, num *x_gradient, float *parameters, int64_t B, int64_t H, int64_t W, int64_t r,
                       int64_t C, int threads)
{
    const int64_t count = H * W * r * r * C, run = r * C, length = pattern_length(run);
    float *weights = pattern_of(weight, C, length), *sums = malloc(B * 2 * length * sizeof(float));
    const int failed = !weights || !sums;
    const int64_t images = failed ? 0 : B;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t b = 0; b < images; b++) {
        const num *g = gradient + b * count, *a = activation + b * count;
        num *to = x_gradient + b * count;
        float *by_weight = sums + b * 2 * length, *by_bias = by_weight + length;
        const float m = mean[b], s = rstd[b];
        gather(g, a, m, s, count, length, by_weight, by_bias);
        float *mine = parameters + b * 2 * C, first = 0.f, second = 0.f;
        memset(mine, 0, 2 * C * sizeof(float));
        for (int64_t i = 0; i < length; i++) {
            mine[i % C] += by_weight[i];
            mine[C + i % C] += by_bias[i];
        }
        for (int64_t c = 0; c < C; c++) {
            second += mine[c] * weight[c];
            first += mine[C + c] * weight[c];
        }
        /* rstd * (weight * gradient - mean of it - normalised * mean of it times normalised) */
        const float slope = -s * s * second / count, offset = -s * first / count - slope * m;
        if (r == 1) {
            int64_t i = 0;
            for (int64_t at = 0; i + BLOCK <= count; i += BLOCK, at = at + BLOCK == length ? 0 : at + BLOCK)
#pragma omp simd
                for (int k = 0; k < BLOCK; k++) {
                    float value = wide(a[i + k]), inner = s * weights[at + k] * wide(g[i + k]) + offset + slope * value;
                    to[i + k] = narrow(inner * (value > 0.f ? 1.f : value + 1.f));
                }
            for (; i < count; i++) {
                float value = wide(a[i]), inner = s * weights[i % length] * wide(g[i]) + offset + slope * value;
                to[i] = narrow(inner * (value > 0.f ? 1.f : value + 1.f));
            }
        } else {
            for (int64_t h = 0; h < H; h++)
                for (int64_t w = 0; w < W; w++)
                    for (int64_t q = 0; q < r; q++) {
                        const int64_t here = ((h * W + w) * r + q) * run, there = ((h * r + q) * W + w) * run;
#pragma omp simd
                        for (int64_t i = 0; i < run; i++) {
                            float value = wide(a[there + i]);
                            float inner = s * weights[i] * wide(g[there + i]) + offset + slope * value;
                            to[here + i] = narrow(inner * (value > 0.f ? 1.f : value + 1.f));
                        }
                    }
        }
    }
    free(weights);
    free(sums);
    return failed;
}

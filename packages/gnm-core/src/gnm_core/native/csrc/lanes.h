/* Several images at a time, one in each lane of a vector: whatever a layer does, no number ever changes its lane. */
#ifndef LANES_H
#define LANES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
enum { LANES = 16, HALVINGS = 4 };
#define FROM_LOW {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define FROM_HIGH {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}
#else
enum { LANES = 8, HALVINGS = 3 };
#define FROM_LOW {0, 8, 1, 9, 2, 10, 3, 11}
#define FROM_HIGH {4, 12, 5, 13, 6, 14, 7, 15}
#endif

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t bits __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes every(float x) { return x - (lanes){0}; }

/* x where the mask is set, y elsewhere. */
INLINE lanes pick(bits mask, lanes x, lanes y) { return (lanes)((mask & (bits)x) | (~mask & (bits)y)); }

/* The first n numbers, if there are not so many as lanes, with zeros behind them. */
INLINE lanes fetch(const float *from, int64_t n)
{
    lanes x = {0};
    if (n >= LANES)
        memcpy(&x, from, sizeof(x));
    else
        memcpy(&x, from, n * sizeof(float));
    return x;
}

INLINE void put(float *to, lanes x, int64_t n)
{
    if (n >= LANES)
        memcpy(to, &x, sizeof(x));
    else
        memcpy(to, &x, n * sizeof(float));
}

INLINE float total(lanes x)
{
    float sum = 0.f;
    for (int i = 0; i < LANES; i++)
        sum += x[i];
    return sum;
}

/* exp of -87 to 87, to 2 units in the last place: Cephes' polynomial (S. Moshier). */
INLINE lanes exponential(lanes x)
{
    const float whole = 12582912.f; /* what a small number has behind its point is lost when this is added */
    const lanes n = (x * 1.44269504088896341f + whole) - whole;
    const lanes f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    lanes p = every(1.9875691500e-4f);
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.f;
    return p * (lanes)((__builtin_convertvector(n, bits) + 127) << 23);
}

/* max(x, exp(min(x, 0)) - 1), and NaN for NaN. */
INLINE lanes celu(lanes x)
{
    return pick(x < 0.f, exponential(pick(x > -87.f, x, every(-87.f))) - 1.f, x);
}

/* 1 / (1 + exp(-x)), and NaN for NaN. */
INLINE lanes sigmoid(lanes x)
{
    const lanes near = pick(x > 87.f, every(87.f), pick(x > -87.f, x, every(-87.f)));
    return pick(x == x, 1.f / (1.f + exponential(-near)), x);
}

/* Rows of LANES numbers become columns: so many perfect shuffles of the upper half with the lower one. */
INLINE void transpose(const lanes *from, lanes *to)
{
    const bits low = FROM_LOW, high = FROM_HIGH;
    lanes before[LANES], after[LANES];
    for (int i = 0; i < LANES; i++)
        before[i] = from[i];
#pragma GCC unroll 4
    for (int halving = 0; halving < HALVINGS; halving++) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            after[2 * i] = __builtin_shuffle(before[i], before[i + LANES / 2], low);
            after[2 * i + 1] = __builtin_shuffle(before[i], before[i + LANES / 2], high);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            before[i] = after[i];
    }
    for (int i = 0; i < LANES; i++)
        to[i] = before[i];
}

/* Numbers of a few images, n of each and `stride` apart, into lanes; zero in the lanes that are left. */
static inline void load(const float *from, int64_t stride, int64_t images, int64_t n, lanes *to)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes rows[LANES] = {0};
        for (int b = 0; b < images; b++)
            memcpy(&rows[b], from + b * stride + i, sizeof(lanes));
        transpose(rows, to + i);
    }
    for (; i < n; i++)
        for (int b = 0; b < LANES; b++)
            to[i][b] = b < images ? from[b * stride + i] : 0.f;
}

/* And out of them. */
static inline void store(const lanes *from, int64_t n, float *to, int64_t stride, int64_t images)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes rows[LANES];
        transpose(from + i, rows);
        for (int b = 0; b < images; b++)
            memcpy(to + b * stride + i, &rows[b], sizeof(lanes));
    }
    for (; i < n; i++)
        for (int b = 0; b < images; b++)
            to[b * stride + i] = from[i][b];
}

static inline lanes *lanes_for(int64_t n) { return aligned_alloc(sizeof(lanes), (n > 0 ? n : 1) * sizeof(lanes)); }

static inline float *floats_for(int64_t n) { return (float *)lanes_for((n + LANES - 1) / LANES); }

#endif

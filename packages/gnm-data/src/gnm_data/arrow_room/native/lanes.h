/* Several rays at a time, one in each lane of a vector. No number ever changes its lane, and each operation is rounded as numpy
 * rounds it: what a ray finds depends neither on the width of vectors nor on who asks. */
#ifndef LANES_H
#define LANES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>
enum { LANES = 16 };
#else
#ifdef __AVX__
#include <immintrin.h>
#endif
enum { LANES = 8 };
#endif

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t bits __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/* A point or a direction of each ray. */
struct three {
    lanes x, y, z;
};

INLINE lanes every(float x) { return x - (lanes){0}; }

/* x where the mask is set, y elsewhere. */
INLINE lanes pick(bits mask, lanes x, lanes y) { return (lanes)((mask & (bits)x) | (~mask & (bits)y)); }
INLINE bits pick_bits(bits mask, bits x, bits y) { return (mask & x) | (~mask & y); }

INLINE int any(bits mask)
{
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#else
    int32_t found = 0;
    for (int i = 0; i < LANES; i++)
        found |= mask[i];
    return found != 0;
#endif
}

INLINE lanes root(lanes x)
{
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return (lanes)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX__)
    return (lanes)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < LANES; i++)
        x[i] = sqrtf(x[i]);
    return x;
#endif
}

/* Of numbers; y where either is none. */
INLINE lanes least(lanes x, lanes y) { return pick(x < y, x, y); }
INLINE lanes most(lanes x, lanes y) { return pick(x > y, x, y); }
INLINE lanes within(lanes x, float low, float high) { return least(most(x, every(low)), every(high)); }

/* The other one where one is no number. */
INLINE lanes least_known(lanes x, lanes y) { return pick((x < y) | (y != y), x, y); }
INLINE lanes most_known(lanes x, lanes y) { return pick((x > y) | (y != y), x, y); }

INLINE lanes whole(lanes x) { return __builtin_convertvector(__builtin_convertvector(x, bits), lanes); } /* towards zero */
INLINE lanes fifth(lanes x)
{
    const lanes square = x * x;
    return square * square * x;
}

INLINE lanes dot(struct three a, struct three b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
INLINE struct three plus(struct three a, struct three b) { return (struct three){a.x + b.x, a.y + b.y, a.z + b.z}; }
INLINE struct three minus(struct three a, struct three b) { return (struct three){a.x - b.x, a.y - b.y, a.z - b.z}; }
INLINE struct three times(struct three a, lanes b) { return (struct three){a.x * b, a.y * b, a.z * b}; }
INLINE struct three along(struct three from, struct three way, lanes t) { return plus(from, times(way, t)); }
INLINE struct three negative(struct three a) { return (struct three){-a.x, -a.y, -a.z}; }
INLINE struct three of(const float *a) { return (struct three){every(a[0]), every(a[1]), every(a[2])}; }
INLINE struct three unit(struct three a)
{
    const lanes length = most(root(dot(a, a)), every(1e-20f));
    return (struct three){a.x / length, a.y / length, a.z / length};
}
INLINE struct three pick_three(bits mask, struct three a, struct three b)
{
    return (struct three){pick(mask, a.x, b.x), pick(mask, a.y, b.y), pick(mask, a.z, b.z)};
}

/* 2 to the power of x in (-100, 0], to 2e-7 of itself: `coat.exp2`. */
INLINE lanes power_of_two(lanes x)
{
    const lanes down = whole(x), n = pick(down > x, down - 1.f, down), f = x - n;
    lanes p = every(1.8854e-3f);
    p = p * f + 8.9729e-3f;
    p = p * f + 5.58366e-2f;
    p = p * f + 2.4015244e-1f;
    p = p * f + 6.9315254e-1f;
    p = p * f + 1.f;
    return p * (lanes)((__builtin_convertvector(n, bits) + 127) << 23);
}

/* atan(y / x) of y >= 0 and x > 0, to 1e-5: `cove.quarter_angle`. */
INLINE lanes quarter_angle(lanes y, lanes x)
{
    const bits steep = y > x;
    const lanes r = pick(steep, x, y) / pick(steep, y, x), s = r * r;
    lanes p = every(-0.01172120f);
    p = p * s + 0.05265332f;
    p = p * s + -0.11643287f;
    p = p * s + 0.19354346f;
    p = p * s + -0.33262347f;
    p = p * s + 0.99997726f;
    p = p * r;
    return pick(steep, 1.5707963f - p, p);
}

/* Cosine and sine of a share v in [0, 1] of a whole turn, to 1e-6: `rays.turned`. */
struct turn {
    lanes cosine, sine;
};
INLINE struct turn turned(lanes v)
{
    const lanes quarters = v * 4.f, q = whole(quarters), f = quarters - q, s = f * f;
    lanes sine = every(1.51866536e-4f);
    sine = sine * s + -4.67458136e-3f;
    sine = sine * s + 7.96902456e-2f;
    sine = sine * s + -6.4596385e-1f;
    sine = (sine * s + 1.5707963f) * f;
    lanes cosine = every(8.59492389e-4f);
    cosine = cosine * s + -2.08135635e-2f;
    cosine = cosine * s + 2.53652954e-1f;
    cosine = cosine * s + -1.23369883f;
    cosine = cosine * s + 1.f;
    const bits odd = (q == 1.f) | (q == 3.f), left = (q == 1.f) | (q == 2.f), below = (q == 2.f) | (q == 3.f);
    const lanes c = pick(odd, sine, cosine), d = pick(odd, cosine, sine);
    return (struct turn){pick(left, -c, c), pick(below, -d, d)};
}

#endif

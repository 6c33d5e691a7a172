/* Numbers in memory, float or 16-bit bfloat (with BFLOAT), and what is computed from them, always in float. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef BFLOAT
typedef uint16_t num;
static inline float wide(num x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
static inline num narrow(float x) /* to the nearest, ties to even */
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return (num)(x != x ? 0x7fc0u : rounded);
}
#define FUNCTION(name) name##_bfloat16
#else
typedef float num;
static inline float wide(num x) { return x; }
static inline num narrow(float x) { return x; }
#define FUNCTION(name) name##_float32
#endif

/* exp of -87 to 87, to 2 units in the last place: Cephes' polynomial (S. Moshier), in a form that compilers vectorise. */
static inline float exponential(float x)
{
    float n = rintf(x * 1.44269504088896341f);
    float f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.f;
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return p * power;
}

/* max(x, exp(min(x, 0)) - 1), and NaN for NaN. */
static inline float celu(float x)
{
    float low = x < 0.f ? x : 0.f;
    low = low > -87.f ? low : -87.f;
    return x < 0.f ? exponential(low) - 1.f : x;
}

/* 1 / (1 + exp(-x)), and NaN for NaN. */
static inline float sigmoid(float x)
{
    float low = x > 87.f ? 87.f : x;
    low = low < -87.f ? -87.f : low;
    low = low == low ? low : 0.f;
    return x == x ? 1.f / (1.f + exponential(-low)) : x;
}

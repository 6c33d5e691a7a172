/* Layer norm of each image, behind CELU: statistics, forward, backward. One lane is one image, so that no sum crosses lanes. */
#ifndef NORM_H
#define NORM_H

#include "layer.h"

enum { RUN = 256 }; /* so many numbers are summed up before the sum is divided by their number */

struct statistics { lanes mean, rstd; };

/* Mean, sum of squares around it, and number of what has been accumulated. */
struct moments { lanes mean, squares; float count; };

/* See n more (Chan, Golub and LeVeque, 1979): their mean is taken off before anything is squared. */
static void accumulate(struct moments *m, const lanes *a, int64_t n)
{
    lanes sum[4] = {0}, squares[4] = {0};
    for (int64_t i = 0; i < n; i++)
        sum[i % 4] += a[i];
    const lanes mean = (sum[0] + sum[1] + sum[2] + sum[3]) / (float)n;
    for (int64_t i = 0; i < n; i++) {
        const lanes apart = a[i] - mean;
        squares[i % 4] += apart * apart;
    }
    const float count = m->count + n, share = n / count;
    const lanes apart = mean - m->mean;
    m->squares += squares[0] + squares[1] + squares[2] + squares[3] + apart * apart * (m->count * share);
    m->mean += apart * share;
    m->count = count;
}

static struct statistics statistics_of(const lanes *a, int64_t count, float epsilon)
{
    struct moments m = {0};
    for (int64_t i = 0; i < count; i += RUN)
        accumulate(&m, a + i, count - i < RUN ? count - i : RUN);
    struct statistics s = {m.mean, m.squares / m.count + epsilon};
    for (int i = 0; i < LANES; i++)
        s.rstd[i] = 1.f / sqrtf(s.rstd[i]);
    return s;
}

/* A row of (width, channels), normalised. */
static void normalise(const lanes *a, struct statistics s, const struct parameters *p, int64_t width, int64_t channels, lanes *to)
{
    lanes factor[channels];
    for (int64_t c = 0; c < channels; c++)
        factor[c] = s.rstd * p->scale[c];
    for (int64_t w = 0; w < width; w++, a += channels, to += channels)
        for (int64_t c = 0; c < channels; c++)
            to[c] = (a[c] - s.mean) * factor[c] + p->shift[c];
}

/* Sums over the pixels of some channels, of the gradient and of the gradient times the normalised activation. */
INLINE void gather(const int some, const lanes *gradient, const lanes *a, struct statistics s, int64_t pixels, int64_t channels,
                   lanes *plain, lanes *with)
{
#pragma GCC unroll 8
    for (int k = 0; k < some; k++)
        plain[k] = with[k] = (lanes){0};
    for (int64_t i = 0; i < pixels; i++, gradient += channels, a += channels)
#pragma GCC unroll 8
        for (int k = 0; k < some; k++) {
            plain[k] += gradient[k];
            with[k] += gradient[k] * ((a[k] - s.mean) * s.rstd);
        }
}

/* How the gradient of the rows reaches the activation beside its own factor: offset + slope * activation. */
struct averages { lanes offset, slope; };

/* Adds to the gradients of scale and shift.
 *
 * With n = (a - mean) * rstd, the gradient g of the rows reaches the activation a as
 *     rstd * (scale * g - average(scale * g) - n * average(scale * g * n)) = rstd * scale * g + offset + slope * a. */
static struct averages averages_of(const struct layer *l, const lanes *gradient, const lanes *a, struct statistics s,
                                   const struct parameters *p, float *scale, float *shift)
{
    const int64_t channels = l->channels, pixels = size_of(l) / channels;
    lanes average = {0}, average_with = {0};
    for (int64_t c = 0, some; c < channels; c += some) {
        lanes plain[8], with[8];
        some = c + 8 <= channels ? 8 : 1;
        if (some == 8)
            gather(8, gradient + c, a + c, s, pixels, channels, plain, with);
        else
            gather(1, gradient + c, a + c, s, pixels, channels, plain, with);
        for (int k = 0; k < some; k++) {
            average += plain[k] * p->scale[c + k] / (float)size_of(l);
            average_with += with[k] * p->scale[c + k] / (float)size_of(l);
            scale[c + k] += total(with[k]);
            shift[c + k] += total(plain[k]);
        }
    }
    const lanes slope = -s.rstd * s.rstd * average_with;
    return (struct averages){-s.rstd * average - slope * s.mean, slope};
}

/* From the gradient of r rows of the image to that of the row of outputs that they were shuffled from; adds it to `sums`.
 *
 * CELU's slope is 1 above zero and a + 1 below. */
static void through_norm(const struct layer *l, const lanes *gradient, const lanes *a, lanes rstd, struct averages averages,
                         const float *scale, lanes *to, lanes *sums)
{
    const int64_t channels = l->channels, r = l->upscale;
    for (int64_t y = 0; y < r; y++)
        for (int64_t w = 0; w < columns_of(l); w++) {
            lanes *run = to + w * outputs_of(l) + y * r * channels, *sum = sums + y * r * channels;
            for (int64_t x = 0; x < r; x++, run += channels, sum += channels, a += channels, gradient += channels)
                for (int64_t c = 0; c < channels; c++) {
                    const lanes through = rstd * scale[c] * gradient[c] + averages.offset + averages.slope * a[c];
                    run[c] = through * pick(a[c] > 0.f, every(1.f), a[c] + 1.f);
                    sum[c] += run[c];
                }
        }
}

#endif

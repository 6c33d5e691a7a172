/* Gradients of a convolution's weights and biases: sums over all pixels and images of input times output's gradient.
 *
 * Either operand has its images in the lanes. One of them is turned, so that its channels are in the lanes; the other's numbers are
 * then taken one image after the other, and no sum runs across lanes. */
#ifndef WEIGHT_GRADIENTS_H
#define WEIGHT_GRADIENTS_H

#include "half.h"

enum { STRIP = 32 }; /* about so many pixels are turned at once, and stay in the cache */

#ifdef __AVX512F__
enum { TAPS = 16 };
#else
enum { TAPS = 8 };
#endif

/* Which operand is turned: the one whose channels fill lanes, with few channels on either side none, for tiles the outputs. */
enum turned { OUTPUTS_TURN, INPUTS_TURN, NONE_TURNS };

static inline enum turned turned_by(const struct layer *l)
{
    if (tiled(l) || outputs_of(l) * 2 > LANES)
        return OUTPUTS_TURN;
    return l->inputs % LANES == 0 && outputs_of(l) >= 4 ? INPUTS_TURN : NONE_TURNS;
}

/* Where the gradient of a weight is summed, in (lines, taps and inputs, outputs) or (lines, taps, outputs, inputs); of how many. */
static inline int64_t sum_at(const struct layer *l, int64_t line, int64_t tap, int64_t input, int64_t output)
{
    if (turned_by(l) == INPUTS_TURN)
        return ((line * l->kernel + tap) * outputs_of(l) + output) * l->inputs + input;
    return (line * rounded(l->kernel * l->inputs) + tap * l->inputs + input) * rounded(outputs_of(l)) + output;
}
static inline int64_t weight_sums_of(const struct layer *l)
{
    return l->kernel * rounded(l->kernel * l->inputs) * rounded(outputs_of(l));
}

/* Rows of outputs that are turned at once, and vectors that this needs. */
static inline int64_t strip_of(const struct layer *l) { return most(STRIP / columns_of(l), 1); }
static inline int64_t turned_of(const struct layer *l)
{
    return most(strip_of(l) * (columns_of(l) + 1) * rounded(outputs_of(l)), line_of(l) + LANES);
}

/* to[i * jump + lane] += sum over pixels and images of x[pixel * step + i][image] * turned[pixel * next][image][lane]. */
INLINE void outer(const int taps, const lanes *x, int64_t step, int64_t row, const lanes *turned, int64_t next, int64_t rows,
                  int64_t columns, float *to, int64_t jump)
{
    lanes sum[TAPS];
#pragma GCC unroll 16
    for (int i = 0; i < taps; i++)
        memcpy(&sum[i], to + i * jump, sizeof(lanes));
    for (int64_t h = 0; h < rows; h++) {
        const lanes *from = x + h * row;
        for (int64_t w = 0; w < columns; w++, from += step, turned += next * LANES)
            for (int image = 0; image < LANES; image++) {
                const lanes value = turned[image];
#pragma GCC unroll 16
                for (int i = 0; i < taps; i++)
                    sum[i] += from[i][image] * value;
            }
    }
#pragma GCC unroll 16
    for (int i = 0; i < taps; i++)
        memcpy(to + i * jump, &sum[i], sizeof(lanes));
}

/* The same for any number of taps. */
static __attribute__((noinline)) void outer_of(int64_t taps, const lanes *x, int64_t step, int64_t row, const lanes *turned,
                                               int64_t next, int64_t rows, int64_t columns, float *to, int64_t jump)
{
    int64_t i = 0;
    for (; i + TAPS <= taps; i += TAPS)
        outer(TAPS, x + i, step, row, turned, next, rows, columns, to + i * jump, jump);
    for (; i + 8 <= taps; i += 8)
        outer(8, x + i, step, row, turned, next, rows, columns, to + i * jump, jump);
    for (; i + 4 <= taps; i += 4)
        outer(4, x + i, step, row, turned, next, rows, columns, to + i * jump, jump);
    for (; i < taps; i++)
        outer(1, x + i, step, row, turned, next, rows, columns, to + i * jump, jump);
}

static void turn_outputs(const struct layer *l, const lanes *image, const lanes *gradient, lanes *turned, float *weight)
{
    const int64_t q = border_of(l), columns = columns_of(l), outputs = outputs_of(l), jump = rounded(outputs);
    const int64_t run = l->kernel * l->inputs, strip = strip_of(l);
    for (int64_t h = 0; h < rows_of(l); h += strip) {
        const int64_t rows = h + strip < rows_of(l) ? strip : rows_of(l) - h;
        for (int64_t o = 0; o < outputs; o += LANES) {
            const int64_t few = outputs - o < LANES ? outputs - o : LANES;
            lanes *to = turned + o * rows * columns;
            for (int64_t r = h; r < h + rows; r++)
                for (int64_t w = 0; w < columns; w++, to += LANES) {
                    const lanes *from = gradient + (r + q) * bordered_line_of(l) + (w + q) * outputs + o;
                    lanes some[LANES] = {0};
                    if (few < LANES)
                        from = memcpy(some, from, few * sizeof(lanes));
                    transpose(from, to);
                }
        }
        for (int64_t y = 0; y < l->kernel; y++)
            for (int64_t o = 0; o < outputs; o += LANES)
                outer_of(run, image + (h * l->stride + y) * line_of(l), l->stride * l->inputs, l->stride * line_of(l),
                         turned + o * rows * columns, 1, rows, columns, weight + sum_at(l, y, 0, 0, o), jump);
    }
}

static void turn_inputs(const struct layer *l, const lanes *image, const lanes *gradient, lanes *turned, float *weight)
{
    const int64_t q = border_of(l), outputs = outputs_of(l), s = l->stride;
    for (int64_t row = 0; row < l->height + 2 * l->padding; row++) {
        for (int64_t i = 0; i < l->inputs; i += LANES)
            for (int64_t x = 0; x < l->width + 2 * l->padding; x++)
                transpose(image + row * line_of(l) + x * l->inputs + i, turned + i * (l->width + 2 * l->padding) + x * LANES);
        for (int64_t y = row % s; y < l->kernel && y <= row; y += s) {
            const int64_t h = (row - y) / s; /* the outputs that meet this row in their line y */
            if (h >= rows_of(l))
                continue;
            for (int64_t x = 0; x < l->kernel; x++)
                for (int64_t i = 0; i < l->inputs; i += LANES)
                    outer_of(outputs, gradient + (h + q) * bordered_line_of(l) + q * outputs, outputs, 0,
                             turned + i * (l->width + 2 * l->padding) + x * LANES, s, 1, columns_of(l),
                             weight + sum_at(l, y, x, i, 0), l->inputs);
        }
    }
}

/* Some inputs times an output, summed over all pixels, with the images in the lanes of both. */
INLINE void dots(const int taps, const struct layer *l, const lanes *image, const lanes *gradient, float *to, int64_t jump)
{
    const int64_t step = l->stride * l->inputs;
    lanes sum[8] = {0};
    for (int64_t h = 0; h < rows_of(l); h++) {
        const lanes *a = image + h * l->stride * line_of(l), *b = gradient + h * bordered_line_of(l);
        for (int64_t w = 0; w < columns_of(l); w++, a += step, b += outputs_of(l))
#pragma GCC unroll 8
            for (int i = 0; i < taps; i++)
                sum[i] += a[i] * *b;
    }
    for (int i = 0; i < taps; i++)
        to[i * jump] += total(sum[i]);
}

static void turn_none(const struct layer *l, const lanes *image, const lanes *gradient, float *weight)
{
    const int64_t q = border_of(l), outputs = outputs_of(l), jump = rounded(outputs), run = l->kernel * l->inputs;
    for (int64_t y = 0; y < l->kernel; y++)
        for (int64_t i = 0, k; i < run; i += k) {
            const lanes *a = image + y * line_of(l) + i, *b = gradient + q * bordered_line_of(l) + q * outputs;
            float *to = weight + sum_at(l, y, 0, i, 0);
            k = i + 8 <= run ? 8 : 1;
            for (int64_t o = 0; o < outputs; o++)
                if (k == 8)
                    dots(8, l, a, b + o, to + o, jump);
                else
                    dots(1, l, a, b + o, to + o, jump);
        }
}

/* Adds to the weights'.
 *
 * image: padded; gradient: of the outputs, with its border. */
static void weight_gradients(const struct layer *l, const lanes *image, const lanes *gradient, lanes *turned, float *weight)
{
    if (turned_by(l) == OUTPUTS_TURN)
        turn_outputs(l, image, gradient, turned, weight);
    else if (turned_by(l) == INPUTS_TURN)
        turn_inputs(l, image, gradient, turned, weight);
    else
        turn_none(l, image, gradient, weight);
}

#endif

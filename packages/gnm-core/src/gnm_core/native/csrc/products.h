/* Products of images with weights: convolution, and the gradient of its input.
 *
 * A line of the kernel meets a run of neighbouring numbers, (kernel, channels), so that either is a few runs for each pixel. */
#ifndef PRODUCTS_H
#define PRODUCTS_H

#include "layer.h"

enum { KERNEL = 32 }; /* no kernel is larger */

#ifdef __AVX512F__ /* accumulators fill the registers: pixels in a row at once, and outputs */
enum { PIXELS = 3, OUTPUTS = 8 };
#else
enum { PIXELS = 2, OUTPUTS = 4 };
#endif

struct sweep {
    const lanes *x;
    int64_t start, row, step;        /* in x: the first pixel's first number, and from there down, and to the right */
    int64_t lines[KERNEL], count, run;
    const void *weights;             /* (blocks of outputs, lines, run, outputs of the block), floats */
    const float *bias;               /* null: none */
    lanes *out;
    struct shuffle to;
    int64_t rows, columns, outputs;
};

INLINE void block(const int pixels, const int outputs, const enum epilogue epilogue, const struct sweep *s, int64_t h, int64_t w,
                  int64_t o)
{
    lanes sum[PIXELS * OUTPUTS > 8 ? PIXELS * OUTPUTS : 8];
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 8
        for (int c = 0; c < outputs; c++)
            sum[p * outputs + c] = every(s->bias ? s->bias[o + c] : 0.f);
    const lanes *first = s->x + s->start + h * s->row + w * s->step;
    const float *weight = (const float *)s->weights + o * s->count * s->run;
    for (int64_t line = 0; line < s->count; line++) {
        const lanes *from = first + s->lines[line];
        for (int64_t i = 0; i < s->run; i++, weight += outputs) {
            lanes value[8];
#pragma GCC unroll 8
            for (int p = 0; p < pixels; p++)
                value[p] = from[p * s->step + i];
#pragma GCC unroll 8
            for (int c = 0; c < outputs; c++)
#pragma GCC unroll 8
                for (int p = 0; p < pixels; p++)
                    sum[p * outputs + c] += value[p] * weight[c];
        }
    }
    lanes *to = s->out + h * s->to.row + w * s->to.step;
#pragma GCC unroll 8
    for (int p = 0; p < pixels; p++, to += s->to.step)
#pragma GCC unroll 8
        for (int c = 0; c < outputs; c++)
            to[s->to.offset[o + c]] = apply_epilogue(epilogue, sum[p * outputs + c]);
}

INLINE void sweep(const enum epilogue epilogue, const struct sweep *s)
{
    for (int64_t h = 0; h < s->rows; h++) {
        int64_t o = 0;
        for (; o + OUTPUTS <= s->outputs; o += OUTPUTS) {
            int64_t w = 0, left;
            for (; (left = s->columns - w) >= PIXELS && left != 4; w += PIXELS) /* four are better two and two */
                block(PIXELS, OUTPUTS, epilogue, s, h, w, o);
            for (; w + 2 <= s->columns; w += 2)
                block(2, OUTPUTS, epilogue, s, h, w, o);
            for (; w < s->columns; w++)
                block(1, OUTPUTS, epilogue, s, h, w, o);
        }
        for (; o < s->outputs; o++) {
            int64_t w = 0;
            for (; w + 8 <= s->columns; w += 8)
                block(8, 1, epilogue, s, h, w, o);
            for (; w < s->columns; w++)
                block(1, 1, epilogue, s, h, w, o);
        }
    }
}
static __attribute__((noinline)) void sweep_plain(const struct sweep *s) { sweep(NOTHING, s); }
static __attribute__((noinline)) void sweep_celu(const struct sweep *s) { sweep(CELU_AND_NORM, s); }
static __attribute__((noinline)) void sweep_sigmoid(const struct sweep *s) { sweep(SIGMOID, s); }

/* How many of n are in the block that begins at `at`. */
static inline int64_t block_at(int64_t at, int64_t n) { return at + OUTPUTS <= n ? OUTPUTS : 1; }

/* ---- Convolution ---- */

/* Weights and biases for `convolve`: so many. */
static inline int64_t packed_of(const struct layer *l) { return rounded(outputs_of(l) * (taps_of(l) + 1)); }

/* In our order. */
static void pack_biases(const struct layer *l, const float *bias, float *to)
{
    for (int64_t o = 0; o < outputs_of(l); o++)
        to[o] = bias[in_torch(l, o)];
}

static void pack(const struct layer *l, const struct parameters *p, float *packed, int threads)
{
    const int64_t outputs = outputs_of(l), k = l->kernel;
#pragma omp parallel for num_threads(threads)
    for (int64_t block = 0; block < outputs; block += OUTPUTS) {
        float *to = packed + block * taps_of(l);
        for (int64_t o = block, few; o < outputs && o < block + OUTPUTS; o += few) {
            few = block_at(o, outputs);
            for (int64_t y = 0; y < k; y++)
                for (int64_t x = 0; x < k; x++)
                    for (int64_t i = 0; i < l->inputs; i++)
                        for (int64_t c = 0; c < few; c++)
                            *to++ = p->weight[((in_torch(l, o + c) * l->inputs + i) * k + y) * k + x];
        }
    }
    pack_biases(l, p->bias, packed + outputs * taps_of(l));
}

/* The sweep of a convolution over a padded image, without its weights. */
static struct sweep sweep_of(const struct layer *l, const lanes *image, lanes *out, struct shuffle to)
{
    struct sweep s = {.x = image, .row = l->stride * line_of(l), .step = l->stride * l->inputs, .count = l->kernel,
                      .run = l->kernel * l->inputs, .out = out, .to = to, .rows = rows_of(l), .columns = columns_of(l),
                      .outputs = outputs_of(l)};
    for (int64_t y = 0; y < l->kernel; y++)
        s.lines[y] = y * line_of(l);
    return s;
}

/* What a layer makes of a padded image, before its norm. */
static void convolve(const struct layer *l, const lanes *image, const float *packed, lanes *out, struct shuffle to)
{
    struct sweep s = sweep_of(l, image, out, to);
    s.weights = packed;
    s.bias = packed + outputs_of(l) * taps_of(l);
    (l->epilogue == CELU_AND_NORM ? sweep_celu : l->epilogue == SIGMOID ? sweep_sigmoid : sweep_plain)(&s);
}

/* ---- The gradient of its input ---- */

/* With a stride of s, a row of inputs meets every s-th line of the kernel: s * s kinds of pixels, each a convolution of its own.
 * Along one side, pixel `at + s * j` meets the outputs j + first, and so on, through the kernel's places at + padding - s * output. */
struct reach { int64_t at, first, count; };

static struct reach reach_of(const struct layer *l, int64_t at)
{
    const int64_t s = l->stride, lowest = at + l->padding - (l->kernel - 1), highest = at + l->padding;
    const int64_t first = lowest >= 0 ? (lowest + s - 1) / s : -(-lowest / s);
    return (struct reach){at, first, most(highest / s - first + 1, 0)};
}

static void pack_back(const struct layer *l, const float *weight, float *packed, int threads)
{
    const int64_t s = l->stride, k = l->kernel, outputs = outputs_of(l), square = l->upscale * l->upscale;
    for (int64_t kind = 0; kind < s * s; kind++) {
        const struct reach down = reach_of(l, kind / s), right = reach_of(l, kind % s);
        const int64_t each = down.count * right.count * outputs;
#pragma omp parallel for num_threads(threads)
        for (int64_t block = 0; block < l->inputs; block += OUTPUTS) {
            float *to = packed + block * each;
            for (int64_t i = block, few; i < l->inputs && i < block + OUTPUTS; i += few) {
                few = block_at(i, l->inputs);
                for (int64_t n = 0; n < down.count; n++)
                    for (int64_t m = 0; m < right.count; m++) {
                        const int64_t y = down.at + l->padding - s * (down.first + n);
                        const int64_t x = right.at + l->padding - s * (right.first + m);
                        const float *from = weight + (i * k + y) * k + x;
                        for (int64_t q = 0; q < square; q++)
                            for (int64_t o = 0; o < l->channels; o++) /* the output (q, o), which torch calls (o, q) */
                                for (int64_t c = 0; c < few; c++)
                                    *to++ = from[(o * square + q) * taps_of(l) + c * k * k];
                    }
            }
        }
        packed += l->inputs * each;
    }
}

/* The sweep of a kind of pixels over the gradient of the outputs, with its border, without its weights; `offset` is for its use. */
static struct sweep sweep_back(const struct layer *l, int64_t kind, const lanes *outputs_gradient, lanes *gradient, int64_t *offset)
{
    const int64_t s = l->stride, q = border_of(l), outputs = outputs_of(l), below = bordered_line_of(l);
    const int64_t line = l->width * l->inputs;
    const struct reach down = reach_of(l, kind / s), right = reach_of(l, kind % s);
    for (int64_t c = 0; c < l->inputs; c++)
        offset[c] = c;
    struct sweep all = {.x = outputs_gradient, .start = (down.first + q) * below + (right.first + q) * outputs, .row = below,
                        .step = outputs, .count = down.count, .run = right.count * outputs,
                        .out = gradient + down.at * line + right.at * l->inputs, .to = {s * line, s * l->inputs, offset},
                        .rows = (l->height - down.at + s - 1) / s, .columns = (l->width - right.at + s - 1) / s,
                        .outputs = l->inputs};
    for (int64_t n = 0; n < down.count; n++)
        all.lines[n] = n * below;
    return all;
}

/* From the gradient of the outputs, with its border, to that of the image, (height, width, inputs). */
static void convolve_back(const struct layer *l, const lanes *outputs_gradient, const float *packed, lanes *gradient)
{
    int64_t offset[l->inputs];
    for (int64_t kind = 0; kind < l->stride * l->stride; kind++) {
        struct sweep all = sweep_back(l, kind, outputs_gradient, gradient, offset);
        all.weights = packed;
        sweep_plain(&all);
        packed += all.count * all.run * l->inputs;
    }
}

#endif

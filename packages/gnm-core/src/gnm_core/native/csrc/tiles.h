/* The same products in bfloat16, sums in float32, on processors with matrix tiles (AMX): for layers that may be rounded.
 *
 * A tile of weights, 16 outputs by 32 numbers of a run, meets a tile of an image, those 32 numbers of 16 images: numbers that differ
 * in their last bit of place lie side by side, as the processor wants them, so that an image is half as large. */
#ifndef TILES_H
#define TILES_H

#include "half.h"
#include "products.h"
#include "weight_gradients.h"

#ifdef TILES

#include <immintrin.h>

enum { SIDE = 16, DEPTH = 32, WORDS = SIDE * DEPTH }; /* of a tile: rows, bfloats in a row, bfloats in all */

static void tiles_begin(void)
{
    struct __attribute__((packed)) {
        uint8_t palette, start, none[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.row_bytes[i] = 2 * DEPTH;
        shape.rows[i] = SIDE;
    }
    _tile_loadconfig(&shape);
}

static void tiles_end(void) { _tile_release(); }

INLINE uint16_t rounded_to_half(float x)
{
    uint32_t whole;
    memcpy(&whole, &x, 4);
    return x != x ? 0x7fc0 : (whole + 0x7fff + (whole >> 16 & 1)) >> 16;
}

static inline int64_t tiles_in(int64_t run) { return (run + DEPTH - 1) / DEPTH; }

/* bfloats that `pack_tiles` and `pack_tiles_back` write. */
static inline int64_t tile_words_of(const struct layer *l)
{
    const int64_t s = l->stride, k = l->kernel, blocks = rounded(outputs_of(l)) / SIDE, back = rounded(l->inputs) / SIDE;
    const int64_t forward = blocks * k * tiles_in(k * l->inputs);
    const int64_t reach = (k + s - 1) / s; /* outputs that meet a pixel along a side, at most */
    return most(forward, s * s * back * reach * tiles_in(reach * outputs_of(l))) * WORDS;
}

/* (blocks of 16 outputs, lines, tiles of a run, outputs of the block, 32), zero where there is nothing. */
static void pack_tiles(const struct layer *l, const float *weight, uint16_t *packed, int threads)
{
    const int64_t k = l->kernel, run = k * l->inputs, outputs = outputs_of(l);
    memset(packed, 0, rounded(outputs) * k * tiles_in(run) * DEPTH * sizeof(uint16_t));
#pragma omp parallel for num_threads(threads)
    for (int64_t o = 0; o < outputs; o++) {
        uint16_t *row = packed + o / SIDE * k * tiles_in(run) * WORDS + o % SIDE * DEPTH;
        for (int64_t y = 0; y < k; y++, row += tiles_in(run) * WORDS)
            for (int64_t x = 0; x < k; x++) {
                const float *from = weight + in_torch(l, o) * taps_of(l) + y * k + x;
                for (int64_t i = 0; i < l->inputs; i++) {
                    const int64_t at = x * l->inputs + i;
                    row[at / DEPTH * WORDS + at % DEPTH] = rounded_to_half(from[i * k * k]);
                }
            }
    }
}

/* For each kind of pixel: (blocks of 16 inputs, lines, tiles of (places, outputs), inputs of the block, 32). */
static void pack_tiles_back(const struct layer *l, const float *weight, uint16_t *packed, int threads)
{
    const int64_t s = l->stride, k = l->kernel, outputs = outputs_of(l), square = l->upscale * l->upscale;
    for (int64_t kind = 0; kind < s * s; kind++) {
        const struct reach down = reach_of(l, kind / s), right = reach_of(l, kind % s);
        const int64_t run = right.count * outputs, each = down.count * tiles_in(run) * WORDS;
        memset(packed, 0, rounded(l->inputs) / SIDE * each * sizeof(uint16_t));
#pragma omp parallel for num_threads(threads)
        for (int64_t i = 0; i < l->inputs; i++) {
            uint16_t *row = packed + i / SIDE * each + i % SIDE * DEPTH;
            for (int64_t n = 0; n < down.count; n++, row += tiles_in(run) * WORDS)
                for (int64_t m = 0; m < right.count; m++) {
                    const int64_t y = down.at + l->padding - s * (down.first + n);
                    const int64_t x = right.at + l->padding - s * (right.first + m);
                    const float *from = weight + (i * k + y) * k + x;
                    for (int64_t q = 0; q < square; q++)
                        for (int64_t c = 0; c < l->channels; c++) { /* the output (q, c), which torch calls (c, q) */
                            const int64_t at = m * outputs + q * l->channels + c;
                            row[at / DEPTH * WORDS + at % DEPTH] = rounded_to_half(from[(c * square + q) * taps_of(l)]);
                        }
                }
        }
        packed += rounded(l->inputs) / SIDE * each;
    }
}

/* Two neighbours of each image side by side, in half the memory. n is even; `x` has room for a tile behind it. */
static void halve(lanes *x, int64_t n)
{
    __m512i *to = (__m512i *)x;
    for (int64_t i = 0; i < n; i += 2) {
        const __m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x[i]));
        const __m512i odd = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)x[i + 1]));
        to[i / 2] = _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
    }
    /* The last run's tile may reach so far, and must find numbers: what is behind a run counts zero times. A NaN there still counts,
     * so that one reaches a few neighbours in its image. */
    memset(to + n / 2, 0, SIDE * sizeof(__m512i));
}

/* As `block` of products.h: one or two blocks of outputs, of one or two pixels. */
INLINE void tile_block(const int blocks, const int pixels, const enum epilogue epilogue, const struct sweep *s, int64_t h, int64_t w,
                       int64_t o)
{
    const int64_t tiles = tiles_in(s->run), each = s->count * tiles * WORDS;
    const uint16_t *weight = (const uint16_t *)s->weights + o / SIDE * each;
    const __m512i *first = (const __m512i *)s->x + (s->start + h * s->row + w * s->step) / 2;
    _tile_zero(0);
    if (pixels > 1)
        _tile_zero(1);
    if (blocks > 1)
        _tile_zero(2);
    if (blocks > 1 && pixels > 1)
        _tile_zero(3);
    for (int64_t line = 0; line < s->count; line++) {
        const __m512i *from = first + s->lines[line] / 2;
        for (int64_t tile = 0; tile < tiles; tile++, from += SIDE, weight += WORDS) {
            _tile_loadd(4, weight, 64);
            _tile_loadd(6, from, 64);
            _tile_dpbf16ps(0, 4, 6);
            if (pixels > 1) {
                _tile_loadd(7, from + s->step / 2, 64);
                _tile_dpbf16ps(1, 4, 7);
            }
            if (blocks > 1) {
                _tile_loadd(5, weight + each, 64);
                _tile_dpbf16ps(2, 5, 6);
            }
            if (blocks > 1 && pixels > 1)
                _tile_dpbf16ps(3, 5, 7);
        }
    }
    lanes sum[4][SIDE];
    _tile_stored(0, sum[0], 64);
    if (pixels > 1)
        _tile_stored(1, sum[1], 64);
    if (blocks > 1)
        _tile_stored(2, sum[2], 64);
    if (blocks > 1 && pixels > 1)
        _tile_stored(3, sum[3], 64);
    for (int block = 0; block < blocks; block++)
        for (int p = 0; p < pixels; p++) {
            lanes *to = s->out + h * s->to.row + (w + p) * s->to.step;
            const int64_t start = o + block * SIDE, few = s->outputs - start < SIDE ? s->outputs - start : SIDE;
            for (int64_t c = 0; c < few; c++)
                to[s->to.offset[start + c]] = apply_epilogue(epilogue, sum[2 * block + p][c] + (s->bias ? s->bias[start + c] : 0.f));
        }
}

INLINE void tile_sweep(const enum epilogue epilogue, const struct sweep *s)
{
    for (int64_t h = 0; h < s->rows; h++) {
        int64_t o = 0;
        for (; o + SIDE < s->outputs; o += 2 * SIDE) {
            int64_t w = 0;
            for (; w + 2 <= s->columns; w += 2)
                tile_block(2, 2, epilogue, s, h, w, o);
            for (; w < s->columns; w++)
                tile_block(2, 1, epilogue, s, h, w, o);
        }
        for (; o < s->outputs; o += SIDE) {
            int64_t w = 0;
            for (; w + 2 <= s->columns; w += 2)
                tile_block(1, 2, epilogue, s, h, w, o);
            for (; w < s->columns; w++)
                tile_block(1, 1, epilogue, s, h, w, o);
        }
    }
}
static __attribute__((noinline)) void tile_sweep_plain(const struct sweep *s) { tile_sweep(NOTHING, s); }
static __attribute__((noinline)) void tile_sweep_celu(const struct sweep *s) { tile_sweep(CELU_AND_NORM, s); }
static __attribute__((noinline)) void tile_sweep_sigmoid(const struct sweep *s) { tile_sweep(SIGMOID, s); }

/* As `convolve`; the image has been halved. */
static void tile_convolve(const struct layer *l, const lanes *image, const uint16_t *packed, const float *bias, lanes *out,
                          struct shuffle to)
{
    struct sweep s = sweep_of(l, image, out, to);
    s.weights = packed;
    s.bias = bias;
    (l->epilogue == CELU_AND_NORM ? tile_sweep_celu : l->epilogue == SIGMOID ? tile_sweep_sigmoid : tile_sweep_plain)(&s);
}

/* As `convolve_back`; the gradient of the outputs has been halved. */
static void tile_convolve_back(const struct layer *l, const lanes *outputs_gradient, const uint16_t *packed, lanes *gradient)
{
    const int64_t s = l->stride, blocks = rounded(l->inputs) / SIDE;
    int64_t offset[l->inputs];
    for (int64_t kind = 0; kind < s * s; kind++) {
        struct sweep all = sweep_back(l, kind, outputs_gradient, gradient, offset);
        all.weights = packed;
        tile_sweep_plain(&all);
        packed += blocks * all.count * tiles_in(all.run) * WORDS;
    }
}

/* Each number beside that of the pixel `step` further, in place: an image's numbers of two pixels are 32. */
static void pair_pixels(lanes *x, int64_t n, int64_t step)
{
    for (int64_t i = 0; i < n; i++) {
        const __m512 next = i + step < n ? (__m512)x[i + step] : _mm512_setzero_ps();
        x[i] = (lanes)(__m512i)_mm512_cvtne2ps_pbh(next, (__m512)x[i]);
    }
}

/* As `outer`: one or two blocks of taps, one or two of outputs. */
INLINE void tile_outer(const int taps, const int outputs, const lanes *x, int64_t step, int64_t row, const lanes *turned,
                       int64_t next, int64_t rows, int64_t pairs, float *to, int64_t jump)
{
    float *below = to + SIDE * jump;
    const int64_t bytes = jump * sizeof(float);
    _tile_loadd(0, to, bytes);
    if (outputs > 1)
        _tile_loadd(1, to + SIDE, bytes);
    if (taps > 1)
        _tile_loadd(2, below, bytes);
    if (taps > 1 && outputs > 1)
        _tile_loadd(3, below + SIDE, bytes);
    for (int64_t h = 0; h < rows; h++) {
        const lanes *from = x + h * row;
        for (int64_t w = 0; w < pairs; w++, from += 2 * step, turned += SIDE) {
            _tile_loadd(4, from, 64);
            _tile_loadd(6, turned, 64);
            _tile_dpbf16ps(0, 4, 6);
            if (outputs > 1) {
                _tile_loadd(7, turned + next, 64);
                _tile_dpbf16ps(1, 4, 7);
            }
            if (taps > 1) {
                _tile_loadd(5, from + SIDE, 64);
                _tile_dpbf16ps(2, 5, 6);
            }
            if (taps > 1 && outputs > 1)
                _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, to, bytes);
    if (outputs > 1)
        _tile_stored(1, to + SIDE, bytes);
    if (taps > 1)
        _tile_stored(2, below, bytes);
    if (taps > 1 && outputs > 1)
        _tile_stored(3, below + SIDE, bytes);
}

/* As `turn_outputs`; the image's pixels have been paired, the gradient has not been halved. */
static void tile_weight_gradients(const struct layer *l, const lanes *image, const lanes *gradient, lanes *turned, float *weight)
{
    const int64_t q = border_of(l), columns = columns_of(l), outputs = outputs_of(l), jump = rounded(outputs);
    const int64_t run = l->kernel * l->inputs, strip = strip_of(l), pairs = (columns + 1) / 2, s = l->stride;
    for (int64_t h = 0; h < rows_of(l); h += strip) {
        const int64_t rows = h + strip < rows_of(l) ? strip : rows_of(l) - h, next = rows * pairs * SIDE;
        for (int64_t o = 0; o < outputs; o += SIDE)
            for (int64_t r = 0; r < rows; r++)
                for (int64_t w = 0; w < columns; w += 2) {
                    const lanes *from = gradient + (h + r + q) * bordered_line_of(l) + (w + q) * outputs + o;
                    lanes some[SIDE] = {0};
                    for (int64_t c = 0; c < SIDE && o + c < outputs; c++) {
                        const __m512 second = w + 1 < columns ? (__m512)from[outputs + c] : _mm512_setzero_ps();
                        some[c] = (lanes)(__m512i)_mm512_cvtne2ps_pbh(second, (__m512)from[c]);
                    }
                    transpose(some, turned + o / SIDE * next + (r * pairs + w / 2) * SIDE);
                }
        for (int64_t y = 0; y < l->kernel; y++)
            for (int64_t i = 0, some; i < run; i += some) {
                some = i + SIDE < run ? 2 * SIDE : SIDE;
                const lanes *from = image + (h * s + y) * line_of(l) + i;
                for (int64_t o = 0; o < outputs; o += 2 * SIDE) {
                    const lanes *other = turned + o / SIDE * next;
                    float *to = weight + sum_at(l, y, 0, i, o);
                    const int64_t step = s * l->inputs, row = s * line_of(l);
                    if (some > SIDE && o + SIDE < outputs)
                        tile_outer(2, 2, from, step, row, other, next, rows, pairs, to, jump);
                    else if (some > SIDE)
                        tile_outer(2, 1, from, step, row, other, next, rows, pairs, to, jump);
                    else if (o + SIDE < outputs)
                        tile_outer(1, 2, from, step, row, other, next, rows, pairs, to, jump);
                    else
                        tile_outer(1, 1, from, step, row, other, next, rows, pairs, to, jump);
                }
            }
    }
}

#else /* never called */

static inline int64_t tile_words_of(const struct layer *l) { return 0 * l->half; }
static void pack_tiles(const struct layer *l, const float *weight, uint16_t *packed, int threads)
{
    (void)l, (void)weight, (void)packed, (void)threads;
}
static void pack_tiles_back(const struct layer *l, const float *weight, uint16_t *packed, int threads)
{
    (void)l, (void)weight, (void)packed, (void)threads;
}
static void tiles_begin(void) {}
static void tiles_end(void) {}
static void halve(lanes *x, int64_t n) { (void)x, (void)n; }
static void pair_pixels(lanes *x, int64_t n, int64_t step) { (void)x, (void)n, (void)step; }
static void tile_convolve(const struct layer *l, const lanes *image, const uint16_t *packed, const float *bias, lanes *out,
                          struct shuffle to)
{
    (void)l, (void)image, (void)packed, (void)bias, (void)out, (void)to;
}
static void tile_convolve_back(const struct layer *l, const lanes *outputs_gradient, const uint16_t *packed, lanes *gradient)
{
    (void)l, (void)outputs_gradient, (void)packed, (void)gradient;
}
static void tile_weight_gradients(const struct layer *l, const lanes *image, const lanes *gradient, lanes *turned, float *weight)
{
    (void)l, (void)image, (void)gradient, (void)turned, (void)weight;
}

#endif
#endif

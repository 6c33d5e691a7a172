/* One layer of a stack, and the sizes that follow from it. Must be laid out as in `stack.py`. */
#ifndef LAYER_H
#define LAYER_H

#include "lanes.h"

enum epilogue { NOTHING, CELU_AND_NORM, SIGMOID };

/* A number, through the epilogue of its layer: its CELU without the norm. */
INLINE lanes apply_epilogue(const enum epilogue epilogue, lanes x)
{
    return epilogue == CELU_AND_NORM ? celu(x) : epilogue == SIGMOID ? sigmoid(x) : x;
}

struct layer {
    int64_t height, width, inputs;   /* of the image it is given */
    int64_t kernel, stride, padding; /* of its convolution; kernel 0: it is given what a convolution has made */
    int64_t upscale, channels;       /* r and C of the image it makes: its convolution has r * r * C outputs */
    int64_t epilogue;
    int64_t half;                    /* whether its products may be of bfloats */
};

struct parameters { const float *weight, *bias, *scale, *shift; }; /* as torch has them */
struct gradients { float *weight, *bias, *scale, *shift; };        /* null: not wanted */

static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline int64_t rounded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Rows, columns and channels of what its convolution makes. */
static inline int64_t along(const struct layer *l, int64_t side)
{
    return l->kernel ? (side + 2 * l->padding - l->kernel) / l->stride + 1 : side;
}
static inline int64_t rows_of(const struct layer *l) { return along(l, l->height); }
static inline int64_t columns_of(const struct layer *l) { return along(l, l->width); }
static inline int64_t outputs_of(const struct layer *l) { return l->upscale * l->upscale * l->channels; }
static inline int64_t size_of(const struct layer *l) { return rows_of(l) * columns_of(l) * outputs_of(l); }

/* Numbers of its activation that are kept for the backward pass: a picture is not, it is there anyway. */
static inline int64_t kept_of(const struct layer *l) { return l->epilogue == CELU_AND_NORM ? size_of(l) : 0; }

/* Numbers that each output is made of. */
static inline int64_t taps_of(const struct layer *l) { return l->inputs * l->kernel * l->kernel; }

/* Numbers of one image that the layer is given. */
static inline int64_t given_of(const struct layer *l)
{
    return l->kernel ? l->height * l->width * l->inputs : size_of(l);
}

/* Numbers in a line of the image that the convolution sees, with its padding; and in all of it. */
static inline int64_t line_of(const struct layer *l) { return (l->width + 2 * l->padding) * l->inputs; }
static inline int64_t padded_of(const struct layer *l) { return (l->height + 2 * l->padding) * line_of(l); }

/* How far the gradient of the input reaches beyond the outputs; numbers in a line of them with that border; and in all. */
static inline int64_t border_of(const struct layer *l)
{
    return l->kernel ? (l->kernel - 1 - l->padding + l->stride - 1) / l->stride : 0;
}
static inline int64_t bordered_line_of(const struct layer *l) { return (columns_of(l) + 2 * border_of(l)) * outputs_of(l); }
static inline int64_t bordered_of(const struct layer *l) { return (rows_of(l) + 2 * border_of(l)) * bordered_line_of(l); }

/* torch's number of an output. It orders them (C, r, r), we (r, r, C): then the shuffle moves whole runs. */
static inline int64_t in_torch(const struct layer *l, int64_t output)
{
    return output % l->channels * l->upscale * l->upscale + output / l->channels;
}

/* Where the outputs of a pixel go: `row` and `step` for its row and column, and an offset for each output. */
struct shuffle { int64_t row, step, *offset; };

/* The image is (C, r H, r W) if it is planar, else (r H, r W, C). */
static inline struct shuffle shuffle_of(const struct layer *l, int planar, int64_t *offset)
{
    const int64_t r = l->upscale, width = columns_of(l) * r, height = rows_of(l) * r;
    for (int64_t o = 0; o < outputs_of(l); o++) {
        const int64_t c = o % l->channels, x = o / l->channels % r, y = o / l->channels / r;
        offset[o] = planar ? (c * height + y) * width + x : (y * width + x) * l->channels + c;
    }
    const int64_t step = planar ? r : r * l->channels;
    return (struct shuffle){r * width * (planar ? 1 : l->channels), step, offset};
}

/* ---- Bands: a few rows of outputs at a time, so that what their convolution sees stays in the cache ---- */

enum { BAND = 8192 }; /* vectors of an image, about, that a band sees */

/* Rows of outputs in a band. Only if every row of outputs has `stride` rows of the image to itself can there be several bands. */
static inline int64_t band_of(const struct layer *l)
{
    const int64_t few = BAND / most(most(l->stride * line_of(l), bordered_line_of(l)), 1);
    return l->kernel - 2 * l->padding == l->stride && few < rows_of(l) ? most(few, 1) : rows_of(l);
}

/* The band that begins with this row of outputs, as a layer of its own: its image begins `stride` times as far down. */
static inline struct layer band_from(const struct layer *l, int64_t first)
{
    const int64_t rows = band_of(l), end = (first + rows) * l->stride;
    struct layer band = *l;
    if (l->kernel)
        band.height = (first + rows < rows_of(l) ? end : l->height) - first * l->stride;
    return band;
}

/* Numbers that any band's convolution sees, and of its outputs with their border, at most; with room for a tile behind them. */
static inline int64_t band_input_of(const struct layer *l)
{
    return ((band_of(l) + 1) * most(l->stride, 1) + most(l->kernel, 2 * l->padding) + l->stride) * line_of(l) + LANES;
}
static inline int64_t made_of(const struct layer *l) { return (band_of(l) + 2 * border_of(l)) * bordered_line_of(l) + LANES; }

#endif

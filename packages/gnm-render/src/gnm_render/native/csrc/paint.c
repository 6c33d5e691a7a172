/* Objects onto canvases, forward and backward: spatial transformers with axis-aligned boxes, one scene a thread's work.
 *
 * An object is stretched along its rows, then along its columns, and only where its box is. Pixels hold their channels next to each
 * other, rounded up to whole vectors of four: with masks, appearance times alpha in the first C, then alpha. Nothing is kept for the
 * backward pass but what it was given: stretching once more is cheap.
 *
 * Sizes: B scenes of N objects; decoded (B, N, C + masks, s, s), presence and priority (B, N), where (B, N, 4) = (width, height, x, y),
 * image (B, C, S, S), alpha and weights (B, S, S). */
#include "axis.h"

#include <stdlib.h>
#include <string.h>

typedef float four __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

struct sizes { int64_t channels, masks, side, size; };

/* Vectors of a pixel. */
static int64_t width_of(const struct sizes *z) { return (z->channels + z->masks + 3) / 4; }

/* One thread's memory. */
struct workspace {
    struct axis across, down;
    float *of_across, *of_down;        /* gradients of positions */
    four *glimpse, *glimpse_gradient;  /* (s + 2, s + 2, vectors), empty at the border */
    four *strips, *strips_gradient;    /* (s + 2, S, vectors): stretched along the rows, empty at both ends */
    four *row;                         /* (S, vectors) */
    four *canvas;                      /* (S, S, vectors) */
    float *alpha;                      /* (S, S) */
};

static void release(struct workspace *t)
{
    void *all[] = {t->across.before, t->across.after, t->down.before, t->down.after, t->of_across, t->of_down,
                   t->glimpse, t->glimpse_gradient, t->strips, t->strips_gradient, t->row, t->canvas, t->alpha};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        free(all[i]);
}

/* Returns 0, or 1 without memory. */
static int allocate(struct workspace *t, const struct sizes *z)
{
    const size_t vectors = width_of(z), bordered = z->side + 2, size = z->size, all = size * size;
    *t = (struct workspace){
        {0, 0, calloc(size, sizeof(int64_t)), calloc(size, sizeof(float))},
        {0, 0, calloc(size, sizeof(int64_t)), calloc(size, sizeof(float))},
        calloc(size, sizeof(float)),
        calloc(size, sizeof(float)),
        calloc(bordered * bordered * vectors, sizeof(four)),
        calloc(bordered * bordered * vectors, sizeof(four)),
        calloc(bordered * size * vectors, sizeof(four)),
        calloc(bordered * size * vectors, sizeof(four)),
        calloc(size * vectors, sizeof(four)),
        calloc(all * vectors, sizeof(four)),
        calloc(all, sizeof(float)),
    };
    return !t->across.before || !t->across.after || !t->down.before || !t->down.after || !t->of_across || !t->of_down ||
           !t->glimpse || !t->glimpse_gradient || !t->strips || !t->strips_gradient || !t->row || !t->canvas || !t->alpha;
}

/* ---- An object under its alpha ---- */

INLINE void cover_of(const int64_t channels, const int64_t masks, const struct sizes *z, const float *decoded, float presence, four *glimpse)
{
    const int64_t s = z->side, slots = (channels + masks + 3) / 4 * 4, plane = s * s;
    for (int64_t y = 0; y < s; y++) {
        float *to = (float *)glimpse + ((y + 1) * (s + 2) + 1) * slots;
        const float *from = decoded + y * s;
        for (int64_t x = 0; x < s; x++, to += slots, from++) {
            const float alpha = masks ? presence * from[channels * plane] : presence;
            for (int64_t c = 0; c < channels; c++)
                to[c] = alpha * from[c * plane];
            if (masks)
                to[channels] = alpha;
        }
    }
}

/* The sizes of the paper's models are constants: whole pixels are then written at once. */
static void cover(const struct sizes *z, const float *decoded, float presence, four *glimpse)
{
    if (z->channels == 3 && z->masks)
        cover_of(3, 1, z, decoded, presence, glimpse);
    else if (z->channels == 1 && !z->masks)
        cover_of(1, 0, z, decoded, presence, glimpse);
    else
        cover_of(z->channels, z->masks, z, decoded, presence, glimpse);
}

INLINE float cover_back_of(const int64_t channels, const int64_t masks, const struct sizes *z, const four *glimpse_gradient,
                           const float *decoded, float presence, float *gradient)
{
    const int64_t s = z->side, slots = (channels + masks + 3) / 4 * 4, plane = s * s;
    double of_presence = 0.;
    for (int64_t y = 0; y < s; y++) {
        const float *given = (const float *)glimpse_gradient + ((y + 1) * (s + 2) + 1) * slots;
        const float *from = decoded + y * s;
        float *to = gradient + y * s, sum = 0.f;
        for (int64_t x = 0; x < s; x++, to++, given += slots, from++) {
            const float mask = masks ? from[channels * plane] : 1.f, alpha = mask * presence;
            float of_alpha = masks ? given[channels] : 0.f;
            for (int64_t c = 0; c < channels; c++) {
                to[c * plane] = given[c] * alpha;
                of_alpha += given[c] * from[c * plane];
            }
            if (masks)
                to[channels * plane] = of_alpha * presence;
            sum += of_alpha * mask;
        }
        of_presence += sum;
    }
    return (float)of_presence;
}

static float cover_back(const struct sizes *z, const four *glimpse_gradient, const float *decoded, float presence, float *gradient)
{
    if (z->channels == 3 && z->masks)
        return cover_back_of(3, 1, z, glimpse_gradient, decoded, presence, gradient);
    if (z->channels == 1 && !z->masks)
        return cover_back_of(1, 0, z, glimpse_gradient, decoded, presence, gradient);
    return cover_back_of(z->channels, z->masks, z, glimpse_gradient, decoded, presence, gradient);
}

/* ---- Stretching ---- */

/* Rows of the glimpse → strips. */
INLINE void stretch(const struct sizes *z, const int64_t vectors, struct workspace *t)
{
    const struct axis *a = &t->across;
    for (int64_t y = 1; y <= z->side; y++) {
        const four *from = t->glimpse + y * (z->side + 2) * vectors;
        four *to = t->strips + y * z->size * vectors;
        for (int64_t x = a->first; x < a->end; x++) {
            const four *pair = from + a->before[x] * vectors;
            for (int64_t k = 0; k < vectors; k++)
                to[x * vectors + k] = pair[k] + a->after[x] * (pair[vectors + k] - pair[k]);
        }
    }
}

INLINE void stretch_back(const struct sizes *z, const int64_t vectors, struct workspace *t)
{
    const struct axis *a = &t->across;
    memset(t->of_across, 0, z->size * sizeof(float));
    memset(t->glimpse_gradient, 0, (z->side + 2) * (z->side + 2) * vectors * sizeof(four));
    for (int64_t y = 1; y <= z->side; y++) {
        const four *from = t->glimpse + y * (z->side + 2) * vectors, *given = t->strips_gradient + y * z->size * vectors;
        four *to = t->glimpse_gradient + y * (z->side + 2) * vectors;
        for (int64_t x = a->first; x < a->end; x++) {
            const int64_t at = a->before[x] * vectors;
            four slope = {0};
            for (int64_t k = 0; k < vectors; k++) {
                const four g = given[x * vectors + k], later = a->after[x] * g;
                to[at + k] += g - later;
                to[at + vectors + k] += later;
                slope += g * (from[at + vectors + k] - from[at + k]);
            }
            t->of_across[x] += slope[0] + slope[1] + slope[2] + slope[3];
        }
    }
}

/* One row of the canvas, between two strips. */
static void between(const struct sizes *z, struct workspace *t, int64_t y)
{
    const int64_t slots = 4 * width_of(z), start = t->across.first * slots, end = t->across.end * slots;
    const float *above = (const float *)t->strips + t->down.before[y] * z->size * slots, *below = above + z->size * slots;
    const float after = t->down.after[y];
    float *to = (float *)t->row;
    for (int64_t i = start; i < end; i++)
        to[i] = above[i] + after * (below[i] - above[i]);
}

/* From the gradient of that row. */
static void between_back(const struct sizes *z, struct workspace *t, int64_t y, const float *given)
{
    const int64_t slots = 4 * width_of(z), start = t->across.first * slots, end = t->across.end * slots;
    const int64_t at = t->down.before[y] * z->size * slots;
    const float *above = (const float *)t->strips + at, *below = above + z->size * slots;
    const float after = t->down.after[y];
    float *to = (float *)t->strips_gradient + at, *next = to + z->size * slots, slope = 0.f;
#pragma omp simd reduction(+ : slope)
    for (int64_t i = start; i < end; i++) {
        to[i] += given[i] - after * given[i];
        next[i] += after * given[i];
        slope += given[i] * (below[i] - above[i]);
    }
    t->of_down[y] = slope;
}

/* Returns whether anything of the object is on the canvas. */
static int prepare(const struct sizes *z, struct workspace *t, const float *decoded, float presence, const float *where)
{
    locate(&t->across, where[0], where[2], z->side, z->size);
    locate(&t->down, where[1], where[3], z->side, z->size);
    if (t->across.first >= t->across.end || t->down.first >= t->down.end)
        return 0;
    cover(z, decoded, presence, t->glimpse);
    if (width_of(z) == 1)
        stretch(z, 1, t);
    else
        stretch(z, width_of(z), t);
    return 1;
}

/* ---- Onto the canvas ---- */

static void add(const struct sizes *z, struct workspace *t, int64_t y)
{
    const int64_t slots = 4 * width_of(z), start = t->across.first * slots, end = t->across.end * slots;
    float *to = (float *)t->canvas + y * z->size * slots;
    const float *from = (const float *)t->row;
    for (int64_t i = start; i < end; i++)
        to[i] += from[i];
}

/* An object has weight alpha * priority in a pixel: the canvas sums weight * object, and weights in place of alpha. */
INLINE void add_weights_of(const int64_t channels, const struct sizes *z, struct workspace *t, int64_t y, float priority)
{
    const int64_t slots = (channels + 1 + 3) / 4 * 4;
    float *to = (float *)t->canvas + y * z->size * slots, *alphas = t->alpha + y * z->size, *from = (float *)t->row;
    for (int64_t x = t->across.first; x < t->across.end; x++) {
        const float alpha = from[x * slots + channels], weight = alpha * priority;
        alphas[x] += alpha;
        from[x * slots + channels] = 1.f;
        for (int64_t i = 0; i < slots; i++)
            to[x * slots + i] += weight * from[x * slots + i];
    }
}

static void add_weights(const struct sizes *z, struct workspace *t, int64_t y, float priority)
{
    if (z->channels == 3)
        add_weights_of(3, z, t, y, priority);
    else
        add_weights_of(z->channels, z, t, y, priority);
}

/* The row's gradient from that of the canvas; returns the priority's. */
INLINE float add_weights_back_of(const int64_t channels, const struct sizes *z, struct workspace *t, int64_t y, float priority)
{
    const int64_t slots = (channels + 1 + 3) / 4 * 4;
    const float *given = (const float *)t->canvas + y * z->size * slots, *alphas = t->alpha + y * z->size;
    float *row = (float *)t->row, of_priority = 0.f;
    for (int64_t x = t->across.first; x < t->across.end; x++) {
        float *pixel = row + x * slots, of_weight = 0.f;
        const float *gradient = given + x * slots, alpha = pixel[channels];
        pixel[channels] = 1.f;
        for (int64_t i = 0; i < slots; i++) {
            of_weight += gradient[i] * pixel[i];
            pixel[i] = gradient[i] * (alpha * priority);
        }
        pixel[channels] = of_weight * priority + alphas[x];
        of_priority += of_weight * alpha;
    }
    return of_priority;
}

static float add_weights_back(const struct sizes *z, struct workspace *t, int64_t y, float priority)
{
    if (z->channels == 3)
        return add_weights_back_of(3, z, t, y, priority);
    return add_weights_back_of(z->channels, z, t, y, priority);
}

/* image: without masks the sum of all objects; with them sum of weight * object / sum of weights. Returns 0, or 1 without memory. */
int paint_forward(const float *decoded, const float *presence, const float *priority, const float *where, float *image, float *alpha,
                  float *weights, int64_t B, int64_t N, int64_t C, int64_t masks, int64_t side, int64_t size, int threads)
{
    const struct sizes z = {C, masks, side, size};
    const int64_t slots = 4 * width_of(&z), all = size * size, glimpse = (C + masks) * side * side;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        struct workspace t;
        failed = allocate(&t, &z);
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < B; b++) {
            if (failed)
                continue;
            memset(t.canvas, 0, all * slots * sizeof(float));
            memset(t.alpha, 0, all * sizeof(float));
            for (int64_t m = b * N; m < (b + 1) * N; m++) {
                if (!prepare(&z, &t, decoded + m * glimpse, presence[m], where + 4 * m))
                    continue;
                for (int64_t y = t.down.first; y < t.down.end; y++) {
                    between(&z, &t, y);
                    if (masks)
                        add_weights(&z, &t, y, priority[m]);
                    else
                        add(&z, &t, y);
                }
            }
            const float *canvas = (const float *)t.canvas;
            for (int64_t i = 0; i < all; i++) {
                const float weighted = masks ? canvas[i * slots + C] : 0.f, share = masks ? 1.f / (weighted + TINY) : 1.f;
                for (int64_t c = 0; c < C; c++)
                    image[(b * C + c) * all + i] = masks ? canvas[i * slots + c] * share : canvas[i * slots + c];
                if (masks)
                    weights[b * all + i] = weighted;
            }
            if (masks)
                memcpy(alpha + b * all, t.alpha, all * sizeof(float));
        }
        release(&t);
    }
    return failed;
}

/* Gradients of what `paint_forward` was given, from those of the image and the alphas; image, and what belongs to masks, may be null
 * without them. Returns 0, or 1 without memory. */
int paint_backward(const float *image_gradient, const float *alpha_gradient, const float *image, const float *weights,
                   const float *decoded, const float *presence, const float *priority, const float *where, float *decoded_gradient,
                   float *presence_gradient, float *priority_gradient, float *where_gradient, int64_t B, int64_t N, int64_t C,
                   int64_t masks, int64_t side, int64_t size, int threads)
{
    const struct sizes z = {C, masks, side, size};
    const int64_t slots = 4 * width_of(&z), all = size * size, glimpse = (C + masks) * side * side;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        struct workspace t;
        failed = allocate(&t, &z);
#pragma omp for schedule(dynamic)
        for (int64_t b = 0; b < B; b++) {
            if (failed)
                continue;
            float *canvas = (float *)t.canvas;
            for (int64_t i = 0; i < all; i++) {
                const float share = masks ? 1.f / (weights[b * all + i] + TINY) : 1.f;
                float of_claims = 0.f;
                for (int64_t c = 0; c < C; c++) {
                    const int64_t at = (b * C + c) * all + i;
                    canvas[i * slots + c] = image_gradient[at] * share;
                    of_claims -= masks ? image_gradient[at] * share * image[at] : 0.f;
                }
                if (masks)
                    canvas[i * slots + C] = of_claims;
            }
            if (masks)
                memcpy(t.alpha, alpha_gradient + b * all, all * sizeof(float));
            for (int64_t m = b * N; m < (b + 1) * N; m++) {
                const float *box = where + 4 * m;
                float *to = decoded_gradient + m * glimpse, *of_where = where_gradient + 4 * m;
                double of_priority = 0.;
                if (prepare(&z, &t, decoded + m * glimpse, presence[m], box)) {
                    memset(t.strips_gradient, 0, (side + 2) * size * slots * sizeof(float));
                    for (int64_t y = t.down.first; y < t.down.end; y++) {
                        const float *of_row = canvas + y * size * slots; /* of a sum, each summand's gradient is the sum's */
                        if (masks) {
                            between(&z, &t, y);
                            of_priority += add_weights_back(&z, &t, y, priority[m]);
                            of_row = (const float *)t.row;
                        }
                        between_back(&z, &t, y, of_row);
                    }
                    if (slots == 4)
                        stretch_back(&z, 1, &t);
                    else
                        stretch_back(&z, slots / 4, &t);
                    presence_gradient[m] = cover_back(&z, t.glimpse_gradient, decoded + m * glimpse, presence[m], to);
                    locate_back(&t.across, t.of_across, box[0], box[2], side, size, of_where, of_where + 2);
                    locate_back(&t.down, t.of_down, box[1], box[3], side, size, of_where + 1, of_where + 3);
                } else {
                    memset(to, 0, glimpse * sizeof(float));
                    memset(of_where, 0, 4 * sizeof(float));
                    presence_gradient[m] = 0.f;
                }
                if (masks)
                    priority_gradient[m] = (float)of_priority;
            }
        }
        release(&t);
    }
    return failed;
}

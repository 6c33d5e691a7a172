/* A stack of convolutions, each with its shuffle, CELU and norm or a sigmoid behind it, forward and backward.
 *
 * LANES images go through all layers before the next ones do, so that what lies between two layers stays in the cache. What is
 * kept for the backward pass are the activations, which the norms and the convolutions' inputs are made of once more. */
#include "norm.h"
#include "products.h"
#include "tiles.h"
#include "weight_gradients.h"

enum { SHARES = 16 }; /* gradients are summed in so many shares at most, whatever the number of threads */

int64_t stack_lanes(void) { return LANES; }

int64_t stack_has_tiles(void) { return tiles_allowed(); }

/* Floats for a layer's weights, in tiles or not, and its biases. */
static int64_t weights_of(const struct layer *l)
{
    return tiled(l) ? tile_words_of(l) / 2 + rounded(outputs_of(l)) : packed_of(l);
}
static float *biases_at(const struct layer *l, float *weights) { return weights + tile_words_of(l) / 2; }

/* Images of the group that begins with this one. */
static int64_t images_from(int64_t first, int64_t B) { return B - first < LANES ? B - first : LANES; }

/* The image that the first layer is given, with its padding. */
static void pad(const struct layer *l, const float *x, int64_t images, lanes *to)
{
    const int64_t run = l->width * l->inputs;
    clear_border(to, l->height, l->width, l->inputs, l->padding);
    for (int64_t h = 0; h < l->height; h++)
        load(x + h * run, l->height * run, images, run, to + (h + l->padding) * line_of(l) + l->padding * l->inputs);
}

/* What a convolution has made, through the layer's ending. */
static void finish(const struct layer *l, const lanes *from, lanes *out, struct shuffle to)
{
    for (int64_t h = 0; h < rows_of(l); h++)
        for (int64_t w = 0; w < columns_of(l); w++)
            for (int64_t o = 0; o < outputs_of(l); o++, from++)
                out[h * to.row + w * to.step + to.place[o]] =
                    l->ending == CELU_AND_NORM ? celu(*from) : l->ending == SIGMOID ? sigmoid(*from) : *from;
}

/* x: (B, ...), what the first layer is given, channels last. out: (B, H, W, C) if the last layer ends in a norm, else (B, C, H, W).
 * kept: (groups, all that is kept) lanes, or null; statistics: (groups, n). Returns 0, or 1 without memory. */
int stack_forward(const float *x, float *out, const struct layer *layers, const struct parameters *parameters, lanes *kept,
                  struct statistics *statistics, int64_t n, int64_t B, float epsilon, int threads)
{
    const struct layer *last = layers + n - 1;
    int64_t all_packed = 0, all_kept = 0, padded = most(given_of(layers), size_of(last)), largest = 0;
    for (const struct layer *l = layers; l <= last; l++) {
        all_packed += weights_of(l);
        all_kept += kept_of(l);
        padded = most(padded, padded_of(l) + LANES);
        largest = most(largest, kept && kept_of(l) ? 0 : size_of(l));
    }
    float *weights = floats_for(all_packed);
    if (!weights)
        return 1;
    float *end = weights;
    for (int64_t i = 0; i < n; end += weights_of(layers + i++))
        if (tiled(layers + i)) {
            pack_tiles(layers + i, parameters[i].weight, (uint16_t *)end);
            for (int64_t o = 0; o < outputs_of(layers + i); o++)
                biases_at(layers + i, end)[o] = parameters[i].bias[in_torch(layers + i, o)];
        } else
            pack(layers + i, parameters + i, end);
    int failed = 0, tiles = 0;
    for (const struct layer *l = layers; l <= last; l++)
        tiles |= tiled(l);
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        lanes *image = lanes_for(padded), *scratch = lanes_for(largest);
        failed = !image || !scratch;
        if (tiles)
            tiles_begin();
#pragma omp for schedule(static)
        for (int64_t first = 0; first < B; first += LANES) {
            if (failed)
                continue;
            const int64_t group = first / LANES, images = images_from(first, B);
            const float *given = x + first * given_of(layers);
            float *packed = weights;
            lanes *keep = kept ? kept + group * all_kept : NULL, *a = scratch;
            for (int64_t i = 0; i < n; i++) {
                const struct layer *l = layers + i;
                a = keep && kept_of(l) ? keep : scratch;
                int64_t place[outputs_of(l)];
                const struct shuffle to = shuffle_of(l, l->ending != CELU_AND_NORM, place);
                if (l->kernel) {
                    if (i == 0)
                        pad(l, given, images, image);
                    if (tiled(l)) {
                        halve(image, padded_of(l));
                        tile_convolve(l, image, (const uint16_t *)packed, biases_at(l, packed), a, to);
                    } else
                        convolve(l, image, packed, a, to);
                } else {
                    load(given, given_of(l), images, given_of(l), image);
                    finish(l, image, a, to);
                }
                if (l->ending == CELU_AND_NORM) {
                    const struct statistics s = statistics_of(a, size_of(l), epsilon);
                    statistics[group * n + i] = s;
                    normalise(a, s, parameters + i, rows_of(l) * l->upscale, columns_of(l) * l->upscale, l->channels,
                              l < last ? l[1].padding : 0, image);
                }
                packed += weights_of(l);
                keep = keep ? keep + kept_of(l) : NULL;
            }
            const lanes *made = last->ending == CELU_AND_NORM ? image : a;
            store(made, size_of(last), out + first * size_of(last), size_of(last), images);
        }
        if (tiles)
            tiles_end();
        free(image);
        free(scratch);
    }
    free(weights);
    return failed;
}

/* Sums of gradients of one layer: weights, biases, scales, shifts. */
struct sums { float *weight, *bias, *scale, *shift; };
static int64_t sums_of(const struct layer *l) { return weight_sums_of(l) + rounded(outputs_of(l)) + 2 * rounded(l->channels); }
static struct sums sums_at(const struct layer *l, float *start)
{
    float *bias = start + weight_sums_of(l), *scale = bias + rounded(outputs_of(l));
    return (struct sums){start, bias, scale, scale + rounded(l->channels)};
}

/* From the gradient of the last layer's picture to that of its outputs; adds to that of its bias. */
static void through_picture(const struct layer *l, const lanes *gradient, const lanes *picture, float *bias, lanes *to)
{
    const int64_t q = border_of(l);
    int64_t place[outputs_of(l)];
    const struct shuffle from = shuffle_of(l, 1, place);
    clear_border(to, rows_of(l), columns_of(l), outputs_of(l), q);
    lanes sums[outputs_of(l)];
    memset(sums, 0, sizeof(sums));
    for (int64_t h = 0; h < rows_of(l); h++)
        for (int64_t w = 0; w < columns_of(l); w++) {
            lanes *pixel = to + (h + q) * bordered_line_of(l) + (w + q) * outputs_of(l);
            for (int64_t o = 0; o < outputs_of(l); o++) {
                const int64_t at = h * from.row + w * from.step + place[o];
                pixel[o] = gradient[at] * (l->ending == SIGMOID ? picture[at] * (1.f - picture[at]) : every(1.f));
                sums[o] += pixel[o];
            }
        }
    for (int64_t o = 0; o < outputs_of(l); o++)
        bias[o] += total(sums[o]);
}

/* In torch's order. */
static void hand_over(const struct layer *l, struct sums from, const struct gradients *to)
{
    for (int64_t o = 0; o < outputs_of(l); o++) {
        float *weight = to->weight ? to->weight + in_torch(l, o) * taps_of(l) : NULL;
        for (int64_t i = 0; weight && i < l->inputs; i++)
            for (int64_t y = 0; y < l->kernel; y++)
                for (int64_t x = 0; x < l->kernel; x++)
                    *weight++ = from.weight[sum_at(l, y, x, i, o)];
        if (to->bias)
            to->bias[in_torch(l, o)] = from.bias[o];
    }
    for (int64_t c = 0; c < l->channels; c++) {
        if (to->scale)
            to->scale[c] = from.scale[c];
        if (to->shift)
            to->shift[c] = from.shift[c];
    }
}

/* gradient: of `out`; x, out, kept, statistics: of the forward pass; x_gradient: null if it is not wanted. Returns 0, or 1 without memory. */
int stack_backward(const float *gradient, const float *x, const float *out, const struct layer *layers,
                   const struct parameters *parameters, const lanes *kept, const struct statistics *statistics, const struct gradients *wanted, float *x_gradient,
                   int64_t n, int64_t B, int threads)
{
    const struct layer *last = layers + n - 1;
    const int64_t groups = (B + LANES - 1) / LANES, shares = groups < SHARES ? groups : SHARES;
    int64_t all_packed = 0, all_kept = 0, all_sums = 0, padded = size_of(last), bordered = 0, turned = 0, largest = given_of(layers);
    for (const struct layer *l = layers; l <= last; l++) {
        all_packed += weights_of(l);
        all_kept += kept_of(l);
        all_sums += sums_of(l);
        padded = most(padded, padded_of(l) + LANES);
        bordered = most(bordered, bordered_of(l) + LANES);
        turned = most(turned, turned_of(l));
        largest = most(largest, size_of(l));
    }
    float *weights = floats_for(all_packed), *sums = floats_for(shares * all_sums);
    if (!weights || !sums) {
        free(weights);
        free(sums);
        return 1;
    }
    memset(sums, 0, shares * all_sums * sizeof(float));
    float *end = weights;
    for (int64_t i = 0; i < n; end += weights_of(layers + i++))
        if (tiled(layers + i) && (i || x_gradient))
            pack_tiles_back(layers + i, parameters[i].weight, (uint16_t *)end);
        else if (layers[i].kernel && (i || x_gradient))
            pack_back(layers + i, parameters[i].weight, end);
    int failed = 0, tiles = 0;
    for (const struct layer *l = layers; l <= last; l++)
        tiles |= tiled(l);
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        lanes *image = lanes_for(padded), *behind = lanes_for(largest), *before = lanes_for(bordered), *turn = lanes_for(turned);
        failed = !image || !behind || !before || !turn;
        if (tiles)
            tiles_begin();
#pragma omp for schedule(static)
        for (int64_t share = 0; share < shares; share++)
            for (int64_t group = share * groups / shares; !failed && group < (share + 1) * groups / shares; group++) {
                const int64_t first = group * LANES, images = images_from(first, B), given = given_of(layers);
                const lanes *a = kept + (group + 1) * all_kept;
                const struct statistics *s = statistics + group * n;
                const float *packed = weights + all_packed;
                float *sum = sums + (share + 1) * all_sums;
                load(gradient + first * size_of(last), size_of(last), images, size_of(last), behind);
                for (int64_t i = n - 1; i >= 0; i--) {
                    const struct layer *l = layers + i;
                    a -= kept_of(l);
                    packed -= weights_of(l);
                    sum -= sums_of(l);
                    const struct sums mine = sums_at(l, sum);
                    if (l->ending == CELU_AND_NORM)
                        through_norm(l, behind, a, s[i], parameters + i, mine.scale, mine.shift, mine.bias, before);
                    else {
                        load(out + first * size_of(l), size_of(l), images, size_of(l), image);
                        through_picture(l, behind, image, mine.bias, before);
                    }
                    if (wanted[i].weight || wanted[i].bias) {
                        if (i == 0)
                            pad(l, x + first * given, images, image);
                        else
                            normalise(a - size_of(l - 1), s[i - 1], parameters + i - 1, l->height, l->width, l->inputs, l->padding,
                                      image);
                        if (tiled(l)) {
                            pair_pixels(image, padded_of(l), l->stride * l->inputs);
                            tile_weight_gradients(l, image, before, turn, mine.weight);
                        } else
                            weight_gradients(l, image, before, turn, mine.weight);
                    }
                    if (tiled(l) && (i || x_gradient)) {
                        halve(before, bordered_of(l));
                        tile_convolve_back(l, before, (const uint16_t *)packed, behind);
                    } else if (l->kernel && (i || x_gradient))
                        convolve_back(l, before, packed, behind);
                }
                if (x_gradient)
                    store(layers->kernel ? behind : before, given, x_gradient + first * given, given, images);
            }
        if (tiles)
            tiles_end();
        free(image);
        free(behind);
        free(before);
        free(turn);
    }
    if (!failed) {
        for (int64_t share = 1; share < shares; share++)
            for (int64_t i = 0; i < all_sums; i++)
                sums[i] += sums[share * all_sums + i];
        float *sum = sums;
        for (int64_t i = 0; i < n; sum += sums_of(layers + i++))
            hand_over(layers + i, sums_at(layers + i, sum), wanted + i);
    }
    free(weights);
    free(sums);
    return failed;
}

/* A stack of convolutions, each with its shuffle, CELU and norm or a sigmoid behind it, forward and backward.
 *
 * LANES images go through all layers before the next ones do, and through a layer in bands, so that what lies between two layers
 * stays in the cache. What is kept for the backward pass are the activations, which the norms and the convolutions' inputs are
 * made of once more. */
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

/* Where a layer's image comes from: for the first layer what the stack was given, for others the activation before it. */
struct source {
    const float *x;
    int64_t images;
    const lanes *a;
    struct statistics statistics;
    const struct parameters *norm;
};

/* The image that a band's convolution sees, with its padding. */
static void load_band(const struct layer *l, int64_t first, const struct layer *band, const struct source *from, lanes *to)
{
    const int64_t run = l->width * l->inputs, padding = l->padding * l->inputs;
    for (int64_t i = 0; i < band->height + 2 * l->padding; i++, to += line_of(l)) {
        const int64_t h = first * l->stride + i - l->padding;
        if (h < 0 || h >= l->height) {
            memset(to, 0, line_of(l) * sizeof(lanes));
            continue;
        }
        memset(to, 0, padding * sizeof(lanes));
        memset(to + padding + run, 0, padding * sizeof(lanes));
        if (from->x)
            load(from->x + h * run, given_of(l), from->images, run, to + padding);
        else
            normalise(from->a + h * run, from->statistics, from->norm, l->width, l->inputs, to + padding);
    }
}

/* The convolution and CELU or sigmoid of a layer. `image` is for its use. */
static void forward(const struct layer *l, const struct source *from, float *packed, lanes *image, lanes *out, struct shuffle to)
{
    for (int64_t first = 0; first < rows_of(l); first += band_of(l)) {
        const struct layer band = band_from(l, first);
        lanes *start = out + first * to.row;
        load_band(l, first, &band, from, image);
        if (tiled(l)) {
            halve(image, padded_of(&band));
            tile_convolve(&band, image, (const uint16_t *)packed, biases_at(l, packed), start, to);
        } else
            convolve(&band, image, packed, start, to);
    }
}

/* What a convolution has made, through the layer's epilogue. */
static void finish(const struct layer *l, const lanes *from, lanes *out, struct shuffle to)
{
    for (int64_t h = 0; h < rows_of(l); h++)
        for (int64_t w = 0; w < columns_of(l); w++)
            for (int64_t o = 0; o < outputs_of(l); o++, from++)
                out[h * to.row + w * to.step + to.offset[o]] = apply_epilogue(l->epilogue, *from);
}

/* x: (B, ...), what the first layer is given, channels last. out: (B, H, W, C) if the last layer ends in a norm, else (B, C, H, W).
 * kept: (groups, all that is kept) lanes, or null; statistics: (groups, n). Returns 0, or 1 without memory. */
int stack_forward(const float *x, float *out, const struct layer *layers, const struct parameters *parameters, lanes *kept,
                  struct statistics *statistics, int64_t n, int64_t B, float epsilon, int threads)
{
    const struct layer *last = layers + n - 1;
    int64_t all_packed = 0, all_kept = 0, band_input = most(given_of(layers), size_of(last)), largest = 0;
    for (const struct layer *l = layers; l <= last; l++) {
        all_packed += weights_of(l);
        all_kept += kept_of(l);
        band_input = most(band_input, band_input_of(l));
        largest = most(largest, kept && kept_of(l) ? 0 : size_of(l));
    }
    float *weights = floats_for(all_packed);
    if (!weights)
        return 1;
    float *end = weights;
    for (int64_t i = 0; i < n; end += weights_of(layers + i++))
        if (tiled(layers + i)) {
            pack_tiles(layers + i, parameters[i].weight, (uint16_t *)end, threads);
            pack_biases(layers + i, parameters[i].bias, biases_at(layers + i, end));
        } else if (layers[i].kernel)
            pack(layers + i, parameters + i, end, threads);
    const int tiles = any_tiled(layers, n);
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        lanes *image = lanes_for(band_input), *scratch = lanes_for(2 * largest);
        failed = !image || !scratch;
        if (tiles)
            tiles_begin();
#pragma omp for schedule(static)
        for (int64_t first = 0; first < B; first += LANES) {
            if (failed)
                continue;
            const int64_t group = first / LANES, images = images_from(first, B);
            const float *given = x + first * given_of(layers);
            lanes *keep = kept ? kept + group * all_kept : NULL, *a = scratch;
            struct source from = {given, images, NULL, {{0}, {0}}, NULL};
            float *packed = weights;
            for (int64_t i = 0; i < n; i++) {
                const struct layer *l = layers + i;
                int64_t offset[outputs_of(l)];
                const struct shuffle to = shuffle_of(l, l->epilogue != CELU_AND_NORM, offset);
                a = keep && kept_of(l) ? keep : i % 2 ? scratch + largest : scratch;
                if (l->kernel)
                    forward(l, &from, packed, image, a, to);
                else {
                    load(given, given_of(l), images, given_of(l), image);
                    finish(l, image, a, to);
                }
                if (l->epilogue == CELU_AND_NORM) {
                    const struct statistics s = statistics_of(a, size_of(l), epsilon);
                    statistics[group * n + i] = s;
                    from = (struct source){NULL, images, a, s, parameters + i};
                }
                packed += weights_of(l);
                keep = keep ? keep + kept_of(l) : NULL;
            }
            if (last->epilogue == CELU_AND_NORM)
                normalise(a, from.statistics, from.norm, size_of(last) / last->channels, last->channels, image);
            const lanes *made = last->epilogue == CELU_AND_NORM ? image : a;
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

/* The gradient of a picture, through its sigmoid. */
static void through_sigmoid(const float *picture, int64_t size, int64_t images, lanes *scratch, lanes *gradient)
{
    load(picture, size, images, size, scratch);
    for (int64_t i = 0; i < size; i++)
        gradient[i] *= scratch[i] * (1.f - scratch[i]);
}

/* From the gradient of the image that a layer makes to that of its convolution's outputs. */
struct downstream {
    const lanes *gradient, *a; /* of the image; the activation, or null where there is no norm */
    struct statistics statistics;
    struct averages averages;
    const float *scale;
    struct shuffle from;       /* of a picture */
};

/* A row of outputs; adds it to `sums`. */
static void back_row(const struct layer *l, const struct downstream *b, int64_t h, lanes *to, lanes *sums)
{
    if (b->a) {
        const int64_t at = h * columns_of(l) * outputs_of(l);
        through_norm(l, b->gradient + at, b->a + at, b->statistics.rstd, b->averages, b->scale, to, sums);
        return;
    }
    for (int64_t w = 0; w < columns_of(l); w++, to += outputs_of(l))
        for (int64_t o = 0; o < outputs_of(l); o++)
            sums[o] += to[o] = b->gradient[h * b->from.row + w * b->from.step + b->from.offset[o]];
}

/* A band of outputs, with its border; `sums` are those of the band alone, `halo` is for the others. */
static void back_band(const struct layer *l, int64_t first, const struct layer *band, const struct downstream *b, lanes *to,
                      lanes *sums, lanes *halo)
{
    const int64_t q = border_of(l), side = q * outputs_of(l), run = columns_of(l) * outputs_of(l);
    for (int64_t i = 0; i < rows_of(band) + 2 * q; i++, to += bordered_line_of(l)) {
        const int64_t h = first + i - q;
        if (h < 0 || h >= rows_of(l)) {
            memset(to, 0, bordered_line_of(l) * sizeof(lanes));
            continue;
        }
        memset(to, 0, side * sizeof(lanes));
        memset(to + side + run, 0, side * sizeof(lanes));
        back_row(l, b, h, to + side, i >= q && i < rows_of(band) + q ? sums : halo);
    }
}

/* In torch's order. */
static void hand_over(const struct layer *l, struct sums from, const struct gradients *to, int threads)
{
    const int64_t apart = sum_at(l, 0, 0, 1, 0);
#pragma omp parallel for num_threads(threads)
    for (int64_t o = 0; o < outputs_of(l); o++) {
        float *weight = to->weight ? to->weight + in_torch(l, o) * taps_of(l) : NULL;
        for (int64_t tap = 0; weight && tap < l->kernel * l->kernel; tap++) {
            const float *sum = from.weight + sum_at(l, tap / l->kernel, tap % l->kernel, 0, o);
            for (int64_t i = 0; i < l->inputs; i++)
                weight[i * l->kernel * l->kernel + tap] = sum[i * apart];
        }
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

/* gradient: of `out`; x, out, kept, statistics: of the forward pass; x_gradient: null if it is not wanted. Returns 0, or 1 without
 * memory. */
int stack_backward(const float *gradient, const float *x, const float *out, const struct layer *layers,
                   const struct parameters *parameters, const lanes *kept, const struct statistics *statistics,
                   const struct gradients *wanted, float *x_gradient, int64_t n, int64_t B, int threads)
{
    const struct layer *last = layers + n - 1;
    const int64_t groups = (B + LANES - 1) / LANES, shares = groups < SHARES ? groups : SHARES;
    int64_t all_packed = 0, all_kept = 0, all_sums = 0, band_input = 0, made = 0, turned = 0, outputs = 0, largest = given_of(layers);
    for (const struct layer *l = layers; l <= last; l++) {
        all_packed += weights_of(l);
        all_kept += kept_of(l);
        all_sums += sums_of(l);
        band_input = most(band_input, band_input_of(l));
        made = most(made, made_of(l));
        outputs = most(outputs, outputs_of(l));
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
            pack_tiles_back(layers + i, parameters[i].weight, (uint16_t *)end, threads);
        else if (layers[i].kernel && (i || x_gradient))
            pack_back(layers + i, parameters[i].weight, end, threads);
    const int tiles = any_tiled(layers, n);
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        lanes *image = lanes_for(band_input), *before = lanes_for(made), *turn = lanes_for(turned), *bias = lanes_for(2 * outputs);
        lanes *gradients = lanes_for(2 * largest);
        failed = !image || !before || !turn || !bias || !gradients;
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
                lanes *downstream = gradients, *next = gradients + largest;
                load(gradient + first * size_of(last), size_of(last), images, size_of(last), downstream);
                if (last->epilogue == SIGMOID)
                    through_sigmoid(out + first * size_of(last), size_of(last), images, next, downstream);
                for (int64_t i = n - 1; i >= 0; i--) {
                    const struct layer *l = layers + i;
                    const int learns = wanted[i].weight || wanted[i].bias, further = i || x_gradient;
                    int64_t offset[outputs_of(l)];
                    a -= kept_of(l);
                    packed -= weights_of(l);
                    sum -= sums_of(l);
                    const struct sums mine = sums_at(l, sum);
                    struct downstream from = {.gradient = downstream};
                    if (l->epilogue == CELU_AND_NORM) {
                        from.a = a;
                        from.statistics = s[i];
                        from.averages = averages_of(l, downstream, a, s[i], parameters + i, mine.scale, mine.shift);
                        from.scale = parameters[i].scale;
                    } else
                        from.from = shuffle_of(l, 1, offset);
                    struct source source = {x + first * given, images, NULL, {{0}, {0}}, NULL};
                    if (i)
                        source = (struct source){NULL, images, a - kept_of(l - 1), s[i - 1], parameters + i - 1};
                    memset(bias, 0, 2 * outputs * sizeof(lanes));
                    for (int64_t row = 0; row < rows_of(l) && (learns || further); row += band_of(l)) {
                        const struct layer band = band_from(l, row);
                        back_band(l, row, &band, &from, before, bias, bias + outputs);
                        if (!l->kernel)
                            continue;
                        if (learns)
                            load_band(l, row, &band, &source, image);
                        if (learns && tiled(l)) {
                            pair_pixels(image, padded_of(&band), l->stride * l->inputs);
                            tile_weight_gradients(&band, image, before, turn, mine.weight);
                        } else if (learns)
                            weight_gradients(&band, image, before, turn, mine.weight);
                        if (further && tiled(l)) {
                            halve(before, bordered_of(&band));
                            tile_convolve_back(&band, before, (const uint16_t *)packed, next + row * l->stride * l->width * l->inputs);
                        } else if (further)
                            convolve_back(&band, before, packed, next + row * l->stride * l->width * l->inputs);
                    }
                    for (int64_t o = 0; o < outputs_of(l); o++)
                        mine.bias[o] += total(bias[o]);
                    if (l->kernel) {
                        lanes *done = downstream;
                        downstream = next;
                        next = done;
                    }
                }
                if (x_gradient)
                    store(layers->kernel ? downstream : before, given, x_gradient + first * given, given, images);
            }
        if (tiles)
            tiles_end();
        free(image);
        free(before);
        free(turn);
        free(bias);
        free(gradients);
    }
    if (!failed) {
#pragma omp parallel for num_threads(threads)
        for (int64_t i = 0; i < all_sums; i += LANES)
            for (int64_t share = 1; share < shares; share++)
                for (int64_t k = i; k < i + LANES && k < all_sums; k++)
                    sums[k] += sums[share * all_sums + k];
        float *sum = sums;
        for (int64_t i = 0; i < n; sum += sums_of(layers + i++))
            hand_over(layers + i, sums_at(layers + i, sum), wanted + i, threads);
    }
    free(weights);
    free(sums);
    return failed;
}

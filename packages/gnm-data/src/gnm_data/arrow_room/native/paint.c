/* Pictures and ground truth of Arrow Room scenes: `tracer.py` and `truth.py` with a bundle of rays in each vector; a thread has a
 * scene to itself. Numpy's bytes, to the last one: see lanes.h. */
#pragma GCC optimize("fp-contract=off") /* a product is rounded before it is added, as in numpy */

#include "scene.h"
#include "visibility.h"

int64_t part_words(void) { return sizeof(struct part) / sizeof(float); }
int64_t lamp_words(void) { return sizeof(struct lamp) / sizeof(float); }
int64_t setting_words(void) { return sizeof(struct setting) / sizeof(float); }
int64_t lane_count(void) { return LANES; }

/* What each pixel's rays are shifted by: interleaved gradient noise. */
static float noise(int64_t column, int64_t row, int64_t k)
{
    const double a = 0.06711056 * (column + k) + 0.00583715 * (row + k), b = 52.9829189 * (a - floor(a));
    return (float)(b - floor(b));
}

struct canvas {
    const struct scene *scene;
    const struct camera *camera;
    int64_t size;
    float *light; /* (size * size, 3): sums over a pixel's rays */
};

/* grid * grid rays through each of some pixels, one pixel after the other. */
static void trace(const struct canvas *c, const int32_t *pixels, int64_t count, int64_t grid, int fan)
{
    const int64_t square = grid * grid, total = count * square;
    const struct camera *camera = c->camera;
    struct rays rays = {{every((float)camera->position[0]), every((float)camera->position[1]), every((float)camera->position[2])}};
    rays.fan = fan;
    rays.width = (float)(1. / (camera->focal * c->size * grid));
    for (int64_t from = 0; from < total; from += LANES) {
        double x[LANES], y[LANES];
        int32_t pixel[LANES];
        bits asked;
        for (int i = 0; i < LANES; i++) {
            const int64_t ray = from + i < total ? from + i : total - 1, number = ray % square;
            pixel[i] = pixels[ray / square];
            const int64_t row = pixel[i] / c->size, column = pixel[i] % c->size;
            x[i] = column + (number % grid + .5) / grid;
            y[i] = row + (number / grid + .5) / grid;
            rays.u[i] = noise(column, row, 0);
            rays.v[i] = noise(column, row, 47);
            rays.number[i] = (int32_t)number;
            asked[i] = from + i < total ? -1 : 0;
        }
        rays.way = directions(camera, x, y, c->size);
        const struct three light = radiance(c->scene, &rays, (bits){0} - 1, 2, asked);
        for (int i = 0; i < LANES && from + i < total; i++) {
            float *to = c->light + 3 * pixel[i];
            to[0] += light.x[i], to[1] += light.y[i], to[2] += light.z[i];
        }
    }
}

/* The pixels that show a body or are next to one that does, or all others; how many there are. */
static int64_t choose(const uint8_t *instances, int64_t size, int crowded, int32_t *pixels)
{
    int64_t count = 0;
    for (int64_t y = 0; y < size; y++)
        for (int64_t x = 0; x < size; x++) {
            int found = 0;
            for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < size; v++)
                for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < size; u++)
                    found |= instances[v * size + u];
            if ((found != 0) == crowded)
                pixels[count++] = (int32_t)(y * size + x);
        }
    return count;
}

/* Light to levels: the number of thresholds that it reaches. */
static uint8_t level(const float *thresholds, float light)
{
    int low = 0, high = 255;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (light >= thresholds[middle])
            low = middle + 1;
        else
            high = middle;
    }
    return (uint8_t)low;
}

struct desk {
    uint8_t *instances;
    float *nearest, *light;
    int32_t *pixels;
};

static void paint_one(struct canvas *c, struct desk *d, int64_t antialias, int64_t shadow, const float *thresholds, uint8_t *picture)
{
    const int64_t size = c->size, all = size * size, square = antialias * antialias;
    look(c->camera, c->scene->parts, c->scene->count, size, d->instances, d->nearest, NULL);
    memset(d->light, 0, 3 * all * sizeof(float));
    c->light = d->light;
    trace(c, d->pixels, choose(d->instances, size, 0, d->pixels), 1, (int)(square * shadow));
    const int64_t crowded = choose(d->instances, size, 1, d->pixels);
    trace(c, d->pixels, crowded, antialias, (int)shadow);
    for (int64_t i = 0; i < crowded; i++)
        for (int k = 0; k < 3; k++)
            d->light[3 * d->pixels[i] + k] /= (float)square;
    for (int64_t i = 0; i < 3 * all; i++)
        picture[i] = level(thresholds, d->light[i]);
}

/* Sizes: cameras (B, 6) doubles; settings (B, setting_words); tables: an address for each scene; starts (B + 1): where the parts of
 * each scene begin; lamps (B, lamps, lamp_words); patterns (2, antialias^2 shadow); thresholds (255); pictures (B, S, S, 3). */
int paint_rooms(const double *cameras, const float *settings, const int64_t *tables, const float *parts, const int64_t *starts,
                const float *lamps, const float *patterns, const float *thresholds, uint8_t *pictures, int64_t scenes,
                int64_t lamp_count, int64_t size, int64_t antialias, int64_t shadow, int threads)
{
    int failed = 0;
#pragma omp parallel num_threads(threads) if (scenes > 1)
    {
        const size_t all = (size_t)(size * size);
        struct desk d = {malloc(all), malloc(all * sizeof(float)), malloc(3 * all * sizeof(float)), malloc(all * sizeof(int32_t))};
        const int usable = d.instances && d.nearest && d.light && d.pixels;
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < scenes; i++) {
            const struct scene scene = {
                (const struct setting *)settings + i, (const float *)tables[i], (const struct part *)parts + starts[i],
                (int)(starts[i + 1] - starts[i]), (const struct lamp *)lamps + i * lamp_count, (int)lamp_count,
                patterns, (int)(antialias * antialias * shadow)};
            struct canvas canvas = {&scene, (const struct camera *)cameras + i, size, NULL};
            if (usable)
                paint_one(&canvas, &d, antialias, shadow, thresholds, pictures + 3 * all * i);
        }
        free(d.instances), free(d.nearest), free(d.light), free(d.pixels);
#pragma omp atomic
        failed |= !usable;
    }
    return failed;
}

/* instances (B, S, S), distance (B, S, S), areas and visible areas (B, N), boxes and visible boxes (B, N, 4): zeros at first. */
int look_at_rooms(const double *cameras, const float *parts, const int64_t *starts, uint8_t *instances, float *distance,
                  int64_t *areas, int64_t *visible_areas, float *boxes, float *visible_boxes, int64_t scenes, int64_t bodies,
                  int64_t size, int threads)
{
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (scenes > 1)
    for (int64_t i = 0; i < scenes; i++) {
        const int64_t all = size * size;
        struct extent *found = malloc(2 * (bodies + 1) * sizeof(struct extent)), *seen_of = found + bodies + 1;
        if (!found) {
#pragma omp atomic write
            failed = 1;
            continue;
        }
        for (int64_t n = 0; n < 2 * (bodies + 1); n++)
            found[n] = NOTHING;
        uint8_t *mine = instances + all * i;
        look((const struct camera *)cameras + i, (const struct part *)parts + starts[i], (int)(starts[i + 1] - starts[i]), size, mine,
             distance + all * i, found);
        for (int64_t p = 0; p < all; p++)
            if (mine[p])
                include(seen_of + mine[p] - 1, p % size, p / size);
        for (int64_t n = 0; n < bodies; n++) {
            write_extent(found + n, boxes + 4 * (i * bodies + n), areas + i * bodies + n);
            write_extent(seen_of + n, visible_boxes + 4 * (i * bodies + n), visible_areas + i * bodies + n);
        }
        free(found);
    }
    return failed;
}

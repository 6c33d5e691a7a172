/* The camera, and which pixels each body covers: `room.py`'s camera and `truth.py`, operation by operation. */
#ifndef VISIBILITY_H
#define VISIBILITY_H

#include "solids.h"

/* In double precision, as in numpy. */
struct camera {
    double position[3], cos, sin, focal;
};

/* Unit directions through points of the image, in pixels. */
INLINE struct three directions(const struct camera *c, const double *x, const double *y, int64_t size)
{
    const double scale = 1. / (c->focal * size), middle = size / 2.;
    float to[3][LANES];
    for (int i = 0; i < LANES; i++) {
        const double right = (x[i] - middle) * scale, down = (y[i] - middle) * scale;
        const double ahead = c->cos - c->sin * down, up = -c->sin - c->cos * down;
        const double length = sqrt(right * right + ahead * ahead + up * up);
        to[0][i] = (float)(right / length), to[1][i] = (float)(ahead / length), to[2][i] = (float)(up / length);
    }
    struct three way;
    memcpy(&way, to, sizeof(way));
    return way;
}

/* What is known of one body: pixels, and a box around them. */
struct extent {
    int64_t area, left, top, right, bottom;
};
static const struct extent NOTHING = {0, INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN};

INLINE void include(struct extent *e, int64_t x, int64_t y)
{
    e->area++;
    e->left = x < e->left ? x : e->left;
    e->top = y < e->top ? y : e->top;
    e->right = x >= e->right ? x + 1 : e->right;
    e->bottom = y >= e->bottom ? y + 1 : e->bottom;
}

static void write_extent(const struct extent *e, float *box, int64_t *area)
{
    *area = e->area;
    box[0] = e->area ? e->left : 0, box[1] = e->area ? e->top : 0;
    box[2] = e->area ? e->right : 0, box[3] = e->area ? e->bottom : 0;
}

static int64_t bounded(double x, int64_t size) { return x < -size ? -size : x > 2 * size ? 2 * size : (int64_t)x; }

/* Pixels {left, top, right, bottom} that hold some parts, at most one image beyond each side. */
static void window(const struct camera *c, const struct part *parts, int count, int64_t size, int64_t *w)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (const struct part *p = parts; p < parts + count; p++)
        for (int corner = 0; corner < 8; corner++) {
            const float x = corner & 4 ? p->half[0] : -p->half[0], y = corner & 2 ? p->half[1] : -p->half[1];
            const float z = corner & 1 ? p->half[2] : -p->half[2];
            const double right = p->centre[0] + (p->cos * x - p->sin * y) - c->position[0];
            const double away = p->centre[1] + (p->cos * y + p->sin * x) - c->position[1];
            const double above = p->centre[2] + z - c->position[2];
            const double scale = c->focal * size / (c->cos * away - c->sin * above);
            const double at[2] = {size / 2. + scale * right, size / 2. - scale * (c->sin * away + c->cos * above)};
            for (int i = 0; i < 2; i++) {
                low[i] = at[i] < low[i] ? at[i] : low[i];
                high[i] = at[i] > high[i] ? at[i] : high[i];
            }
        }
    for (int i = 0; i < 2; i++) {
        w[i] = bounded(floor(low[i]), size);
        w[i + 2] = bounded(ceil(high[i]), size);
    }
}

/* One ray through the centre of every pixel that may show a body. instances, nearest: (size, size); parts of a body follow each
 * other. */
static void look(const struct camera *c, const struct part *parts, int count, int64_t size, uint8_t *instances, float *nearest_hit,
                 struct extent *whole_bodies)
{
    const struct three eye = {every((float)c->position[0]), every((float)c->position[1]), every((float)c->position[2])};
    memset(instances, 0, size * size);
    for (int64_t i = 0; i < size * size; i++)
        nearest_hit[i] = INFINITY;
    for (int first = 0, end; first < count; first = end) {
        const int body = (int)parts[first].owner;
        for (end = first; end < count && (int)parts[end].owner == body;)
            end++;
        int64_t w[4];
        window(c, parts + first, end - first, size, w);
        struct extent e = NOTHING;
        for (int64_t y = w[1]; y < w[3]; y++)
            for (int64_t x = w[0]; x < w[2]; x += LANES) {
                double across[LANES], down[LANES];
                for (int i = 0; i < LANES; i++)
                    across[i] = x + i + .5, down[i] = y + .5;
                const struct three way = directions(c, across, down, size);
                lanes t = every(INFINITY);
                for (int i = first; i < end; i++)
                    t = least(hit(parts + i, minus(eye, of(parts[i].centre)), way), t);
                if (!any(t < INFINITY))
                    continue;
                for (int64_t i = 0; i < LANES && x + i < w[2]; i++) {
                    if (!(t[i] < INFINITY))
                        continue;
                    include(&e, x + i, y);
                    const int64_t pixel = y * size + x + i;
                    if (y >= 0 && y < size && x + i >= 0 && x + i < size && t[i] < nearest_hit[pixel]) {
                        nearest_hit[pixel] = t[i];
                        instances[pixel] = body + 1;
                    }
                }
            }
        if (whole_bodies)
            whole_bodies[body] = e;
    }
}

#endif

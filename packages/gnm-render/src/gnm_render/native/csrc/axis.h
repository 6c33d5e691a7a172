/* How a box lies along one axis of the canvas, forward and backward. */
#ifndef AXIS_H
#define AXIS_H

#include <math.h>
#include <stdint.h>

static const float TINY = 1e-15f;

/* How one axis of a glimpse lies on an axis of the canvas: pixels first <= i < end lie between glimpse pixels before[i] and the
 * next one; that one has a share of after[i]. A glimpse has a border of one empty pixel, so that before is never negative. */
struct axis { int64_t first, end; int64_t *before; float *after; };

static void locate(struct axis *axis, float extent, float centre, int64_t side, int64_t size)
{
    axis->first = size;
    axis->end = 0;
    for (int64_t i = 0; i < size; i++) {
        const float pixel = (2.f * i + 1.f) / size - 1.f;
        const float position = ((pixel - centre) / (extent + TINY) + 1.f) * (.5f * side) - .5f;
        if (position < -1.f || position >= side)
            continue;
        const float before = position == position ? floorf(position) : -1.f; /* a box that is not a number shows everywhere */
        axis->before[i] = (int64_t)before + 1;
        axis->after[i] = position - before;
        if (i < axis->first)
            axis->first = i;
        axis->end = i + 1;
    }
}

/* Gradients of extent and centre from those of the positions. */
static void locate_back(const struct axis *axis, const float *positions, float extent, float centre, int64_t side, int64_t size,
                       float *extent_gradient, float *centre_gradient)
{
    const float whole = extent + TINY;
    double of_extent = 0., of_centre = 0.;
    for (int64_t i = axis->first; i < axis->end; i++) {
        const float pixel = (2.f * i + 1.f) / size - 1.f;
        of_centre -= positions[i] * (.5f * side) / whole;
        of_extent -= positions[i] * (.5f * side) * ((pixel - centre) / whole) / whole;
    }
    *extent_gradient = (float)of_extent;
    *centre_gradient = (float)of_centre;
}

#endif

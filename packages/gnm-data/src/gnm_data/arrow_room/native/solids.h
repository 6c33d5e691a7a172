/* Rays against solids: `shapes.py`, operation by operation. */
#ifndef SOLIDS_H
#define SOLIDS_H

#include "lanes.h"

enum { SPHERE, BOX, CYLINDER, WEDGE };
enum { STEPS = 8 };
static const float CLOSE = 1e-4f;

/* A solid at its place; the names are those of `shapes.py` and `pack.py`. */
struct part {
    float kind, owner, centre[3], cos, sin, radius, half[3], bound, bound_square, ball_square, colour[3];
    float core[3];               /* half less radius */
    float extent_square;         /* of a sphere or a cylinder: its radius, squared */
    float nx, ny, offset, inner; /* a wedge's side: its normal, distance, and that of the core's */
    float behind;                /* the plane of its base */
    float base, wide, ex, ey, square;
};

/* Where rays enter and leave. */
struct span {
    lanes entry, leave;
};

INLINE struct three local(const struct part *p, struct three a)
{
    return (struct three){p->cos * a.x + p->sin * a.y, p->cos * a.y - p->sin * a.x, a.z};
}
INLINE struct three world(const struct part *p, struct three a)
{
    return (struct three){p->cos * a.x - p->sin * a.y, p->cos * a.y + p->sin * a.x, a.z};
}

INLINE struct span slab(lanes from, lanes way, float half)
{
    const lanes a = (-half - from) / way, b = (half - from) / way;
    return (struct span){least_known(a, b), most_known(a, b)};
}

INLINE struct span clip_sphere(const struct part *p, struct three o, struct three d)
{
    const lanes middle = -dot(o, d);
    const struct three closest = along(o, d, middle);
    const lanes square = p->extent_square - dot(closest, closest), reach = root(most(square, every(0.f)));
    return (struct span){pick(square < 0.f, every(INFINITY), middle - reach), middle + reach};
}

INLINE struct span clip_box(const struct part *p, struct three o, struct three d)
{
    const struct span x = slab(o.x, d.x, p->half[0]), y = slab(o.y, d.y, p->half[1]), z = slab(o.z, d.z, p->half[2]);
    return (struct span){most_known(most_known(x.entry, y.entry), z.entry),
                         least_known(least_known(x.leave, y.leave), z.leave)};
}

INLINE struct span clip_cylinder(const struct part *p, struct three o, struct three d)
{
    const lanes a = d.x * d.x + d.y * d.y, b = o.x * d.x + o.y * d.y;
    const lanes c = o.x * o.x + o.y * o.y - p->extent_square, square = b * b - a * c;
    const lanes reach = root(most(square, every(0.f)));
    const bits upright = a < 1e-12f;
    const lanes inside = pick(c < 0.f, every(-INFINITY), every(INFINITY));
    const lanes near = pick(upright, inside, pick(square < 0.f, every(INFINITY), (-b - reach) / a));
    const lanes far = pick(upright, every(INFINITY), (-b + reach) / a);
    const struct span z = slab(o.z, d.z, p->half[2]);
    return (struct span){most_known(near, z.entry), least_known(far, z.leave)};
}

INLINE struct span clip_plane(struct span s, float nx, float ny, float offset, struct three o, struct three d)
{
    const lanes speed = nx * d.x + ny * d.y, left = offset - nx * o.x - ny * o.y, t = left / speed;
    s.entry = pick(speed < 0.f, most_known(s.entry, t), s.entry);
    s.leave = pick(speed > 0.f, least_known(s.leave, t), s.leave);
    s.leave = pick((speed == 0.f) & (nx * o.x + ny * o.y > offset), every(-INFINITY), s.leave);
    return s;
}

INLINE struct span clip_wedge(const struct part *p, struct three o, struct three d)
{
    struct span s = slab(o.z, d.z, p->half[2]);
    s = clip_plane(s, -1.f, 0.f, p->behind, o, d);
    s = clip_plane(s, p->nx, p->ny, p->offset, o, d);
    return clip_plane(s, p->nx, -p->ny, p->offset, o, d);
}

INLINE struct three nearest_of_wedge(const struct part *p, struct three at)
{
    const lanes x = at.x, y = pick(at.y < 0.f, -at.y, at.y);
    const bits inside = (x >= p->base) & (p->nx * x + p->ny * y <= p->inner);
    const lanes beside = least(y, every(p->wide));
    const lanes share = within(((x - p->base) * p->ex + (y - p->wide) * p->ey) / p->square, 0.f, 1.f);
    const lanes qx = p->base + share * p->ex, qy = p->wide + share * p->ey;
    const lanes bx = x - p->base, by = y - beside, sx = x - qx, sy = y - qy;
    const bits base = bx * bx + by * by < sx * sx + sy * sy;
    const lanes side = pick(inside, y, pick(base, beside, qy));
    return (struct three){pick(inside, x, pick(base, every(p->base), qx)), pick(at.y < 0.f, -side, side),
                          within(at.z, -p->core[2], p->core[2])};
}

/* The point of the core that is nearest. */
INLINE struct three nearest(const struct part *p, struct three at)
{
    if (p->kind == SPHERE)
        return (struct three){0};
    if (p->kind == WEDGE)
        return nearest_of_wedge(p, at);
    const lanes z = within(at.z, -p->core[2], p->core[2]);
    if (p->kind == BOX)
        return (struct three){within(at.x, -p->core[0], p->core[0]), within(at.y, -p->core[1], p->core[1]), z};
    const lanes across = root(at.x * at.x + at.y * at.y);
    const lanes shrink = least(every(1.f), p->core[0] / most(across, every(1e-20f)));
    return (struct three){at.x * shrink, at.y * shrink, z};
}

/* Distance to the surface of rays that start at `from` as seen from the part's centre; infinite where they miss. */
static lanes hit(const struct part *p, struct three from, struct three way)
{
    const struct three o = local(p, from), d = local(p, way);
    const struct span s = p->kind == SPHERE     ? clip_sphere(p, o, d)
                          : p->kind == BOX      ? clip_box(p, o, d)
                          : p->kind == CYLINDER ? clip_cylinder(p, o, d)
                                                : clip_wedge(p, o, d);
    bits walking = (s.leave >= s.entry) & (s.leave > 0.f);
    lanes t = every(INFINITY), at = most(s.entry, every(0.f));
    for (int step = 0; step < STEPS && any(walking); step++) {
        const struct three point = along(o, d, at), away = minus(point, nearest(p, point));
        const lanes length = root(dot(away, away)), gap = length - p->radius;
        const bits done = gap < CLOSE;
        t = pick(walking & done, at, t);
        const lanes slope = dot(away, d) / most(length, every(1e-20f));
        walking &= ~done & (slope < 0.f);
        at = pick(walking, at - gap / slope, at);
    }
    return t;
}

INLINE struct three normal_of(const struct part *p, struct three point)
{
    const struct three at = local(p, minus(point, of(p->centre)));
    return world(p, unit(minus(at, nearest(p, at))));
}

#endif

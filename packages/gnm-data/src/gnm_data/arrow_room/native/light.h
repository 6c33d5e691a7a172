/* The empty room, its lamps and its materials: `cove.py`, `bounce.py`, `lamps.py` and `coat.py`, operation by operation. */
#ifndef LIGHT_H
#define LIGHT_H

#include "lanes.h"

static const float PI = 3.14159265358979f;

struct lamp {
    float tint[3], centre[3], across[3], up[3], ahead[3];
    float nodes[4][3]; /* each stands for a quarter of it */
    float half, radiance, quarter, cone;
};

/* What all rays of a scene share; the names are those of `pack.py`. */
struct setting {
    float start, bend, bend_square, wall, height, fade; /* of the cove */
    float contact;                        /* share of light that is lost where a body touches */
    float sky, room[3];                   /* radiance of what is outside; the room's albedo over pi */
    float arc, arc_pace, arcs, width, width_pace, widths; /* ticks of the table of the floor's indirect light */
    float form[10], lit[10];              /* irradiance of bodies: indirect, and of all lamps besides */
    float metallic, spread, glint, shine;
    float straight, rest, square, narrow, rough, grazing, base, share, lift; /* of the coat of rubber */
};

/* ---- The empty room ---- */

INLINE lanes cove_hit(const struct setting *s, struct three o, struct three d)
{
    const lanes never = every(INFINITY);
    lanes floor = pick(d.z < 0.f, -o.z / d.z, never);
    floor = pick(o.y + floor * d.y <= s->start, floor, never);
    lanes wall = pick(d.y > 0.f, (s->wall - o.y) / d.y, never);
    const lanes top = o.z + wall * d.z;
    wall = pick((top >= s->bend) & (top <= s->height), wall, never);
    const lanes y = o.y - s->start, z = o.z - s->bend, a = d.y * d.y + d.z * d.z, b = y * d.y + z * d.z;
    const lanes square = b * b - a * (y * y + z * z - s->bend_square);
    const lanes bend = (root(most(square, every(0.f))) - b) / a;
    const bits met = (square >= 0.f) & (bend > 0.f) & (y + bend * d.y > 0.f) & (z + bend * d.z < 0.f);
    return least(least(floor, wall), pick(met, bend, never));
}

INLINE struct three cove_normal(const struct setting *s, struct three at)
{
    return (struct three){every(0.f), within(at.y - s->start, 0.f, s->bend) / -s->bend,
                          within(s->bend - at.z, 0.f, s->bend) / s->bend};
}

struct tick {
    bits index;
    lanes on;
};
INLINE struct tick between(lanes value, float start, float pace, float ticks)
{
    const lanes step = within((value - start) / pace, 0.f, ticks), index = whole(step);
    return (struct tick){__builtin_convertvector(index, bits), step - index};
}

/* Indirect light of points of the room. */
INLINE lanes on_room(const struct setting *s, const float *table, struct three at)
{
    const lanes back = at.y - s->start;
    const lanes angle = quarter_angle(most(back, every(0.f)), most(s->bend - at.z, every(1e-6f)));
    const lanes arc = least(back, every(0.f)) + s->bend * angle + most(at.z - s->bend, every(0.f));
    const struct tick row = between(arc, s->arc, s->arc_pace, s->arcs), column = between(at.x, s->width, s->width_pace, s->widths);
    const int across = (int)s->widths + 2;
    lanes a, b, c, d;
    for (int i = 0; i < LANES; i++) {
        const float *from = table + row.index[i] * across + column.index[i];
        a[i] = from[0], b[i] = from[1], c[i] = from[across], d[i] = from[across + 1];
    }
    const lanes near = a * (1.f - column.on) + b * column.on, far = c * (1.f - column.on) + d * column.on;
    return near * (1.f - row.on) + far * row.on;
}

/* Irradiance by a form: xx, xy, xz, xw, yy, yz, yw, zz, zw, ww, the mixed ones doubled. */
INLINE lanes by_normal(const float *f, struct three n)
{
    return (f[0] * n.x + (f[1] * n.y + f[2] * n.z + f[3])) * n.x + (f[4] * n.y + (f[5] * n.z + f[6])) * n.y +
           (f[7] * n.z + f[8]) * n.z + f[9];
}

/* ---- Lamps ---- */

struct arrival {
    struct three way;
    lanes light;
};
INLINE struct arrival arriving(const struct lamp *l, int node, struct three point)
{
    struct three to = minus(of(l->nodes[node]), point);
    const lanes square = dot(to, to);
    to = times(to, 1.f / root(square));
    const lanes facing = most(-dot(to, of(l->ahead)), every(0.f));
    return (struct arrival){to, facing * l->quarter / square};
}

INLINE lanes lobe_within(lanes middle, float half, lanes spread)
{
    const lanes low = -half - middle, high = half - middle, square = spread * spread;
    return (high / root(high * high + square) - low / root(low * low + square)) / 2.f;
}

/* Radiance of a lamp in a slightly rough mirror. */
INLINE lanes lamp_mirrored(const struct lamp *l, struct three point, struct three way, float slope)
{
    const struct three centre = of(l->centre), ahead = of(l->ahead);
    const lanes facing = dot(way, ahead), t = dot(minus(centre, point), ahead) / facing;
    const bits meets = (facing < 0.f) & (t > 0.f);
    if (!any(meets))
        return every(0.f);
    const struct three off = minus(along(point, way, t), centre);
    const lanes spread = slope * t;
    const lanes share = lobe_within(dot(off, of(l->across)), l->half, spread) * lobe_within(dot(off, of(l->up)), l->half, spread);
    return pick(meets, share * l->radiance, every(0.f));
}

/* ---- Materials ---- */

/* Share of all light that the coat turns away. */
INLINE lanes coat_whole(const struct setting *s, lanes facing)
{
    const lanes edge = least(every(s->grazing), power_of_two(-9.28f * facing)) * s->rough + s->base;
    return s->straight * (s->share - 1.04f * edge) + 1.04f * edge + s->lift;
}

/* Radiance to the eye for each unit of irradiance from one direction. */
INLINE lanes coat_towards(const struct setting *s, struct three eye, struct three normal, struct three way)
{
    struct three half = plus(eye, way);
    half = times(half, 1.f / root(dot(half, half)));
    const lanes facing = most(dot(eye, normal), every(1e-3f)), slant = most(dot(way, normal), every(0.f));
    const lanes straight = dot(half, normal), width = straight * straight * -s->narrow + 1.f;
    const lanes facets = s->square / (PI * (width * width));
    const lanes shadowing = 0.5f / (slant * root(facing * facing * s->narrow + s->square) + facing * root(slant * slant * s->narrow + s->square));
    const lanes edge = 1.f - within(dot(half, way), 0.f, 1.f);
    return facets * shadowing * (s->straight + s->rest * fifth(edge));
}

#endif

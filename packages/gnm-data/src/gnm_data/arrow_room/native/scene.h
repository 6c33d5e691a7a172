/* How light reaches a ray: `scene.py`, operation by operation. */
#ifndef SCENE_H
#define SCENE_H

#include "light.h"
#include "solids.h"

static const float LIFT = 1e-3f;
static const float BRIGHTEST = 1.f;

/* A room, ready for rays. */
struct scene {
    const struct setting *setting;
    const float *table; /* of the floor's indirect light */
    const struct part *parts;
    int count;
    const struct lamp *lamps;
    int lamp_count;
    const float *patterns; /* (2, rays a pixel and lamp) */
    int length;
};

struct rays {
    struct three from, way;
    lanes u, v; /* shift of the pixel's pattern */
    bits number;
    int fan;
    float width;
};

struct pair {
    lanes u, v;
};
INLINE struct pair pattern(const struct scene *s, const struct rays *r, int stream, int count, int which)
{
    lanes u, v;
    for (int i = 0; i < LANES; i++) {
        const float *from = s->patterns + r->number[i] * count + which;
        u[i] = from[0], v[i] = from[s->length];
    }
    const float shift = (float)(0.381966 * stream);
    u = u + (r->u + shift);
    v = v + (r->v + shift);
    return (struct pair){u - whole(u), v - whole(v)};
}

struct meeting {
    lanes distance;
    bits part; /* -1: the room, or nothing */
};

static struct meeting meet(const struct scene *s, const struct rays *r, bits leaving, int bodies)
{
    struct meeting m = {cove_hit(s->setting, r->from, r->way), (bits){0} - 1};
    for (int i = 0; i < (bodies ? s->count : 0); i++) {
        const struct part *p = s->parts + i;
        const struct three to = minus(of(p->centre), r->from);
        const lanes ahead = dot(to, r->way);
        const bits near = (dot(to, to) - ahead * ahead < p->bound_square) & (ahead > 0.f) & (leaving != i);
        if (!any(near))
            continue;
        const lanes t = hit(p, minus(r->from, of(p->centre)), r->way);
        const bits nearer = near & (t < m.distance);
        m.distance = pick(nearer, t, m.distance);
        m.part = pick_bits(nearer, (bits){0} + i, m.part);
    }
    return m;
}

INLINE bits owner_of(const struct scene *s, bits part)
{
    bits owner = (bits){0} - 1;
    for (int i = 0; i < s->count; i++)
        owner = pick_bits(part == i, (bits){0} + (int)s->parts[i].owner, owner);
    return owner;
}

static struct three colour_of(const struct scene *s, bits part)
{
    struct three colour = {0};
    for (int i = 0; i < s->count; i++)
        colour = pick_three(part == i, of(s->parts[i].colour), colour);
    return colour;
}

static struct three normals(const struct scene *s, struct three point, bits part)
{
    struct three normal = {0};
    for (int i = 0; i < s->count; i++)
        if (any(part == i))
            normal = pick_three(part == i, normal_of(s->parts + i, point), normal);
    return normal;
}

/* Irradiance from everything but the lamps; `free` is what it would be without bodies, `own` the body that is lit or -1. */
static struct three around(const struct scene *s, struct three point, struct three normal, lanes free, bits own)
{
    struct three light = {0};
    lanes hidden = {0};
    for (int i = 0; i < s->count; i++) {
        const struct part *p = s->parts + i;
        struct three way = minus(of(p->centre), point);
        const lanes square = dot(way, way);
        way = times(way, 1.f / root(square));
        lanes share = within(dot(way, normal), 0.f, 1.f) * least(p->ball_square / square, every(1.f));
        share = pick(own == (int)p->owner, every(0.f), share);
        hidden += share;
        const lanes sent = share * (1.f - share * s->setting->contact) * by_normal(s->setting->lit, negative(way));
        light = plus(light, times(of(p->colour), sent));
    }
    const lanes rest = free * most(1.f - hidden, every(0.f));
    return plus(light, (struct three){rest, rest, rest});
}

/* Share of the lamp that can be seen from each point, by a fan of rays where a body may be in the way. */
static lanes seen(const struct scene *s, int stream, struct three point, const struct rays *r, bits own, bits asked)
{
    const struct lamp *l = s->lamps + stream;
    const struct three axis = minus(of(l->centre), point);
    const lanes length = root(dot(axis, axis));
    bits near[s->count + 1], suspected = {0};
    for (int i = 0; i < s->count; i++) {
        const struct part *p = s->parts + i;
        const struct three to = minus(of(p->centre), point);
        const lanes ahead = dot(to, axis) / length, reach = p->bound + most(ahead, every(0.f)) / length * l->cone;
        near[i] = asked & (dot(to, to) - ahead * ahead < reach * reach) & (ahead > -p->bound) & (own != i);
        suspected |= near[i];
    }
    if (!any(suspected))
        return every(1.f);
    bits hits = {0};
    for (int which = 0; which < r->fan; which++) {
        const struct pair at = pattern(s, r, stream, r->fan, which);
        const lanes u = 2.f * at.u - 1.f, v = 2.f * at.v - 1.f;
        const struct three spot = plus(times(of(l->across), u), times(of(l->up), v));
        struct three way = minus(plus(of(l->centre), times(spot, every(l->half))), point);
        way = times(way, 1.f / root(dot(way, way)));
        bits blocked = {0};
        for (int i = 0; i < s->count; i++) {
            const bits some = near[i] & ~blocked;
            if (any(some))
                blocked |= some & (hit(s->parts + i, minus(point, of(s->parts[i].centre)), way) < INFINITY);
        }
        hits -= blocked;
    }
    return 1.f - __builtin_convertvector(hits, lanes) / (float)r->fan;
}

static struct three room_light(const struct scene *s, const struct rays *r, lanes distance, bits asked)
{
    const struct setting *z = s->setting;
    const struct three point = along(r->from, r->way, distance), normal = cove_normal(z, point);
    const struct three start = along(point, normal, every(LIFT));
    struct three light = around(s, point, normal, on_room(z, s->table, point), (bits){0} - 1);
    for (int i = 0; i < s->lamp_count; i++) {
        lanes direct = {0};
        for (int node = 0; node < 4; node++) {
            const struct arrival a = arriving(s->lamps + i, node, point);
            direct += a.light * most(dot(a.way, normal), every(0.f));
        }
        direct *= seen(s, i, start, r, (bits){0} - 1, asked);
        light = plus(light, times(of(s->lamps[i].tint), direct));
    }
    const lanes shown = within((z->height - point.z) / z->fade, 0.f, 1.f), sky = z->sky * (1.f - shown);
    return (struct three){z->room[0] * light.x * shown + sky, z->room[1] * light.y * shown + sky, z->room[2] * light.z * shown + sky};
}

static struct three rubber_light(const struct scene *s, const struct rays *r, lanes distance, bits part, bits asked)
{
    const struct setting *z = s->setting;
    const struct three point = along(r->from, r->way, distance), normal = normals(s, point, part);
    const struct three start = along(point, normal, every(LIFT)), eye = negative(r->way), colour = colour_of(s, part);
    const lanes cosine = dot(r->way, normal);
    const struct three mirror = minus(r->way, times(normal, 2.f * cosine));
    const lanes turned = coat_whole(z, within(-cosine, 0.f, 1.f));
    struct three diffuse = around(s, point, normal, by_normal(z->form, normal), owner_of(s, part));
    const lanes around_it = turned / PI * by_normal(z->form, mirror);
    struct three gloss = {around_it, around_it, around_it};
    for (int i = 0; i < s->lamp_count; i++) {
        lanes lit = {0}, shine = {0};
        for (int node = 0; node < 4; node++) {
            const struct arrival a = arriving(s->lamps + i, node, point);
            const lanes strength = a.light * most(dot(a.way, normal), every(0.f));
            lit += strength;
            shine += strength * coat_towards(z, eye, normal, a.way);
        }
        const lanes share = seen(s, i, start, r, part, asked);
        diffuse = plus(diffuse, times(of(s->lamps[i].tint), lit * share));
        gloss = plus(gloss, times(of(s->lamps[i].tint), shine * share));
    }
    const lanes kept = (1.f - turned) / PI;
    return (struct three){colour.x * kept * diffuse.x + gloss.x, colour.y * kept * diffuse.y + gloss.y,
                          colour.z * kept * diffuse.z + gloss.z};
}

/* Lamps mirrored by metal, at a few points around each, as rounded edges are narrower than rays. */
static struct three highlights(const struct scene *s, const struct rays *r, struct three point, lanes distance, bits part)
{
    static const float AROUND[4][2] = {{-.25f, -.25f}, {-.25f, .25f}, {.25f, -.25f}, {.25f, .25f}};
    const float slope = s->setting->glint, shine = s->setting->shine;
    const int count = r->width != 0.f ? 4 : 1;
    struct three light = {0};
    for (int i = 0; i < count; i++) {
        const lanes wide = r->width * distance;
        const lanes x = count > 1 ? AROUND[i][0] * wide : every(0.f), z = count > 1 ? AROUND[i][1] * wide : every(0.f);
        const struct three near = {point.x + x, point.y, point.z + z}, normal = normals(s, near, part);
        const struct three mirror = minus(r->way, times(normal, 2.f * dot(r->way, normal)));
        for (int l = 0; l < s->lamp_count; l++)
            light = plus(light, times(of(s->lamps[l].tint), lamp_mirrored(s->lamps + l, point, mirror, slope)));
    }
    const lanes top = every(BRIGHTEST);
    light = times(light, every(shine / count));
    return count > 1 ? light : (struct three){least(light.x, top), least(light.y, top), least(light.z, top)};
}

static struct three radiance(const struct scene *s, const struct rays *r, bits leaving, int mirrors, bits asked);

static struct three metal_light(const struct scene *s, const struct rays *r, lanes distance, bits part, int mirrors, bits asked)
{
    const struct three point = along(r->from, r->way, distance), normal = normals(s, point, part);
    const struct pair at = pattern(s, r, 7, 1, 0);
    const lanes slope = s->setting->spread * root(at.u / (1.05f - at.u));
    const struct three across = unit((struct three){1e-6f - normal.y, normal.x, every(0.f)});
    const struct three up = {normal.y * across.z - normal.z * across.y, normal.z * across.x - normal.x * across.z,
                             normal.x * across.y - normal.y * across.x};
    const struct turn turn = turned(at.v);
    const struct three aside = plus(times(across, turn.cosine), times(up, turn.sine));
    const struct three facet = unit(plus(normal, times(aside, slope)));
    const lanes cosine = dot(r->way, facet);
    struct rays onward = *r;
    onward.way = minus(r->way, times(facet, 2.f * cosine));
    /* A ray sent into the body bounces off it once more. */
    onward.way = minus(onward.way, times(normal, 2.f * least(dot(onward.way, normal), every(0.f))));
    onward.from = along(point, normal, every(LIFT));
    onward.fan = 1;
    onward.width = 0.f;
    struct three light = radiance(s, &onward, part, mirrors - 1, asked);
    light = plus(light, highlights(s, r, point, distance, part));
    const lanes edge = fifth(1.f - pick(cosine < 0.f, -cosine, cosine));
    const struct three base = colour_of(s, part);
    return (struct three){light.x * (base.x + (1.f - base.x) * edge), light.y * (base.y + (1.f - base.y) * edge),
                          light.z * (base.z + (1.f - base.z) * edge)};
}

/* Light that comes back along each of the rays that are asked. */
static struct three radiance(const struct scene *s, const struct rays *r, bits leaving, int mirrors, bits asked)
{
    const struct meeting m = meet(s, r, leaving, mirrors > 0);
    const bits on_body = asked & (m.part >= 0), empty = asked & (m.part < 0) & (m.distance < INFINITY);
    const lanes open = every(s->setting->sky);
    struct three light = {open, open, open};
    if (any(empty))
        light = pick_three(empty, room_light(s, r, m.distance, empty), light);
    if (any(on_body) && s->setting->metallic != 0.f)
        light = pick_three(on_body, metal_light(s, r, m.distance, m.part, mirrors, on_body), light);
    else if (any(on_body))
        light = pick_three(on_body, rubber_light(s, r, m.distance, m.part, on_body), light);
    return light;
}

#endif

"""How the light of a room reaches a ray: lamps and their shadows, light from all around, rubber and metal."""

import numpy as np

from gnm_data.arrow_room.bounce import PROBE, bounce, by_normal, quadratic
from gnm_data.arrow_room.coat import Coat, schlick
from gnm_data.arrow_room.lamps import SquareLamp
from gnm_data.arrow_room.rays import LIFT, Rays, reflect
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.shapes import dot, pick, place

MIRRORS = 2
"""Times that a ray is mirrored; the last mirror shows the room without bodies."""
BRIGHTEST = 1.0
"""Radiance at most of a lamp that is mirrored more than once."""
_AROUND = ((-0.25, -0.25), (-0.25, 0.25), (0.25, -0.25), (0.25, 0.25))
"""Offsets to the side and up, as shares of the distance to the next ray."""
_PI = np.float32(np.pi)


class Scene:
    """A room, ready for rays."""

    def __init__(self, room: Room) -> None:
        finish, look = room.finish, room.look
        self.cove, self.sky, self.contact = look.cove, look.light.sky, look.light.contact
        self.room = np.array(look.cove.albedo, np.float32)[:, None] / _PI
        self.metallic = finish.metallic
        self.coat = Coat(finish)
        self.spread, self.glint, self.shine = finish.roughness**2, finish.glint, finish.shine
        self.lamps = [SquareLamp(lamp, look.light.radiance) for lamp in room.lamps]
        self.parts = [part for body in room.bodies for part in place(body, look.sizes)]
        self.owner = np.array([i for i, body in enumerate(room.bodies) for _ in place(body, look.sizes)], np.int64)
        colours = [room.albedo(body) for body in room.bodies]
        self.colours = np.array(colours, np.float32).reshape(-1, 3).T
        self.bounce = bounce(look.cove, look.light)
        arrivals = [lamp.arriving(PROBE, np.concatenate(lamp.nodes(), axis=1)) for lamp in self.lamps]
        ways, lights = (np.concatenate(each, axis=-1) for each in zip(*arrivals, strict=True))
        self.lit = self.bounce.form + quadratic(ways, lights)

    def radiance(self, rays: Rays, leaving: np.ndarray | None = None, mirrors: int = MIRRORS) -> np.ndarray:
        """(3, N): light that comes back along each ray.

        Args:
            rays: from the camera or from a body.
            leaving: (N,) index of the part that each ray leaves, and so cannot meet again.
            mirrors: times that the light may still be mirrored.
        """
        distance, part = self.meet(rays, leaving, bodies=mirrors > 0)
        light = np.full(rays.direction.shape, self.sky, np.float32)
        on_room = np.flatnonzero((part < 0) & np.isfinite(distance))
        on_body = np.flatnonzero(part >= 0)
        if on_room.size:
            light[:, on_room] = self._room(rays.take(on_room), distance[on_room])
        if on_body.size and self.metallic:
            light[:, on_body] = self._metal(rays.take(on_body), distance[on_body], part[on_body], mirrors)
        elif on_body.size:
            light[:, on_body] = self._rubber(rays.take(on_body), distance[on_body], part[on_body])
        return light

    def meet(self, rays: Rays, leaving: np.ndarray | None, bodies: bool) -> tuple[np.ndarray, np.ndarray]:
        """Distance (N,) to the first surface, and the part (N,) that it belongs to; -1 for the room."""
        distance = self.cove.hit(rays.origin, rays.direction)
        part = np.full(distance.shape, -1)
        for i, placed in enumerate(self.parts if bodies else ()):
            to = placed.centre - rays.origin
            along = dot(to, rays.direction)
            near = (dot(to, to) - along * along < placed.solid.bound**2) & (along > 0)
            if leaving is not None:
                near &= leaving != i
            index = np.flatnonzero(near)
            if index.size:
                some = rays.take(index)
                t = placed.hit(some.origin, some.direction)
                nearer = t < distance[index]
                distance[index[nearer]] = t[nearer]
                part[index[nearer]] = i
        return distance, part

    def _room(self, rays: Rays, distance: np.ndarray) -> np.ndarray:
        point = rays.at(distance)
        normal = self.cove.normal(point)
        light = self._around(point, normal, self.bounce.on_room(point), None)
        start = point + LIFT * normal
        for stream, lamp in enumerate(self.lamps):
            arriving = np.zeros_like(distance)
            for node in lamp.nodes():
                way, strength = lamp.arriving(point, node)
                arriving += strength * np.maximum(dot(way, normal), 0)
            light += lamp.tint * (arriving * self._seen(lamp, start, rays, stream, None))
        shown = self.cove.lit(point)
        return np.asarray(self.room * light * shown + self.sky * (1 - shown))

    def _rubber(self, rays: Rays, distance: np.ndarray, part: np.ndarray) -> np.ndarray:
        point = rays.at(distance)
        normal = self._normal(point, part)
        start = point + LIFT * normal
        mirror, cosine = reflect(rays.direction, normal)
        turned = self.coat.whole(np.clip(-cosine, 0, 1))
        diffuse = self._around(point, normal, by_normal(self.bounce.form, normal), part)
        gloss = np.tile(turned / _PI * by_normal(self.bounce.form, mirror), (3, 1))
        for stream, lamp in enumerate(self.lamps):
            lit, shine = np.zeros_like(distance), np.zeros_like(distance)
            for node in lamp.nodes():
                way, strength = lamp.arriving(point, node)
                strength *= np.maximum(dot(way, normal), 0)
                lit += strength
                shine += strength * self.coat.towards(-rays.direction, normal, way)
            seen = self._seen(lamp, start, rays, stream, part)
            diffuse += lamp.tint * (lit * seen)
            gloss += lamp.tint * (shine * seen)
        return np.asarray(pick(self.colours, self.owner[part]) * ((1 - turned) / _PI) * diffuse + gloss)

    def _metal(self, rays: Rays, distance: np.ndarray, part: np.ndarray, mirrors: int) -> np.ndarray:
        point = rays.at(distance)
        onward, cosine = rays.mirrored(point, self._normal(point, part), self.spread)
        light = self.radiance(onward, part, mirrors - 1)
        light += self._highlights(rays, point, distance, part)
        return light * schlick(pick(self.colours, self.owner[part]), cosine)

    def _highlights(self, rays: Rays, point: np.ndarray, distance: np.ndarray, part: np.ndarray) -> np.ndarray:
        """(3, N): lamps mirrored by metal, at a few points around each, as rounded edges are narrower than rays."""
        light = np.zeros_like(point)
        for x, y in _AROUND if rays.width else ((0.0, 0.0),):
            aside = np.array([[x], [0.0], [y]], np.float32) * (rays.width * distance)
            mirror, _ = reflect(rays.direction, self._normal(point + aside, part))
            for lamp in self.lamps:
                light += lamp.tint * lamp.mirrored(point, mirror, self.glint)
        # Seen in another mirror by a single ray, a lamp would be a speck.
        return light * (self.shine / len(_AROUND)) if rays.width else np.minimum(light * self.shine, BRIGHTEST)

    def _normal(self, point: np.ndarray, part: np.ndarray) -> np.ndarray:
        normal = np.empty_like(point)
        for i, placed in enumerate(self.parts):
            index = np.flatnonzero(part == i)
            if index.size:
                normal[:, index] = placed.normal(pick(point, index))
        return normal

    def _around(self, point: np.ndarray, normal: np.ndarray, free: np.ndarray, own: np.ndarray | None) -> np.ndarray:
        """Irradiance (3, N) from everything but the lamps; `free` (N,) is what it would be without bodies."""
        light = np.zeros((3, free.size), np.float32)
        hidden = np.zeros_like(free)
        for i, placed in enumerate(self.parts):
            way = placed.centre - point
            square = dot(way, way)
            way *= 1 / np.sqrt(square)
            share = np.clip(dot(way, normal), 0, 1) * np.minimum(placed.solid.ball**2 / square, 1)
            if own is not None:
                share = np.where(self.owner[own] == self.owner[i], 0, share)
            hidden += share
            # What it sends instead; its side towards a very near point is more or less in the dark.
            sent = share * (1 - share * self.contact) * by_normal(self.lit, -way)
            light += self.colours[:, self.owner[i], None] * sent
        light += free * np.maximum(1 - hidden, 0)
        return light

    def _seen(self, lamp: SquareLamp, point: np.ndarray, rays: Rays, stream: int, own: np.ndarray | None) -> np.ndarray:
        """(N,): share of the lamp that can be seen from each point."""
        axis = lamp.centre - point
        length = np.sqrt(dot(axis, axis))
        suspects = []
        for i, placed in enumerate(self.parts):
            to = placed.centre - point
            along = dot(to, axis) / length
            # All ways to the lamp lie in a cone; does it touch the ball around the part?
            reach = placed.solid.bound + np.maximum(along, 0) / length * (lamp.half * 2**0.5)
            near = (dot(to, to) - along * along < reach * reach) & (along > -placed.solid.bound)
            suspects.append(near if own is None else near & (own != i))
        seen = np.ones(point.shape[1], np.float32)
        index = np.flatnonzero(np.logical_or.reduce(suspects)) if suspects else np.empty(0, np.int64)
        if not index.size:
            return seen
        u, v = 2 * rays.take(index).pattern(stream, rays.fan) - 1
        start = pick(point, index.repeat(rays.fan))
        direction = lamp.point(u.ravel(), v.ravel()) - start
        direction *= 1 / np.sqrt(dot(direction, direction))
        blocked = np.zeros(start.shape[1], bool)
        for placed, near in zip(self.parts, suspects, strict=True):
            some = np.flatnonzero(near[index].repeat(rays.fan) & ~blocked)
            if some.size:
                blocked[some] = np.isfinite(placed.hit(pick(start, some), pick(direction, some)))
        seen[index] = 1 - blocked.reshape(-1, rays.fan).sum(1).astype(np.float32) / np.float32(rays.fan)
        return seen

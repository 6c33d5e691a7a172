"""Rays against the shapes of the room.

Every solid is a convex core swept by a ball: a sphere is a swept point, a cube with rounded edges a swept box, a
cylinder with rounded rims a swept cylinder, the arrow a swept box (shaft) and a swept triangular prism (head).
So the distance to a solid is the distance to its core less the ball's radius, and its normal points away from the core.

A ray is first clipped, in closed form, by the outer solid without rounding; where it enters on a flat or plainly curved
part this is the hit already, and the few rays that enter at a rounded edge walk on by Newton's method.

Points and directions are (3, N) float32; directions have length 1.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gnm_data.arrow_room.look import Sizes
from gnm_data.arrow_room.room import Body

CLOSE = 1e-4
"""A ray this near to a solid has hit it."""
STEPS = 8
"""Newton steps towards a rounded edge; a ray that only grazes the edge by then has missed."""


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3, N), (3, N) → (N,); either may be (3, 1). Summed in this order on every machine."""
    product: np.ndarray = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


def pick(vectors: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Some of the vectors (3, N); several times faster than indexing."""
    return np.take(vectors, index, axis=1)


def unit(a: np.ndarray) -> np.ndarray:
    """(3, N) at length 1; zeros stay zeros."""
    return a / np.maximum(np.sqrt(dot(a, a)), 1e-20)


class Solid(ABC):
    """A convex solid with rounded edges, in its own frame."""

    radius: float
    """Of the ball that sweeps the core."""
    half: tuple[float, float, float]
    """Half sizes of a box around the frame's origin that holds the solid."""
    bound: float
    """Radius of a ball around the frame's origin that holds the solid."""
    ball: float
    """Radius of a ball of about its size, which stands for it in diffuse light."""

    @abstractmethod
    def nearest(self, point: np.ndarray) -> np.ndarray:
        """The point of the core that is nearest to `point`."""

    @abstractmethod
    def clip(self, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances (N,) at which rays enter and leave the outer solid; it is missed where entry > exit."""

    def normal(self, point: np.ndarray) -> np.ndarray:
        """Outward unit normal at points on the surface."""
        return unit(point - self.nearest(point))

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Distance (N,) along each ray to the surface, from outside; infinite where the ray misses."""
        origin = np.broadcast_to(origin, direction.shape)
        entry, exit_ = self.clip(origin, direction)
        t = np.full(entry.shape, np.inf, np.float32)
        walking = np.flatnonzero((exit_ >= entry) & (exit_ > 0))
        at = np.maximum(entry[walking], 0)
        o, d = pick(origin, walking), pick(direction, walking)
        for _ in range(STEPS):
            point = o + d * at
            away = point - self.nearest(point)
            length = np.sqrt(dot(away, away))
            gap = length - self.radius
            done = gap < CLOSE
            t[walking[done]] = at[done]
            # The distance to a convex core is convex along the ray: Newton's steps never pass the surface, and once
            # the distance grows there is no surface ahead.
            slope = dot(away, d) / np.maximum(length, 1e-20)
            on = np.flatnonzero(~done & (slope < 0))
            if not on.size:
                break
            walking, o, d = walking[on], pick(o, on), pick(d, on)
            at = at[on] - gap[on] / slope[on]
        return t


def _slab(origin: np.ndarray, direction: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter and leave |coordinate| <= half; one coordinate of each."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (-half - origin) / direction, (half - origin) / direction
    return np.fmin(a, b), np.fmax(a, b)  # not a number: a ray within a face, which misses


def _ball(volume: float) -> float:
    return float((volume * 3 / (4 * np.pi)) ** (1 / 3))


class Sphere(Solid):
    """A swept point."""

    def __init__(self, radius: float) -> None:
        self.radius = self.bound = self.ball = radius
        self.half = (radius, radius, radius)

    def nearest(self, point: np.ndarray) -> np.ndarray:
        """The centre."""
        return np.zeros_like(point)

    def clip(self, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two roots of |origin + t direction| = radius."""
        middle = -dot(origin, direction)
        closest = origin + direction * middle
        square = self.radius**2 - dot(closest, closest)
        reach = np.sqrt(np.maximum(square, 0))
        return np.where(square < 0, np.inf, middle - reach), middle + reach


class Box(Solid):
    """A box with rounded edges around the origin."""

    def __init__(self, half: tuple[float, float, float], bevel: float) -> None:
        self.radius = bevel
        self.half = half
        self.bound = float(np.linalg.norm(half))
        self.ball = _ball(8 * half[0] * half[1] * half[2])
        self.core = (np.array(half, np.float32) - np.float32(bevel))[:, None]

    def nearest(self, point: np.ndarray) -> np.ndarray:
        """Each coordinate clipped."""
        return np.clip(point, -self.core, self.core)

    def clip(self, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Three slabs."""
        entry, exit_ = _slab(origin[0], direction[0], self.half[0])
        for axis in (1, 2):
            a, b = _slab(origin[axis], direction[axis], self.half[axis])
            entry, exit_ = np.fmax(entry, a), np.fmin(exit_, b)
        return entry, exit_


class Cylinder(Solid):
    """An upright cylinder with rounded rims around the origin."""

    def __init__(self, radius: float, half_height: float, bevel: float) -> None:
        self.radius = bevel
        self.half = (radius, radius, half_height)
        self.bound = float(np.hypot(radius, half_height))
        self.ball = _ball(2 * np.pi * radius**2 * half_height)

    def nearest(self, point: np.ndarray) -> np.ndarray:
        """Clipped to the core's height, and towards its axis."""
        across = np.sqrt(point[0] * point[0] + point[1] * point[1])
        shrink = np.minimum(1, (self.half[0] - self.radius) / np.maximum(across, 1e-20))
        top = self.half[2] - self.radius
        return np.stack((point[0] * shrink, point[1] * shrink, np.clip(point[2], -top, top)))

    def clip(self, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """An endless cylinder and a slab."""
        a = direction[0] ** 2 + direction[1] ** 2
        b = origin[0] * direction[0] + origin[1] * direction[1]
        c = origin[0] ** 2 + origin[1] ** 2 - self.half[0] ** 2
        square = b * b - a * c
        reach = np.sqrt(np.maximum(square, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = (-b - reach) / a, (-b + reach) / a
        upright = a < 1e-12  # such a ray is inside all the way or not at all
        inside = np.where(c < 0, np.float32(-np.inf), np.float32(np.inf))
        near = np.where(upright, inside, np.where(square < 0, np.inf, near))
        far = np.where(upright, np.inf, far)
        entry, exit_ = _slab(origin[2], direction[2], self.half[2])
        return np.fmax(near, entry), np.fmin(far, exit_)


class Wedge(Solid):
    """A triangular prism with rounded edges: the head of an arrow that points along +x.

    Args:
        base, tip: x of the triangle's base and of its tip, before rounding.
        width: of the base.
        half_height: half of its thickness along z.
        bevel: radius of the rounding.
    """

    def __init__(self, base: float, tip: float, width: float, half_height: float, bevel: float) -> None:
        self.radius = bevel
        self.half = (max(abs(base), abs(tip)), width / 2, half_height)
        self.bound = float(np.linalg.norm([max(abs(tip), np.hypot(base, width / 2)), half_height]))
        self.ball = _ball((tip - base) * width * half_height)
        slant = float(np.hypot(tip - base, width / 2))
        nx, ny = width / 2 / slant, (tip - base) / slant  # outward normal of the side with y > 0
        self._planes = ((-1.0, 0.0, -base), (nx, ny, nx * tip), (nx, -ny, nx * tip))
        self._base, self._tip = base + bevel, tip - bevel / nx  # of the core
        self._wide = (self._tip - self._base) * nx / ny

    def numbers(self) -> tuple[float, ...]:
        """Normal of a side, its distance and its core's; that of the base; corner and side of the core's triangle."""
        nx, ny, offset = self._planes[1]
        ex, ey = self._tip - self._base, -self._wide
        core = (self._base, self._wide, ex, ey, ex * ex + ey * ey)
        return (nx, ny, offset, offset - self.radius, self._planes[0][2], *core)

    def nearest(self, point: np.ndarray) -> np.ndarray:
        """The nearest point of the triangle, and the height clipped."""
        x, y = point[0], np.abs(point[1])  # both sides are alike
        nx, ny, offset = self._planes[1]
        inside = (x >= self._base) & (nx * x + ny * y <= offset - self.radius)
        beside = np.minimum(y, self._wide)
        ex, ey = self._tip - self._base, -self._wide
        along = np.clip(((x - self._base) * ex + (y - self._wide) * ey) / (ex * ex + ey * ey), 0, 1)
        qx, qy = self._base + along * ex, self._wide + along * ey
        base = (x - self._base) ** 2 + (y - beside) ** 2 < (x - qx) ** 2 + (y - qy) ** 2
        x = np.where(inside, x, np.where(base, np.float32(self._base), qx))
        y = np.where(inside, y, np.where(base, beside, qy))
        top = self.half[2] - self.radius
        return np.stack((x, np.where(point[1] < 0, -y, y), np.clip(point[2], -top, top)))

    def clip(self, origin: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Three planes and a slab."""
        entry, exit_ = _slab(origin[2], direction[2], self.half[2])
        for nx, ny, offset in self._planes:
            speed = nx * direction[0] + ny * direction[1]
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (offset - nx * origin[0] - ny * origin[1]) / speed
            entry = np.where(speed < 0, np.fmax(entry, t), entry)
            exit_ = np.where(speed > 0, np.fmin(exit_, t), exit_)
            # A ray along the plane is wholly on one side of it.
            exit_ = np.where((speed == 0) & (nx * origin[0] + ny * origin[1] > offset), -np.inf, exit_)
        return entry, exit_


@dataclass(frozen=True)
class Placed:
    """A solid at its place in the room."""

    solid: Solid
    centre: np.ndarray
    """(3, 1) float32: where the solid's origin is."""
    cos: np.float32
    sin: np.float32
    """Of its angle about the vertical."""

    def local(self, vector: np.ndarray) -> np.ndarray:
        """World directions (3, N) in the solid's frame."""
        x, y, z = vector
        return np.stack((self.cos * x + self.sin * y, self.cos * y - self.sin * x, z))

    def world(self, vector: np.ndarray) -> np.ndarray:
        """The solid's directions (3, N) in the world."""
        x, y, z = vector
        return np.stack((self.cos * x - self.sin * y, self.cos * y + self.sin * x, z))

    def corners(self) -> np.ndarray:
        """(3, 8) of a box that holds the solid."""
        signs = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], np.float32).T
        return self.centre + self.world(signs * np.array(self.solid.half, np.float32)[:, None])

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Distance (N,) to the surface; infinite where the ray misses. One origin (3, 1) may serve all rays."""
        return self.solid.hit(self.local(origin - self.centre), self.local(direction))

    def normal(self, point: np.ndarray) -> np.ndarray:
        """Outward unit normal (3, N) at points on the surface."""
        return self.world(self.solid.normal(self.local(point - self.centre)))


def place(body: Body, sizes: Sizes) -> tuple[Placed, ...]:
    """The solids that a body is made of: one, or shaft and head of an arrow."""
    cos, sin = np.cos(body.angle), np.sin(body.angle)
    return tuple(
        Placed(
            solid,
            np.array([[body.x + ahead * cos], [body.y + ahead * sin], [solid.half[2]]], np.float32),
            np.float32(cos),
            np.float32(sin),
        )
        for solid, ahead in _solids(body.shape, sizes)
    )


@lru_cache(maxsize=1024)
def _solids(shape: str, sizes: Sizes) -> tuple[tuple[Solid, float], ...]:
    """The solids of a shape, each with how far ahead of the body's middle it is."""
    a, half, radius = sizes.arrow, sizes.cube, sizes.cylinder
    match shape:
        case "sphere":
            return ((Sphere(sizes.sphere), 0.0),)
        case "cube":
            return ((Box((half, half, half), sizes.bevel * half), 0.0),)
        case "cylinder":
            return ((Cylinder(radius, sizes.cylinder_half, sizes.bevel * radius), 0.0),)
        case "arrow":
            neck = a.length / 2 - a.head_length
            head = Wedge(neck, a.length / 2, a.head_width, a.thickness / 2, a.bevel)
            # The shaft reaches into the head, so that its rounded end does not show.
            reach = neck + a.head_length / 4
            shaft = Box(((reach + a.length / 2) / 2, a.shaft_width / 2, a.thickness / 2), a.bevel)
            return ((shaft, (reach - a.length / 2) / 2), (head, 0.0))
        case _:
            raise ValueError(f"no shape {shape!r}")

"""Light that the empty room throws back and forth: found once by radiosity, for lamps in their usual places.

Floor, cove and wall are cut into patches that scatter light evenly; between all pairs the exchange is known, and a few
bounces settle it. The result is scalar, as the room is all but grey.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gnm_data.arrow_room.cove import Cove
from gnm_data.arrow_room.lamps import SquareLamp
from gnm_data.arrow_room.look import Light
from gnm_data.arrow_room.shapes import dot, unit

ARC = np.linspace(-20.0, 16.0, 37)
WIDTH = np.linspace(-20.0, 20.0, 33)
_BOUNCES = 8
PROBE = np.array([[0.0], [1.0], [0.6]])
"""Where light that falls on bodies is measured: amid them."""


@dataclass(frozen=True)
class Bounce:
    """Indirect light, the open world's included, where nothing stands in its way."""

    floor: np.ndarray
    """(arcs, widths) float32: irradiance of the room's patches."""
    cove: Cove
    form: np.ndarray
    """(4, 4) float32: irradiance of bodies, for `by_normal`."""

    def on_room(self, point: np.ndarray) -> np.ndarray:
        """Irradiance (N,) at points (3, N) of the room."""
        rows, row = _between(self.cove.arc(point), ARC)
        columns, column = _between(point[0], WIDTH)
        table = self.floor
        near = table[rows, columns] * (1 - column) + table[rows, columns + 1] * column
        far = table[rows + 1, columns] * (1 - column) + table[rows + 1, columns + 1] * column
        return near * (1 - row) + far * row


def by_normal(form: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Irradiance (N,) of surfaces with normals n (3, N): (n, 1)ᵀ form (n, 1)."""
    x, y, z = normal
    return (
        (form[0, 0] * x + 2 * (form[0, 1] * y + form[0, 2] * z + form[0, 3])) * x
        + (form[1, 1] * y + 2 * (form[1, 2] * z + form[1, 3])) * y
        + (form[2, 2] * z + 2 * form[2, 3]) * z
        + form[3, 3]
    )


@lru_cache(maxsize=64)
def bounce(cove: Cove, light: Light) -> Bounce:
    """Solve the exchange between patches; takes a tenth of a second, once a room."""
    arcs, widths = np.meshgrid(ARC, WIDTH, indexing="ij")
    points = cove.at(arcs.ravel(), widths.ravel())
    normals = cove.normal(points)
    area = (ARC[1] - ARC[0]) * (WIDTH[1] - WIDTH[0]) * cove.lit(points)
    albedo = float(np.mean(cove.albedo))

    seen = _solid_angles(points[:, :, None], points, normals, area)
    to = unit((points[:, None, :] - points[:, :, None]).reshape(3, -1)).reshape(3, *seen.shape)
    exchange = seen * np.maximum(np.einsum("kij,ki->ij", to, normals), 0) / np.pi

    direct = np.zeros(points.shape[1])
    for lamp in light.lamps:
        square = SquareLamp(lamp, light.radiance)
        for node in square.nodes():
            way, strength = square.arriving(points, node)
            direct += strength * np.maximum(dot(way, normals), 0)
    world = np.pi * light.world * (1 - exchange.sum(1))
    indirect = world
    for _ in range(_BOUNCES):
        indirect = world + (exchange * (albedo * (direct + indirect))).sum(1)

    radiance = albedo * (direct + indirect) / np.pi
    sent = (radiance - light.world) * _solid_angles(PROBE[:, None], points, normals, area)[0]
    form = quadratic(unit(points - PROBE), sent)
    form[3, 3] += np.float32(np.pi * light.world)
    return Bounce(indirect.reshape(arcs.shape).astype(np.float32), cove, form)


def _solid_angles(eyes: np.ndarray, points: np.ndarray, normals: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(M, N): how large each of N patches looks from M eyes (3, M, 1)."""
    way = points[:, None, :] - eyes
    square = np.maximum((way * way).sum(0), 1e-9)
    facing = np.maximum(-np.einsum("kij,kj->ij", way, normals), 0) / np.sqrt(square)
    return area * facing / (square + area / np.pi)  # the area keeps near patches finite, as if they were discs


def quadratic(way: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The form (4, 4) float32 of light (N,) that comes from directions (3, N).

    Source: Ramamoorthi and Hanrahan, An efficient representation for irradiance environment maps, SIGGRAPH 2001.
    """
    x, y, z = way
    c1, c2, c3, c4, c5 = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708
    l00 = 0.282095 * light.sum()
    l1_1, l10, l11 = (0.488603 * (light * axis).sum() for axis in (y, z, x))
    l2_2, l2_1, l21 = (1.092548 * (light * pair).sum() for pair in (x * y, y * z, x * z))
    l20 = 0.315392 * (light * (3 * z * z - 1)).sum()
    l22 = 0.546274 * (light * (x * x - y * y)).sum()
    return np.array(
        [
            [c1 * l22, c1 * l2_2, c1 * l21, c2 * l11],
            [c1 * l2_2, -c1 * l22, c1 * l2_1, c2 * l1_1],
            [c1 * l21, c1 * l2_1, c3 * l20, c2 * l10],
            [c2 * l11, c2 * l1_1, c2 * l10, c4 * l00 - c5 * l20],
        ],
        np.float32,
    )


def _between(value: np.ndarray, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the tick before each value, and how far it is on to the next one."""
    start, pace = float(ticks[0]), float(ticks[1] - ticks[0])
    step = np.clip((value - start) / pace, 0, len(ticks) - 1 - 1e-4)
    index = step.astype(np.int64)
    return index, step - index.astype(step.dtype)

"""Views of painted rooms: nearer, farther, aside, tilted, mirrored, wobbling."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gnm_data.judges.canvas import SIDE

PAINTED = 160
"""Side of the painted rooms, in pixels; a view shows a part of one."""
_STEP = (0.8, 1.25)
"""Pixels of the painted room from one pixel of the view to the next; the last shows the whole room."""


@dataclass(frozen=True)
class Views:
    """B views, each an affine map of a painted room and a small displacement."""

    matrix: Tensor
    """(B, 2, 2): columns are the steps in the painted room for a pixel to the right and a pixel down."""
    centre: Tensor
    """(B, 2) = (x, y): what the centre of the view shows, in pixels of the painted room."""
    displacement: Tensor
    """(B, 128, 128, 2): displacement in pixels of the painted room."""

    def render(self, picture: Tensor, mode: str = "bilinear") -> Tensor:
        """(B, C, 160, 160) → (B, C, 128, 128); `mode` is how values between pixels are found, as of `grid_sample`."""
        line = torch.arange(SIDE, dtype=torch.float32) + 0.5 - SIDE / 2
        at = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
        source = torch.einsum("bij,hwj->bhwi", self.matrix, at) + self.centre[:, None, None] + self.displacement
        grid = source * (2 / PAINTED) - 1
        shown: Tensor = F.grid_sample(picture, grid, mode, padding_mode="border", align_corners=False)
        return shown

    def project_points(self, points: Tensor, view: Tensor) -> Tensor:
        """Points (M, 2) of the painted rooms of the views (M,) → where the views show them, undisplaced."""
        back = torch.linalg.inv(self.matrix)[view]
        return torch.einsum("mij,mj->mi", back, points - self.centre[view]) + SIDE / 2

    def project_directions(self, directions: Tensor, view: Tensor) -> Tensor:
        """Directions (M, 2) in the painted rooms → directions in the views, of any length."""
        return torch.einsum("mij,mj->mi", torch.linalg.inv(self.matrix)[view], directions)

    @property
    def area_scale(self) -> Tensor:
        """(B,): area in the painted room of one pixel of the view."""
        area: Tensor = torch.linalg.det(self.matrix).abs()
        return area


def views(count: int, random: np.random.Generator, generator: torch.Generator) -> Views:
    """Random views: three in four with a displacement as of a decoder that is not sure of outlines."""
    step = random.uniform(*_STEP, count)
    aspect = random.uniform(0.93, 1.09, count)
    turn = np.radians(random.normal(0, 2.0, count))
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    across, down = step * aspect, step / aspect
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.stack(
        [np.stack([across * cos * mirror, -down * sin], 1), np.stack([across * sin * mirror, down * cos], 1)], 1
    )
    spare = (PAINTED - SIDE * step) / 2
    centre = (
        PAINTED / 2 + np.stack([random.uniform(-1, 1, count), random.uniform(-0.6, 0.7, count)], 1) * spare[:, None]
    )
    size = (random.random(count) < 0.75) * random.uniform(0, 0.9, count)
    return Views(
        torch.from_numpy(matrix).float(),
        torch.from_numpy(centre).float(),
        smooth(count, 2, 14, generator).permute(0, 2, 3, 1) * torch.from_numpy(size).float()[:, None, None, None],
    )


def smooth(count: int, channels: int, knots: int, generator: torch.Generator) -> Tensor:
    """(B, C, 128, 128): normal noise that changes slowly, with `knots` independent values to a side."""
    coarse = torch.randn((count, channels, knots, knots), generator=generator)
    finer = F.interpolate(coarse, size=(SIDE // 4, SIDE // 4), mode="bicubic", align_corners=False)
    return F.interpolate(finer, size=(SIDE, SIDE), mode="bilinear", align_corners=False)

"""Small models that know objects, with random weights: painted at random, but exactly as ever."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from gnm_core import Model, Scene, compose

GLIMPSE = {"use": "subpixel", "channels": [16, 8], "kernels": [1, 1, 3], "upscales": [4, 2, 1]}
BACKGROUND = {"use": "subpixel-background", "channels": [6], "kernels": [1, 3], "upscales": [4, 8]}


def _gnm(masks: bool, size: int, grid: int, widths: int) -> dict[str, Any]:
    renderer = {"use": "separable", "glimpse": {**GLIMPSE, "masks": masks}, "background": BACKGROUND if masks else None}
    return {
        "dims": {
            **{"channels": 3 if masks else 1, "size": size, "grid": grid, "features": 8},
            **{"scene": 3, "what": 4, "background": 2},
        },
        "model": {
            "use": "gnm",
            "encoder": {"use": "conv", "widths": [4] * widths},
            "core": {"use": "structdraw", "steps": 2, "interaction": [8], "decoder": [8]},
            "renderer": renderer,
            "head": [8],
        },
    }


SPECS: dict[str, dict[str, Any]] = {
    "gnm": _gnm(False, 24, 3, 2),
    "gnm-masks": _gnm(True, 32, 2, 3),
    "space": {
        "dims": {"channels": 3, "size": 32, "features": 16, "what": 5},
        "model": {
            "use": "space",
            "foreground": {"use": "space", "glimpse": {**GLIMPSE, "masks": True}, "channels": [4, 8, 8, 8]},
            "background": {"use": "space", "components": 2, "hidden": 16, "decoder": [16, 8, 8]},
            "margin": 2,
        },
    },
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    torch.manual_seed(0)
    return {name: compose(spec).eval() for name, spec in SPECS.items()}


@pytest.fixture
def scene_of(models: dict[str, Model]) -> Callable[..., Scene]:
    """`scene_of("gnm", there=3)`: a scene of so many objects, each small and in its cell."""

    def make(name: str, there: int = 3) -> Scene:
        from gnm_core.latents import SymbolicLatents

        model = models[name]
        dims = model.dims
        random = torch.Generator().manual_seed(1)
        shape = (1, dims.grid, dims.grid)
        cells = (torch.arange(dims.grid) + 0.5) * (2 / dims.grid) - 1
        y, x = torch.meshgrid(cells, cells, indexing="ij")
        extent = torch.full((*shape, 2), 0.6 / dims.grid)
        presence = (torch.arange(dims.grid**2) < there).float().view(*shape, 1)
        latents = SymbolicLatents(
            presence=presence,
            where=torch.cat([extent, x[None, ..., None], y[None, ..., None]], -1),
            depth=torch.randn(*shape, 1, generator=random),
            what=torch.randn(*shape, dims.what, generator=random),
        )
        torch.manual_seed(2)
        first = model.sample(1)
        from dataclasses import replace

        from gnm_core.gnm.where import to_pixels

        with torch.no_grad():
            rendering = model.render(latents, first.background)
        objects = replace(
            first.objects,
            boxes=to_pixels(latents.where, dims.size).flatten(1, 2),
            confidence=torch.linspace(0.9, 0.5, dims.grid**2)[None],
            present=presence.flatten(1) > 0.5,
            what=latents.what.flatten(1, 2),
            depth=latents.depth.flatten(1),
        )
        return replace(first, image=rendering.image.clamp(0, 1), objects=objects, latents=latents, rendering=rendering)

    return make

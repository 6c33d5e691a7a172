"""Small machines, and pictures for them."""

import pytest
import torch
from gnm_core import compose
from gnm_core.gnm.model import GNM
from torch import Tensor

VARIANTS = pytest.mark.parametrize("masks", [False, True], ids=["plain", "masks and background"])
READINGS = pytest.mark.parametrize("by_eye", [False, True], ids=["of features", "of the picture"])
"""What z^what and z^b are read from."""
BY_EYE = {"glimpse_encoder": {"use": "mlp", "size": 8, "hidden": [8]}}
PAST = {"use": "surroundings", "side": 4}
STEPS = 10


def spec(
    masks: bool = False,
    *,
    size: int = 32,
    encoder: object = None,
    prior: object = None,
    by_eye: bool = False,
    **model: object,
) -> dict:
    background = {"use": "subpixel-background", "channels": [6], "kernels": [1, 3], "upscales": [4, size // 4]}
    glimpse = {"use": "subpixel", "masks": masks, "channels": [6], "kernels": [1, 3], "upscales": [4, 2]}
    return {
        "dims": {
            "channels": 3 if masks else 1,
            "size": size,
            "grid": 2,
            "features": 6,
            "scene": 3,
            "what": 4,
            "background": 2,
        },
        "model": {
            "use": "gnm",
            "encoder": encoder or "conv",
            "core": {
                "use": "structdraw",
                "steps": 2,
                "interaction": [8],
                "decoder": [8],
                "prior": prior or {"use": "autoregressive", "hidden": [8]},
            },
            "renderer": {"use": "separable", "glimpse": glimpse, "background": background if masks else None},
            **(BY_EYE | {"background_encoder": PAST if masks else None} if by_eye else {}),
            "head": [8],
            "background_posterior": [8],
            "background_generator": [8],
            **model,
        },
    }


def machine(masks: bool = False, **options: object) -> GNM:
    torch.manual_seed(0)
    model = compose(spec(masks, **options))
    assert isinstance(model, GNM)
    return model


def pictures(model: GNM, n: int = 4) -> Tensor:
    torch.manual_seed(1)
    return torch.rand(n, model.dims.channels, model.dims.size, model.dims.size)

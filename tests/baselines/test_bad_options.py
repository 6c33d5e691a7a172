"""Options that do not fit are refused with their place and the reason, before anything is allocated."""

from typing import Any

import pytest
import torch
from gnm_baselines.convdraw.core import ConvDRAW
from gnm_core import load_spec
from gnm_core.dims import Dims
from gnm_core.errors import OptionError, SpecError

BAD: list[tuple[str, list[str], str, str]] = [
    ("genesis-mnist-4", ["model.components=0"], "model.components", "at least 2"),
    ("genesis-mnist-4", ["model.attention.strides=[3, 2, 1, 2, 1, 2, 1]"], "model.attention.strides", "1 or 2"),
    ("genesis-mnist-4", ["model.attention.strides=[2, 2]"], "model.attention.strides", "7 layers"),
    ("genesis-mnist-4", ["dims.size=120", "data.digit=20"], "model", "multiple of 16"),
    ("space-mnist-4", ["model.background.components=0"], "model.background.components", "at least 2"),
    ("space-mnist-4", ["model.background.upscales=[4, 4, 4, 4]"], "model.background.upscales", "256 px"),
    (
        "space-mnist-4",
        ["model.foreground.glimpse={use: subpixel, masks: true, channels: [8], kernels: [1, 3], upscales: [3, 3]}"],
        "model.foreground.glimpse",
        "9 px",
    ),
    ("space-mnist-4", ["model.foreground.glimpse={use: subpixel}"], "model.foreground.glimpse", "alpha"),
    ("space-mnist-4", ["model.margin=16"], "model.margin", "leave nothing"),
    (
        "vae-mnist-4",
        ["model.decoder={use: subpixel-code, upscales: [4, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1]}"],
        "upscales",
        "64 px",
    ),
    ("vae-mnist-4", ["model.decoder={use: subpixel-code, kernels: [2, 3]}"], "model.decoder", "kernels"),
    ("convdraw-4-mnist-4", ["model.core.steps=0"], "model.core.steps", "at least 1"),
    ("convdraw-4-mnist-4", ["model.core.kernel=2"], "model.core.kernel", "even"),
    ("convdraw-4-mnist-4", ["objective.weights.scene=-1"], "objective.weights", "at least 0"),
    ("convdraw-4-mnist-4", ["model.sigma=0"], "model.sigma", "above 0"),
]


@pytest.mark.parametrize(("spec", "overrides", "place", "reason"), BAD)
def test_it_is_refused(spec: str, overrides: list[str], place: str, reason: str) -> None:
    with pytest.raises(SpecError) as error:
        load_spec(spec, overrides)
    assert place in str(error.value)
    assert reason in str(error.value)


def test_one_draw_step_is_a_hierarchy_of_one() -> None:
    core = ConvDRAW(Dims(features=8, scene=2), steps=1)
    drawing = core.infer(torch.randn(2, 8, 4, 4))
    assert drawing.scene.shape == (2, 1, core.code_size)


def test_plain_python_gets_the_same_refusals() -> None:
    bad: dict[str, Any] = {"kernel": 4}
    with pytest.raises(OptionError, match="kernel: 4 is even"):
        ConvDRAW(Dims(), **bad)

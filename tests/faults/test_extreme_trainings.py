"""Trainings that nobody should start: each ends with sound weights, or with a reason."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gnm_core.errors import RunError
from gnm_core.runs.checkpoint import Checkpoints, load_run
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import start
from gnm_core.training.progress import Silent
from PIL import Image

MODELS: dict[str, dict[str, Any]] = {
    "vae": {"use": "vae", "hidden": [4, 4]},
    "gnm": {"use": "gnm", "core": {"use": "structdraw", "steps": 2, "decoder": [16]}},
    "convdraw": {"use": "convdraw"},
    "genesis": {"use": "genesis", "components": 2},
    "space": {"use": "space"},
}

EXTREMES: dict[str, dict[str, Any]] = {
    "a rate of a million": {"train.optimizer": {"use": "rmsprop", "lr": 1e6}, "train.clip": float("inf")},
    "a sigma of nothing": {"model.sigma": 1e-12},
    "one image at a time": {"train.batch": 1},
    "black pictures": {"pictures": 0},
    "white pictures": {"pictures": 255},
}


def pictures(folder: Path, level: int | None) -> Path:
    """Twelve pictures: noise, or of one grey level."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for i in range(12):
        pixels = random.integers(0, 255, (16, 16), np.uint8) if level is None else np.full((16, 16), level, np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("model", MODELS if os.environ.get("GNM_TESTS") == "long" else ["vae", "gnm"])
def test_it_ends_with_sound_weights_or_with_a_reason(tmp_path: Path, model: str, extreme: str) -> None:
    options = dict(EXTREMES[extreme])
    folder = pictures(tmp_path / "pictures", options.pop("pictures", None))
    spec: Any = {
        "dims": {"channels": 1, "size": 16, "grid": 2, "features": 8, "scene": 4, "what": 4, "background": 3},
        "model": MODELS[model],
        "data": {"use": "image-folder", "dir": str(folder)},
        "train": {"steps": 8, "batch": 2, "checkpoint_every": 2, "picture_every": 0, "log_every": 1},
    }
    texts = [
        f"{path}={str(value).replace('inf', '.inf').replace(chr(39), '').replace('1e-12', '1.0e-12')}"
        for path, value in options.items()
    ]
    run = tmp_path / "run"
    try:
        start(load_spec(spec, texts), run, Settings(threads=1), Silent())
    except RunError as error:
        if "not finite" not in str(error):
            raise
        if not Checkpoints(run).steps():
            return
    weights = load_run(run).model.state_dict()
    assert all(tensor.isfinite().all() for tensor in weights.values())

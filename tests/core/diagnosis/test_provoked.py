"""Trainings that go wrong in a known way, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gnm_core import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import start
from gnm_core.training.progress import Silent
from PIL import Image

from .small import SIDE, SMALL


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of 48 pictures: squares on a plain ground, and a smooth ground alone."""
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")

    def squares() -> np.ndarray:
        picture = np.full((SIDE, SIDE, 3), random.integers(60, 200, 3))
        for _ in range(random.integers(1, 4)):
            (x, y), side = random.integers(0, 24, 2), random.integers(6, 9)
            picture[y : y + side, x : x + side] = random.integers(0, 256, 3)
        return picture.astype(np.uint8)

    def ground() -> np.ndarray:
        corners = random.integers(0, 256, (2, 2, 3)).astype(np.uint8)
        return np.asarray(Image.fromarray(corners).resize((SIDE, SIDE), Image.Resampling.BILINEAR))

    for name, draw in {"squares": squares, "ground": ground}.items():
        (folder / name).mkdir()
        for i in range(48):
            Image.fromarray(draw()).save(folder / name / f"{i:02}.png")
    return {name: folder / name for name in ("squares", "ground")}


def small(pictures: Path, steps: int, auxiliary: dict[str, float], **model: Any) -> dict[str, Any]:
    """A training of the small model that is asked for nothing on the way."""
    stage = {
        "name": "symbols",
        "level": "symbols",
        "steps": steps,
        "batch": 8,
        "optimizer": {"use": "adam", "lr": 3e-3},
        "objective": {
            "use": "elbo",
            "auxiliary": {"presence": 1, "where": 1, "what": 0.5, "background": 0.5} | auxiliary,
        },
    }
    return {
        **SMALL,
        "data": {"use": "image-folder", "dir": str(pictures)},
        "model": {**SMALL["model"], "curriculum": None, "presence_prior": {"rate": 0.01}, **model},
        "train": {"log_every": 5, "picture_every": 0, "stages": [stage]},
    }


BOXES_HELD: dict[str, Any] = {"where_prior": {"std": [0.1] * 4}}
NO_BACKGROUND = {"background": 1000.0}


@pytest.mark.parametrize(
    ("fault", "of", "steps", "auxiliary", "model"),
    [
        ("no objects", "squares", 300, {"presence": 300.0}, {"presence_prior": {"rate": 1e-3}}),
        (
            "every cell an object",
            "squares",
            300,
            {"presence": 0.1, "where": 9.0, "what": 0.1, **NO_BACKGROUND},
            {"sigma": 0.05, **BOXES_HELD},
        ),
        (
            "objects tile the picture",
            "squares",
            300,
            {"what": 0.0, **NO_BACKGROUND},
            {"sigma": 0.05, "where_prior": {"mean": [0.0] * 4}},
        ),
        (
            "boxes at the prior's mean",
            "squares",
            520,
            {"presence": 1000.0, "where": 9.0},
            {"presence_prior": {"rate": 0.99}, "where_prior": {"std": [0.05] * 4}},
        ),
        (
            "the background explains objects",
            "ground",
            400,
            {"presence": 0.5, "where": 9.0, "what": 10.0, "background": 0.0},
            BOXES_HELD,
        ),
        ("a latent unused", "squares", 300, {"background": 1e4}, {}),
        ("too few steps yet", "squares", 120, {}, {}),
    ],
)
def test_a_training_that_goes_wrong_is_told_how(
    fault: str,
    of: str,
    steps: int,
    auxiliary: dict[str, float],
    model: dict[str, Any],
    pictures: dict[str, Path],
    tmp_path: Path,
) -> None:
    spec = load_spec(small(pictures[of], steps, auxiliary, **model))
    outcome = start(spec, tmp_path / "run", Settings(), Silent())
    found = {finding.name: finding for finding in outcome.findings}
    assert fault in found, f"said instead: {[str(finding) for finding in outcome.findings]}"
    assert found[fault].change
    if fault in ("no objects", "every cell an object"):  # what lasts is told while it trains, too
        records = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
        assert fault in [record["diagnosis"]["name"] for record in records if "diagnosis" in record]

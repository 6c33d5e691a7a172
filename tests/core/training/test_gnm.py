"""The real model, through all of its stages."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from gnm_core.evaluation.report.history import read_history
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent

SMALL = [
    "dims={channels: 1, size: 32, grid: 2, features: 16, scene: 4, what: 4}",
    "model.encoder={use: conv, widths: [8, 8, 8]}",
    "model.renderer.glimpse={use: subpixel, channels: [8, 8], kernels: [1, 3, 3], upscales: [4, 2, 1]}",
    "train.picture_every=0",
    "train.checkpoint_every=2",
    "train.stages=[{level: symbols, steps: 3, batch: 4}, {level: scene, train: [core], steps: 3, batch: 8},"
    " {steps: 3, batch: 4}]",
]


CELLS = [
    "model.core={use: cells, levels: 4, width: 8, heads: 2, hidden: 4, dropout: 0.1}",
    "train.levels_every=5",
    "train.stages=[{level: symbols, steps: 3, batch: 4}, {level: scene, train: [core], steps: 3, batch: 8},"
    " {level: prior, train: [core.prior], steps: 3, batch: 8}]",
]


@pytest.mark.parametrize("more", [[], CELLS], ids=["structdraw", "cells"])
def test_a_run_that_was_stopped_everywhere_equals_one_that_was_not(tmp_path: Path, more: list[str]) -> None:
    pytest.importorskip("gnm_render", reason="the renderer comes with gnm-render")
    pytest.importorskip("gnm_data", reason="the digits come with gnm-data")
    spec = load_spec("mnist-4-64", [*SMALL, *more, "data.train=64", "data.validation=8"])
    start(spec, tmp_path / "a", Settings(), Silent())
    start(spec, tmp_path / "b", Settings(steps=1), Silent())
    for steps in range(2, 10):
        resume(tmp_path / "b", Settings(steps=steps), Silent())
    straight, stopped = (load_run(tmp_path / run).model.state_dict() for run in ("a", "b"))
    for name, tensor in straight.items():
        assert torch.equal(stopped[name], tensor), name
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fresh = spec.model().state_dict()
    assert any(not torch.equal(fresh[name], tensor) for name, tensor in straight.items())


def test_a_training_tells_now_and_then_where_scenes_are_lost(tmp_path: Path) -> None:
    pytest.importorskip("gnm_render", reason="the renderer comes with gnm-render")
    pytest.importorskip("gnm_data", reason="the judge comes with gnm-data")
    spec = load_spec("mnist-4-64", [*SMALL, *CELLS, "data.train=64", "data.validation=8"])

    class Listener(Silent):
        said: ClassVar[list[str]] = []

        def say(self, text: str) -> None:
            self.said.append(text)

    start(spec, tmp_path / "run", Settings(steps=6), Listener())
    (measured,) = read_history(tmp_path / "run" / "metrics.jsonl").structure
    assert measured.step == 5
    assert set(measured.values) == {"data", "symbols", "scene code", "generated", "minutes"}
    assert measured.values["data"] > 0.5 > measured.values["generated"]
    assert any("step 5: scenes that obey: data" in text for text in Listener.said)


def test_a_training_tells_what_a_level_knows_by_heart(tmp_path: Path) -> None:
    pytest.importorskip("gnm_render", reason="the renderer comes with gnm-render")
    pytest.importorskip("gnm_data", reason="the judge comes with gnm-data")
    few = [
        "data.train=4",
        "data.validation=64",
        "train.levels_every=102",
        "train.optimizer={use: adam, lr: 0.01}",
        "train.stages=[{level: symbols, steps: 1, batch: 4}, {level: scene, train: [core], steps: 1, batch: 4},"
        " {level: prior, train: [core.prior], steps: 100, batch: 4}]",
    ]
    start(load_spec("mnist-4-64", [*SMALL, *CELLS, *few]), tmp_path / "run", Settings(), Silent())
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    (bounds,) = (record["bounds"] for record in records if "bounds" in record)
    assert bounds["held_out"] > bounds["learnt"] + 1, "four scenes were learnt by heart"

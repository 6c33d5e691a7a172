"""A page of a model's scenes and edits that needs no server: samples, traversals, drawings, ways between two."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.results import Scene, Verdict

from gnm_render.cli.describe import objects_as_data
from gnm_render.figures.abilities import DrawsInSteps
from gnm_render.figures.steps import scenes_of_steps
from gnm_render.studio.describe import as_url
from gnm_render.studio.models import Loaded

SAMPLES, TAKEN_APART, OBJECTS = 24, 4, 4
"""Samples of each model; of how many the objects are varied; and how many objects of each."""
MOST_STEPS = 8
"""Drawing steps that are shown of a scene."""
SWEEP = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Standard deviations along each direction of appearance; pixels and sizes go in proportion."""
PLACE = "/*DATA*/"


def export(models: Sequence[Loaded], folder: Path) -> Path:
    """Write `folder/index.html`: one file with all pictures in it.

    Raises:
        RunError: the folder is not empty or cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder} is not empty; choose another folder")
    page = (files("gnm_render.studio") / "static" / "index.html").read_text(encoding="utf-8")
    style = (files("gnm_render.studio") / "page" / "studio.css").read_text(encoding="utf-8")
    data = json.dumps([_model(loaded) for loaded in models]).replace("<", "\\u003c")  # no name ends the script
    path = folder / "index.html"
    with os_errors_as(RunError, f"{path}: cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, page.replace("/*STYLE*/", style).replace(PLACE, data).encode())
    return path


@torch.no_grad()
def _model(loaded: Loaded) -> dict[str, Any]:
    torch.manual_seed(0)
    scenes = loaded.model.sample(SAMPLES)
    verdicts: Sequence[Verdict | None] = loaded.verdicts(scenes.image) or [None] * SAMPLES
    samples = []
    for index, verdict in enumerate(verdicts):
        scene = scenes[index]
        told: dict[str, Any] = {"image": as_url(scene.image[0])}
        if verdict is not None:
            told["verdict"] = {"accepted": verdict.accepted, "reason": verdict.reason}
        if index < TAKEN_APART:
            told |= _taken_apart(loaded, scene)
        samples.append(told)
    between = None
    if loaded.abilities["interpolate"] and scenes.code is not None:
        images = loaded.model.interpolate(scenes[0], scenes[1], len(SWEEP)).image
        between = [as_url(image) for image in images]
    return {**loaded.about(), "samples": samples, "between": between}


def _taken_apart(loaded: Loaded, scene: Scene) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if (
        isinstance(loaded.model, DrawsInSteps)
        and scene.code is not None
        and len(loaded.model.core.generate(1).canvases) <= 8
    ):
        drawing = loaded.model.core.generate(1, scene.code)
        told["steps"] = [as_url(step.image[0]) for step in scenes_of_steps(loaded.model, drawing)]
    if loaded.abilities["edit"] and scene.objects is not None:
        told["objects"] = [
            {**described, "sweeps": _sweeps(loaded, scene, number)}
            for number, described in enumerate(objects_as_data(scene.objects, 0, loaded.model.dims.size)[:OBJECTS])
        ]
    return told


def _sweeps(loaded: Loaded, scene: Scene, number: int) -> dict[str, list[str]]:
    """Each thing that can be varied of one object, by name: one picture a value of `SWEEP`."""
    side = loaded.model.dims.size
    found = {
        "left and right": [scene.move(number, value * side / 16, 0) for value in SWEEP],
        "up and down": [scene.move(number, 0, value * side / 16) for value in SWEEP],
        "size": [scene.resize(number, 1.2**value) for value in SWEEP],
    }
    directions = loaded.directions
    if directions is not None and scene.objects is not None:
        what = scene.objects.what[0, scene.objects.order(0)[number]]
        own = directions.amounts(what)
        for i in range(min(3, len(own))):
            amounts = own.expand(len(SWEEP), -1).clone()
            amounts[:, i] = torch.tensor(SWEEP)
            found[f"look {i + 1}"] = [scene.with_what(number, directions.moved(what, row)) for row in amounts]
    return {name: [as_url(one.image[0]) for one in scenes] for name, scenes in found.items()}

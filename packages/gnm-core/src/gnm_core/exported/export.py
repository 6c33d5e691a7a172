"""Writes a trained model as a folder that can be given away: weights, spec, model card, pictures."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from gnm_core.diagnosis.caption import caption_of, captioned
from gnm_core.diagnosis.of_run import of_run
from gnm_core.errors import FigureError, RunError
from gnm_core.evaluation import (
    NAME,
    Evaluation,
    Settings,
    begin,
    choose,
    context_of,
    draw_figure,
    evaluate,
    figure_kinds,
    label_of,
    load_evaluation,
    make_figure,
    no_pictures,
    pictures_of,
    write_png,
)
from gnm_core.exported.card import Facts, card
from gnm_core.files import os_errors_as, sync_folder, write
from gnm_core.plugin_files import KEY, files_of
from gnm_core.runs.checkpoint import FORMAT, Checkpoint, Run, load_run
from gnm_core.runs.half_precision import DECLARED, HALF, largest_change, rounded, to_bytes
from gnm_core.spec import CheckedSpec, load_spec
from gnm_core.spec.tree import Checked, Leaf, Listing, Named, PartNode
from gnm_core.spec.yaml import dump

FIGURES = ("samples", "reconstruction", "components")
"""What a card shows, of the figures that the model can fill."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """How a model is to be exported."""

    name: str
    """What it is called."""
    note: str = ""
    """Words for the card."""
    overrides: tuple[str, ...] = ()
    """`data.…=…` texts: what the exported spec says of its data instead."""
    measure: tuple[str, ...] = ()
    """Metrics to take of the rounded weights."""
    measuring: tuple[str, ...] = ()
    """Their options, as `metrics.NAME.OPTION=VALUE`."""


def export(
    run: Run, source: Path, folder: Path, request: Request, say: Callable[[str], None] = lambda text: None
) -> Path:
    """Write `model.safetensors` (float16), `spec.yaml`, `meta.json`, `README.md` and `pictures/` into `folder`.

    The folder appears as a whole. It is read wherever a run is: `load_run(folder)`.

    Args:
        run: the trained model.
        source: the run's folder, where its evaluation may lie.
        folder: new or empty.
        request: name, words, measurements.
        say: told what happens.

    Raises:
        RunError: the folder is in use or cannot be written, or a weight does not fit float16.
        SpecError: the overrides do not fit.
    """
    require_free(folder)
    spec = portable(load_spec(run.spec.resolved(), request.overrides) if request.overrides else run.spec)
    weights = run.model.state_dict()
    halves = rounded(weights)
    with os_errors_as(RunError, f"{folder}: cannot be written"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _write_model(temporary, run, spec, halves, request.name)
            exported = load_run(temporary)
            after = _measure(exported, request, say)
            pictures = _draw(exported, temporary / "pictures", say)
            facts = _facts(run, request, pictures, largest_change(weights))
            write(temporary / "README.md", card(facts, _evaluation(source, run), after).encode())
            sync_folder(temporary)
            temporary.chmod(0o755)
            if folder.exists():
                folder.rmdir()
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    return folder


def require_free(folder: Path) -> None:
    """See that nothing is in the way of a new folder.

    Raises:
        RunError: there is something.
    """
    with os_errors_as(RunError, f"{folder}: cannot be written"):
        if folder.exists() and any(folder.iterdir()):
            raise RunError(f"{folder} is not empty; choose another folder")


def portable(spec: CheckedSpec) -> CheckedSpec:
    """The same spec with every absolute path cut to its last name: whose machine it was is nobody's business."""
    tree = cast(PartNode, _cut(spec.tree))
    return CheckedSpec(tree, spec.source)


def _cut(item: Checked) -> Checked:
    match item:
        case Leaf(value=Path() as path) if path.is_absolute():
            return Leaf(Path(path.name))
        case Listing():
            return Listing(tuple(map(_cut, item.items)))
        case Named():
            return Named({name: _cut(child) for name, child in item.items.items()})
        case PartNode():
            return replace(item, arguments={name: _cut(child) for name, child in item.arguments.items()})
    return item


def _write_model(folder: Path, run: Run, spec: CheckedSpec, halves: dict[str, Any], name: str) -> None:
    contents = {"model.safetensors": to_bytes(halves), "spec.yaml": dump(spec.resolved()).encode()}
    before = Checkpoint(run.folder).meta
    known: dict[str, Any] = {
        key: before[key] for key in ("seconds", "core_seconds", "torch", "python") if key in before
    }
    about: dict[str, Any] = {
        "format": FORMAT,
        "name": name,
        "about": _in_a_line(spec),
        "step": run.step,
        DECLARED: HALF,
        "providers": spec.providers(),
        KEY: {name: note | {"path": name} for name, note in files_of(spec.providers()).items()},
        **known,
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in contents.items()
        },
    }
    for file, content in contents.items():
        write(folder / file, content)
    write(folder / "meta.json", json.dumps(about, indent=2).encode())


def _in_a_line(spec: CheckedSpec) -> str:
    """`GNM on mnist-4, 64 px`."""
    resolved: dict[str, Any] = spec.resolved()
    data = f" on {resolved['data']['use']}" if spec.has_data else ""
    return f"{label_of(spec)}{data}, {spec.dims.size} px"


def _measure(exported: Run, request: Request, say: Callable[[str], None]) -> Evaluation | None:
    """The metrics that were asked for, of the rounded weights."""
    if not request.measure:
        return None
    settings = Settings()
    choices = choose(request.measure, request.measuring, exported.spec.dims)
    with tempfile.TemporaryDirectory() as place:
        say(f"measuring {', '.join(request.measure)} of the rounded weights")
        start = begin(exported, Path(request.name), settings)
        return evaluate(start, context_of(exported, settings), choices, Path(place), settings)


def _evaluation(source: Path, run: Run) -> Evaluation | None:
    """What was measured of this very checkpoint; None where nothing was."""
    if not (source / "evaluation" / NAME).exists():
        return None
    evaluation = load_evaluation(source)
    same = evaluation.weights == Checkpoint(run.folder).meta["files"]["model.safetensors"]["sha256"]
    return evaluation if same else None


def _draw(exported: Run, folder: Path, say: Callable[[str], None]) -> Sequence[str]:
    """The card's pictures; names of the files."""
    try:
        batch = pictures_of(exported.spec)
    except Exception as error:  # without its data set a model can still be given away
        say(f"no pictures of the data set: {error}")
        batch = no_pictures(exported.model.dims)
    caption = caption_of(of_run(exported, batch.image))
    names = []
    for kind in _ours(figure_kinds()):
        try:
            pixels = draw_figure(make_figure(kind, exported.model.dims), exported.model, batch)
        except FigureError as error:
            say(f"{kind}: not drawn: {error}")
            continue
        write_png(folder / f"{kind}.png", captioned(pixels, caption))
        names.append(f"{kind}.png")
    return names


def _ours(kinds: Iterable[str]) -> list[str]:
    known = set(kinds)
    return [kind for kind in FIGURES if kind in known]


def _facts(run: Run, request: Request, pictures: Sequence[str], change: float) -> Facts:
    resolved: dict[str, Any] = portable(run.spec).resolved()
    meta = Checkpoint(run.folder).meta
    minutes = {key: meta[key] / 60 if meta.get(key) else None for key in ("seconds", "core_seconds")}
    return Facts(
        name=request.name,
        label=label_of(run.spec),
        data=run.spec.data_name,
        options=resolved["data"] if run.spec.has_data else {},
        size=run.spec.dims.size,
        channels=run.spec.dims.channels,
        parameters=sum(parameter.numel() for parameter in run.model.parameters()),
        step=run.step,
        minutes=minutes["seconds"],
        core_minutes=minutes["core_seconds"],
        providers=run.spec.providers(),
        change=change,
        pictures=pictures,
        note=request.note,
    )

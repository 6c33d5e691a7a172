"""Where a run's numbers come from: its parts, the commands, the machine."""

import json
import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gnm_core.errors import GnmError, RunError
from gnm_core.evaluation.choice import choose
from gnm_core.evaluation.evaluation import Evaluation
from gnm_core.files import os_errors_as
from gnm_core.plugins import installed
from gnm_core.regular_files import read_file
from gnm_core.runs.checkpoint import Checkpoint, Checkpoints
from gnm_core.runs.origins import beginnings
from gnm_core.spec import load_spec
from gnm_core.spec.build import Builder
from gnm_core.spec.differences import differences
from gnm_core.spec.meta_device import constructors_on_meta_device
from gnm_core.spec.tree import Leaf, Listing, PartNode, children, plain


@dataclass(frozen=True)
class Fact:
    """A name and what it is."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class PartRow:
    """One part of a spec, in a tree."""

    depth: int
    slot: str
    """Its place in the part above."""
    name: str
    package: str
    """Distribution and version."""
    parameters: str
    options: str
    """Its plain options."""


def spec_text(run: Path) -> str:
    """The run's spec; empty where the run is not at hand.

    Raises:
        RunError: it cannot be read.
    """
    path = run / "spec.yaml"
    if not path.exists():
        return ""
    with os_errors_as(RunError, f"{path}: cannot be read"):
        return read_file(path).decode()


def parts_of(run: Path, packages: Mapping[str, str]) -> tuple[PartRow, ...]:
    """The parts of a run's spec, from the top down.

    Args:
        run: the run's folder.
        packages: distribution to version, as of the evaluation.

    Raises:
        RunError: the run is not at hand.
        SpecError: its parts are not installed.
    """
    if not (run / "spec.yaml").exists():
        raise RunError(f"{run}: the run is not here any more")
    spec = load_spec(run / "spec.yaml", recorded=True)
    builder = Builder(spec.dims)
    with constructors_on_meta_device():
        builder.build(spec.tree.arguments["model"])
    rows: list[PartRow] = []
    above: list[str] = []
    for part in spec.parts():
        assert part.entry is not None
        while above and not part.path.startswith(f"{above[-1]}."):
            above.pop()
        built = builder.built.get(part.path)
        count = sum(p.numel() for p in built.parameters()) if isinstance(built, nn.Module) else None
        provider = part.entry.provider
        version = packages.get(provider.distribution, provider.version)
        slot = part.path.removeprefix(f"{above[-1]}.") if above else part.path
        parameters = f"{count:,}" if count else ""
        rows.append(
            PartRow(len(above), slot, part.entry.name, f"{provider.distribution} {version}", parameters, _options(part))
        )
        above.append(part.path)
    return tuple(rows)


def _options(part: PartNode) -> str:
    """`steps 4, kernel 1`: options that are no parts."""
    words = []
    for name, item in children(part):
        if isinstance(item, Leaf | Listing) and not (isinstance(item, Listing) and _holds_parts(item)):
            value = plain(item)
            if value is not None and value != []:
                words.append(f"{name.removesuffix('_')} {_compact(value)}")
    return ", ".join(words)


def _holds_parts(listing: Listing) -> bool:
    return any(isinstance(item, PartNode) for item in listing.items)


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def commands(one: Evaluation, run: Path) -> tuple[str, ...]:
    """What to type to train such a model again, to measure it, and to draw the figures."""
    train = ["gnm", "train", "--spec", str(run / "spec.yaml"), "--out", "again", "--steps", str(one.step)]
    for beginning in beginnings(run):
        if beginning.stage is None:
            train += ["--from", beginning.source, *(["--only", ",".join(beginning.only)] if beginning.only else [])]
    for text in _meant_then(run):
        train += ["--set", text]
    meta = _meta(one, run)
    for name, default in (("device", "cpu"), ("precision", "float32"), ("threads", None)):
        if meta.get(name) not in (None, default):
            train += [f"--{name}", str(meta[name])]
    measure = ["gnm", "evaluate", str(run), "--split", one.split, "--seed", str(one.seed)]
    measure += ["--metrics", ",".join(one.metrics)] if _are_some_of_all(one) else []
    limits = {outcome.limit for outcome in one.metrics.values()} - {None}
    if len(limits) == 1:
        measure += ["-n", str(limits.pop())]
    for text in (*_changed_options(one), *_changed_data(one, run)):
        measure += ["--set", text]
    return tuple(map(shlex.join, (train, measure, ["gnm", "figure", str(run)])))


def _are_some_of_all(one: Evaluation) -> bool:
    """Whether fewer metrics were taken than `gnm evaluate` takes of itself; those that `--set` added come with it."""
    known = {entry.name for entry in installed().of_kind("metric")}
    return bool(one.metrics) and not known <= one.metrics.keys() and one.metrics.keys() <= known


def _meant_then(run: Path) -> list[str]:
    """What the run's spec leaves out and meant something else when it was written, as `--set` takes it."""
    path = run / "spec.yaml"
    try:
        then, now = load_spec(path, recorded=True).resolved(), load_spec(path).resolved()
    except GnmError:  # the run is not at hand, or its parts are not installed
        return []
    return [f"{place}={_compact(value)}" for place, value, _ in differences(then, now)]


def _changed_data(one: Evaluation, run: Path) -> list[str]:
    """The data that was measured on, as `--set` takes it, where the run's own spec says otherwise."""
    if not one.data or one.data_options is None or not (run / "spec.yaml").exists():
        return []
    try:
        data: Any = load_spec(run / "spec.yaml", recorded=True).resolved()["data"]
    except GnmError:
        return []
    own = dict(data) if data else {}
    if own.pop("use", None) != one.data:
        return [f"data={json.dumps({'use': one.data, **one.data_options}, ensure_ascii=False, default=str)}"]
    return [f"data.{k}={_compact(v)}" for k, v in one.data_options.items() if v != own.get(k)]


def _changed_options(one: Evaluation) -> list[str]:
    """Options of metrics that are not the default, as `--set` takes them."""
    texts = []
    for name, outcome in one.metrics.items():
        try:
            defaults = choose([name])[0].options
        except GnmError:  # a metric that is not installed here, or one that `--set` added
            texts.append(f"metrics.{name}={_compact(outcome.options)}")
            continue
        for option, value in outcome.options.items():
            if value != defaults.get(option):
                texts.append(f"metrics.{name}.{option}={_compact(value)}")
    return texts


def _meta(one: Evaluation, run: Path) -> dict[str, Any]:
    """What the checkpoint notes about the training; empty where it is not at hand."""
    try:
        return Checkpoint(Checkpoints(run).path(one.step)).meta
    except RunError:
        return {}


def environment(one: Evaluation, run: Path) -> tuple[Fact, ...]:
    """Packages, what the model was trained with, and where this was written."""
    meta = _meta(one, run)
    words = {"python": "Python {}", "torch": "torch {}", "device": "{}", "precision": "{}", "threads": "{} threads"}
    trained = ", ".join(text.format(meta[name]) for name, text in words.items() if meta.get(name) is not None)
    return (
        Fact("packages", ", ".join(f"{name} {version}" for name, version in one.packages.items())),
        Fact("trained with", trained or "not known"),
        *(Fact(_begun(beginning.stage), str(beginning)) for beginning in beginnings(run)),
        Fact("this page", f"Python {platform.python_version()}, torch {torch.__version__}"),
        Fact("written on", f"{platform.platform()}, {os.cpu_count()} processors"),
    )


def _begun(stage: int | None) -> str:
    return "began with" if stage is None else f"train.stages.{stage} began with"

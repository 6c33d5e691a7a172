"""What the files of a run must hold, checked once, when they are read. Nothing behind these checks guards itself."""

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Required, cast

import torch
from annotated_types import Ge, Le
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from torch import Tensor
from typing_extensions import TypedDict

from gnm_core.errors import RunError
from gnm_core.printable import said_by, short
from gnm_core.tensors import oddity

DEEPEST = 12
"""Levels of nesting in `training.pt`."""

_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
Count = Annotated[int, Ge(0), Le(10**12)]
Seconds = Annotated[float, Ge(0)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Threads = Annotated[int, Ge(1), Le(1024)]


class FileNote(TypedDict):
    """What `meta.json` knows of a file."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    bytes: Count
    sha256: Sha256


class FileOfParts(TypedDict):
    """A single file that provides parts of a run; see `gnm_core.plugin_files`."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    path: str
    sha256: Sha256


class Meta(TypedDict, total=False):
    """`meta.json`."""

    __pydantic_config__ = ConfigDict(**{**_STRICT, "extra": "allow"})  # type: ignore[misc]
    format: int
    step: Required[Count]
    files: Required[dict[str, FileNote]]
    stage: Annotated[int, Ge(-1)]
    providers: dict[str, str]
    plugin_files: dict[str, FileOfParts]
    torch: str
    python: str
    device: str
    precision: str
    compile: bool
    tensorboard: bool
    threads: Threads | None
    native: Count
    kernels: dict[str, int | str]
    images: Count
    seconds: Seconds
    core_seconds: Seconds


class Remembered(TypedDict, total=False):
    """`settings.json`."""

    __pydantic_config__ = ConfigDict(**{**_STRICT, "extra": "forbid"})  # type: ignore[misc]
    device: str
    precision: Literal["float32", "bf16"]
    compile: bool
    threads: Threads | None
    tensorboard: bool
    plugin_files: dict[str, FileOfParts]


class OptimizerState(TypedDict):
    """One optimiser in `training.pt`: torch's own `state_dict`, and whose it is."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    kind: str
    names: NotRequired[list[str]]
    state: "StateDict"


class StateDict(TypedDict):
    """What torch's optimisers save."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    state: dict[int, dict[str, Any]]
    param_groups: list[dict[str, Any]]


class SnapshotState(TypedDict):
    """Model, objectives and optimisers at one moment."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    model: dict[str, Tensor]
    objectives: dict[str, Tensor]
    optimizers: list[OptimizerState]
    averages: NotRequired[dict[str, Tensor]]


class BeganState(TypedDict):
    """What objectives and optimisers began with."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    objectives: dict[str, Tensor]
    optimizers: list[list[dict[str, Any]]]


class TrainingState(TypedDict):
    """`training.pt`."""

    __pydantic_config__ = ConfigDict(**{**_STRICT, "extra": "allow"})  # type: ignore[misc]
    step: Count
    stage: Annotated[int, Ge(-1)]
    strikes: Annotated[int, Ge(0), Le(1000)]
    returns: NotRequired[Annotated[int, Ge(0), Le(1000)]]
    objectives: dict[str, Tensor]
    optimizers: list[OptimizerState]
    good: SnapshotState
    began: NotRequired[BeganState | None]
    trained: NotRequired[dict[str, Tensor]]


def read_meta(content: bytes, path: Path, version: int) -> dict[str, Any]:
    """`meta.json`.

    Raises:
        RunError: it is damaged, or of another format.
    """
    meta = _of_json(_META, content, path)
    if meta.get("format") != version:
        raise RunError(f"{path}: format {meta.get('format')}; this version of gnm-core reads format {version}")
    return meta


def read_settings(content: bytes, path: Path) -> dict[str, Any]:
    """`settings.json`.

    Raises:
        RunError: it is damaged.
    """
    try:
        return _of_json(_REMEMBERED, content, path)
    except RunError as error:
        raise RunError(f"{error}; write {{}} into it to go on with the default settings") from error


def read_training(content: bytes, path: Path) -> TrainingState:
    """`training.pt`. Nothing in it can run code.

    Raises:
        RunError: it is damaged, or holds something other than plain tensors and values in their places.
    """
    try:
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        first = short(str(error).strip().partition("\n")[0])
        raise RunError(f"{path}: refused: it is damaged, or holds code instead of plain data: {first}") from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise RunError(f"{path} is damaged: {said_by(error)}") from error
    for where, what in _oddities(saved, "", 0):
        raise RunError(f"{path} is damaged: {short(where) or 'the whole of it'} {what}")
    try:
        checked = cast(TrainingState, _TRAINING.validate_python(saved))
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {_first(error)}") from error
    good = checked["good"]
    for optimizers in (checked["optimizers"], good["optimizers"]):
        for optimizer in optimizers:
            _require_numbered(optimizer, path)
    began = checked.get("began")
    groups = [len(optimizer["state"]["param_groups"]) for optimizer in checked["optimizers"]]
    if began is not None and [len(begun) for begun in began["optimizers"]] != groups:
        raise RunError(f"{path} is damaged: what the optimisers began with is not of these optimisers")
    return checked


def _require_numbered(optimizer: OptimizerState, path: Path) -> None:
    """See that parameters are numbered as torch numbers them."""
    state = optimizer["state"]
    numbers = [number for group in state["param_groups"] for number in _listed(group.get("params"))]
    if numbers != list(range(len(numbers))) or not all(number in range(len(numbers)) for number in state["state"]):
        raise RunError(f"{path} is damaged: the parameters of {short(optimizer['kind'])} are not numbered in order")
    if "names" in optimizer and len(optimizer["names"]) != len(numbers):
        raise RunError(f"{path} is damaged: {len(optimizer['names'])} names for {len(numbers)} parameters")


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [None]


def _oddities(value: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
    """What cannot be in such a file: tensors of odd kinds, and nesting without end."""
    if depth > DEEPEST:
        yield where, "is nested without end"
    elif isinstance(value, Tensor):
        if odd := oddity(value):
            yield where, f"is a tensor {odd}"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _oddities(item, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _oddities(item, f"{where}.{index}", depth + 1)


def _of_json(adapter: TypeAdapter[Any], content: bytes, path: Path) -> dict[str, Any]:
    try:
        return dict(adapter.validate_json(content))
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """What pydantic found first, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return short(f"{where}: {first['msg']}" if where else first["msg"])


_META: TypeAdapter[Any] = TypeAdapter(Meta)
_REMEMBERED: TypeAdapter[Any] = TypeAdapter(Remembered)
_TRAINING: TypeAdapter[Any] = TypeAdapter(TrainingState)

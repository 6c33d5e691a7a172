"""What a spec's model amounts to: the size and the outputs of every part, found by running it once."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from gnm_core import kernels
from gnm_core.contracts import Model, Objective
from gnm_core.errors import GnmError, OptionError, Problem, SpecError
from gnm_core.isolation import plugin_code
from gnm_core.printable import said_by
from gnm_core.randomness import borrowed_random_state
from gnm_core.registry import Provider
from gnm_core.results import Scene, Terms
from gnm_core.spec import CheckedSpec
from gnm_core.spec.build import Builder
from gnm_core.spec.tree import Leaf, PartNode, children, join

BATCH = 2
"""Images in the trial run."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PartReport:
    """One part of a spec."""

    path: str
    """Its slot."""
    kind: str
    name: str
    provider: Provider
    options: dict[str, object]
    """Its plain options, defaults included."""
    parameters: int | None
    """Numbers that it learns, those of the parts inside it included; None for parts that are no modules."""
    outputs: dict[str, dict[str, Shape]]
    """Method to the shapes that it returned, by field; B = 2. Empty for what the trial run does not call."""

    @property
    def output(self) -> Shape | None:
        """The output with the most dimensions."""
        shapes = [shape for fields in self.outputs.values() for shape in fields.values()]
        return max(shapes, key=len, default=None)


@dataclass(frozen=True)
class Inspection:
    """A composed model, part by part."""

    parts: tuple[PartReport, ...]
    """From the top down: the model's first, then those of objective, data and training."""
    parameters: int
    """Numbers that the model learns."""


def inspect(spec: CheckedSpec) -> Inspection:
    """Build the model, run it once on noise, forwards only, and note what comes out of every part.

    Torch's random state is left as it was.

    Raises:
        SpecError: a part cannot be built, fails, or returns something of the wrong shape; the problem names its slot.
    """
    with borrowed_random_state(), torch.no_grad(), kernels.reference():
        builder = Builder(spec.dims)
        model = builder.build(spec.tree.arguments["model"])
        objective = builder.build(spec.tree.arguments["objective"])
        if builder.problems:
            raise SpecError(builder.problems)
        assert isinstance(model, Model)
        assert isinstance(objective, Objective)
        outputs = _run(spec, model, objective, builder.built)
    reports = tuple(_report(part, builder.built.get(part.path), outputs.get(part.path, {})) for part in spec.parts())
    return Inspection(reports, sum(p.numel() for p in model.parameters()))


def _report(part: PartNode, built: object, outputs: dict[str, dict[str, Shape]]) -> PartReport:
    assert part.entry is not None
    options = {name.removesuffix("_"): item.value for name, item in children(part) if isinstance(item, Leaf)}
    count = sum(p.numel() for p in built.parameters()) if isinstance(built, nn.Module) else None
    return PartReport(part.path, part.entry.kind, part.entry.name, part.entry.provider, options, count, outputs)


class _Failed(Exception):
    """Carries the path of the innermost part that failed."""

    def __init__(self, path: str, error: BaseException) -> None:
        self.path, self.error = path, error


def _run(
    spec: CheckedSpec, model: Model, objective: Objective, built: Mapping[str, object]
) -> dict[str, dict[str, dict[str, Shape]]]:
    dims, found = spec.dims, {part.path: part for part in spec.parts()}
    image = torch.rand(BATCH, dims.channels, dims.size, dims.size)
    with _recorded(found, built) as outputs, plugin_code():
        try:
            terms = model.terms(image, step=0)
            scene = model.sample(BATCH)
            objective(terms, step=0)
        except _Failed as failed:
            raise SpecError([_problem(found[failed.path], failed.error)]) from failed.error
    problems = [Problem(message, "model", source=spec.source) for message in _breaches(terms, scene, image.shape)]
    if problems:
        raise SpecError(problems)
    return outputs


def _problem(part: PartNode, error: BaseException) -> Problem:
    place, path = part.place, part.path
    if isinstance(error, OptionError):
        message, path = error.reason, join(path, error.option)
    elif isinstance(error, GnmError):
        message = str(error)
    else:
        assert part.entry is not None
        message = f"{part.entry.kind} '{part.entry.name}' ({part.entry.provider}) fails: {said_by(error)}"
    return Problem(message, path, place.line, place.column, place.source)


def _breaches(terms: Terms, scene: Scene, image: torch.Size) -> Iterator[str]:
    """How the model's answers differ from what its contract promises."""
    named = {"log_likelihood": terms.log_likelihood}
    named |= {f"kl.{name}": value for name, value in terms.kl.items()}
    named |= {f"auxiliary.{name}": value for name, value in terms.auxiliary.items()}
    for name, value in named.items():
        if value.shape != (BATCH,):
            yield f"term '{name}' has shape {tuple(value.shape)}; expected (B,) = ({BATCH},)"
        elif not all(map(math.isfinite, value.tolist())):
            yield f"term '{name}' is not finite: {value.tolist()}"
    if scene.image.shape != image:
        yield f"a sample's image has shape {tuple(scene.image.shape)}; expected (B, C, H, W) = {tuple(image)}"


@contextmanager
def _recorded(
    parts: Mapping[str, PartNode], built: Mapping[str, object]
) -> Iterator[dict[str, dict[str, dict[str, Shape]]]]:
    """While open, every contract method of every module notes the shapes of what it returns."""
    outputs: dict[str, dict[str, dict[str, Shape]]] = {}
    modules = {path: thing for path, thing in built.items() if isinstance(thing, nn.Module)}
    methods = {path: _contract_methods(parts[path]) for path in modules}
    for path, module in modules.items():
        for name in methods[path]:
            setattr(module, name, _recording(getattr(module, name), path, outputs.setdefault(path, {})))
    try:
        yield outputs
    finally:
        for path, module in modules.items():
            for name in methods[path]:
                delattr(module, name)


def _contract_methods(part: PartNode) -> list[str]:
    assert part.contract is not None
    return sorted(name for name in getattr(part.contract, "__abstractmethods__", ()) if not name.startswith("__"))


def _recording(method: Callable[..., Any], path: str, outputs: dict[str, dict[str, Shape]]) -> Callable[..., Any]:
    @wraps(method)
    def recording(*args: Any, **kwargs: Any) -> Any:
        try:
            output = method(*args, **kwargs)
        except (_Failed, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise _Failed(path, error) from error
        outputs.setdefault(method.__name__, dict(_shapes(output)))
        return output

    return recording


def _shapes(output: object, name: str = "") -> Iterator[tuple[str, Shape]]:
    """The shapes of all tensors and distributions in a result, by dotted field."""
    match output:
        case Tensor():
            yield name, tuple(output.shape)
        case Distribution():
            yield name, tuple(output.batch_shape + output.event_shape)
        case Mapping():
            for key, value in output.items():
                yield from _shapes(value, join(name, str(key)))
        case _ if is_dataclass(output):
            for field in fields(output):
                yield from _shapes(getattr(output, field.name), join(name, field.name))

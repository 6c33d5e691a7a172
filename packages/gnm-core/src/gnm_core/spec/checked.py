"""What a spec says at the top, and a spec that has passed every check."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from torch import nn

from gnm_core.contracts import Data, Model, Objective
from gnm_core.dims import Dims
from gnm_core.errors import DataError, Problem, SpecError
from gnm_core.memory import require_memory
from gnm_core.plugin_files import missing_files
from gnm_core.plugins import installed
from gnm_core.registry import Registry
from gnm_core.schema import DataSpec, Spec, Training
from gnm_core.spec.bases import BASE, Bases
from gnm_core.spec.build import Builder, build
from gnm_core.spec.checker import Checker
from gnm_core.spec.meta_device import constructors_on_meta_device
from gnm_core.spec.nodes import Table, node_of
from gnm_core.spec.overrides import override
from gnm_core.spec.sources import locate
from gnm_core.spec.tree import PartNode, parts, plain
from gnm_core.spec.yaml import dump, read_file, read_text


@dataclass(frozen=True)
class CheckedSpec:
    """A spec without problems: everything in it can be built, any number of times.

    Every method that builds draws fresh weights from torch's global random state.
    """

    tree: PartNode
    source: str | None = None
    """The file; None for a Python mapping."""
    given: Table | None = None
    """What the file, its bases and the overrides say, each value with its place."""
    weights: int = 0
    """Bytes of the model's parameters and buffers."""

    def __repr__(self) -> str:
        """A line: `to_yaml()` tells all of it."""
        model = self.tree.arguments["model"]
        kind = model.cls.__name__ if isinstance(model, PartNode) else "no model"
        data = self.data_name if self.has_data else "no data"
        return f"CheckedSpec({self.source or 'a mapping'}: {kind}, {data})"

    @cached_property
    def dims(self) -> Dims:
        """Sizes that parts share."""
        return cast(Dims, build(self.tree.arguments["dims"], Dims()))

    def model(self) -> Model:
        """The model, on torch's default device.

        Raises:
            ShortageError: its weights do not fit into the memory.
        """
        require_memory(self.weights, "the model's weights")
        return cast(Model, self._build("model"))

    def objective(self) -> Objective:
        """The objective."""
        return cast(Objective, self._build("objective"))

    def training(self) -> Training:
        """The training plan with its optimisers and schedules."""
        return cast(Training, self._build("train"))

    @property
    def has_data(self) -> bool:
        """Whether the spec names a data set."""
        return isinstance(self.tree.arguments["data"], PartNode)

    @property
    def data_name(self) -> str:
        """Registered name of the data set; empty where the spec names none."""
        node = self.tree.arguments["data"]
        return node.entry.name if isinstance(node, PartNode) and node.entry else ""

    def data(self, split: str = "train") -> Data:
        """The data set at one split.

        Raises:
            SpecError: the spec names no data set, or it cannot be opened with these options.
            DataError: its files are missing or broken.
        """
        if not self.has_data:
            raise SpecError([Problem("is missing; this command needs a data set", "data", source=self.source)])
        data = cast(Data, self._build("data"))
        if data.split not in ("train", split):
            reason = f"'{data.split}' has no effect: what is asked for here is the split '{split}'"
            hint = "leave it out; trainings take 'train', other commands have --split"
            raise SpecError([Problem(reason, "data.split", source=self.source, hint=hint)])
        return data if data.split == split else data.at(split)

    def with_data_of(self, other: "CheckedSpec") -> "CheckedSpec":
        """The same spec with the data set of another one of the same sizes."""
        arguments = {**self.tree.arguments, "data": other.tree.arguments["data"]}
        return replace(self, tree=replace(self.tree, arguments=arguments))

    def resolved(self) -> dict[str, object]:
        """The spec as plain data with every default explicit and every path absolute; loads to the same spec."""
        return cast(dict[str, object], plain(self.tree))

    def to_yaml(self) -> str:
        """`resolved()` as text."""
        return dump(self.resolved())

    def parts(self) -> list[PartNode]:
        """Every registered part, from the top down."""
        return list(parts(self.tree))

    def providers(self) -> dict[str, str]:
        """Distribution to version of everything that provides a part, gnm-core included."""
        found = {part.entry.provider for part in self.parts() if part.entry}
        found |= {plugin.provider for plugin in installed().plugins if plugin.name == "gnm-core"}
        return {provider.distribution: provider.version for provider in sorted(found, key=lambda p: p.distribution)}

    def _build(self, name: str) -> object:
        return build(self.tree.arguments[name], self.dims)


def load_spec(
    source: str | Path | Mapping[str, object],
    overrides: Iterable[str] = (),
    *,
    registry: Registry | None = None,
    top: type[Spec] | type[DataSpec] = Spec,
    recorded: bool = False,
) -> CheckedSpec:
    """Read a spec and check all of it: names, options, types, ranges, slots, and every constructor on the meta device.

    Files of data sets need not be there; they are opened when they are used.

    Args:
        source: a file, the name of a shipped spec, text of several lines, or a mapping as a file would hold it.
        overrides: `path=value` texts, as the command line's `--set`.
        registry: where names are looked up; the installed plugins by default.
        top: what stands at the top level; with `DataSpec`, only `dims` and `data` can be asked for.
        recorded: it was written by a run or a stored set: an option that it does not name was not there yet, and means
            what its `Recorded` says.

    Raises:
        SpecError: the spec has problems; all of them at once, each with its place.
    """
    registry = installed() if registry is None else registry
    file = None
    if isinstance(source, Mapping):
        try:
            node = node_of(source)
        except TypeError as error:
            raise SpecError([Problem(str(error))]) from None
        assert isinstance(node, Table)
    elif isinstance(source, str) and "\n" in source:
        node = read_text(source, "the spec's text", Path.cwd())
    else:
        file = locate(source, registry)
        node = read_file(file)
    overrides = list(overrides)
    of_base = [text for text in overrides if text.partition("=")[0].strip() == BASE]
    override(node, of_base)
    node = Bases(registry, top).unfold(node, file)
    override(node, [text for text in overrides if text not in of_base])
    checker = Checker(registry, recorded=recorded)
    tree = checker.check(top, node, "")
    problems, weights = checker.problems, 0
    if isinstance(tree, PartNode):
        trial = _trial(tree)
        problems, weights = problems + trial.problems, _bytes_of(trial.built.get("model"))
    if problems or not isinstance(tree, PartNode):
        name = str(file)  # its own problems first, then those of its bases
        if recorded and file is not None:
            problems += [Problem(needed.wanted) for needed in missing_files(file.parent)]
        order = sorted(problems, key=lambda p: (p.source not in (None, name), p.line or 0, p.column or 0))
        raise SpecError(order)
    return CheckedSpec(tree, str(file) if file else None, node, weights)


def _bytes_of(model: object) -> int:
    if not isinstance(model, nn.Module):
        return 0
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))


def _trial(tree: PartNode) -> Builder:
    """What the constructors have to say, heard on the meta device, where nothing is allocated."""
    sizes = tree.arguments["dims"]
    dims = Builder(None).build(sizes)
    trial = Builder(dims if isinstance(dims, Dims) else None, sizes if isinstance(sizes, PartNode) else None)
    with constructors_on_meta_device():
        for name in [name for name in ("model", "objective", "train") if name in tree.arguments]:
            trial.build(tree.arguments[name])
    with suppress(DataError):  # the files need not be here to compose a model
        trial.build(tree.arguments["data"])
    return trial

"""A data set by its spec: opened anew in every process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from gnm_core.contracts import Data
from gnm_core.errors import SpecError
from gnm_core.schema import DataSpec
from gnm_core.spec import CheckedSpec, load_spec

from gnm_data.storage.manifest import Recipe


@dataclass(frozen=True)
class Source:
    """Opens the data set of a spec; travels between processes as plain data.

    Args:
        spec: `dims` and `data`.
        split: `train`, `validation` or `test`.
    """

    spec: Mapping[str, object]
    split: str

    def __call__(self) -> Data:
        """The data set."""
        return load_spec(self.spec, top=DataSpec).data(self.split)


def completed(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded recipe with the options that came after it, as they were meant; as it is if its part is not here."""
    try:
        spec = load_spec(recipe["spec"], top=DataSpec, recorded=True)
    except SpecError:
        return dict(recipe)
    return {**recipe, "spec": recipe_of(spec).spec}


def recipe_of(spec: CheckedSpec) -> Recipe:
    """What the images of a spec's data set depend on, its split aside."""
    resolved = cast(dict[str, dict[str, Any]], spec.resolved())
    data = {name: value for name, value in resolved["data"].items() if name != "split"}
    providers = {part.entry.provider for part in spec.parts() if part.entry}
    return Recipe(
        part=data["use"],
        spec={"dims": resolved["dims"], "data": data},
        providers={provider.distribution: provider.version for provider in providers},
    )

"""Other data than a model learnt from: what it is, what it is called, and where its numbers go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gnm_core.errors import DataError, Problem, SpecError
from gnm_core.evaluation.evaluation import NAME, load_evaluation
from gnm_core.plugins import installed
from gnm_core.schema import DataSpec
from gnm_core.spec import CheckedSpec, load_spec
from gnm_core.spec.sources import locate
from gnm_core.spec.yaml import read_file

FOLDER = "evaluation"
"""Of a run, for the numbers on its own data; those on others lie in folders beside it."""
AS_OF_THE_RUN = ("fit", "white", "background", "max_pixels", "on_broken", "most_broken", "cache", "threads")
"""Options of `image-folder` that another folder of pictures takes over from the run's."""
PLACES = ("dir", "annotations")
"""Options that say where data lies, and not what it is."""


@dataclass(frozen=True)
class OtherData:
    """What to measure on instead of the run's own data."""

    source: Path | None = None
    """A spec (a file, or a shipped one's name), a folder of pictures, or one that `gnm data build` made."""
    annotations: tuple[Path, ...] = ()
    """Of the pictures in a folder."""
    overrides: tuple[str, ...] = ()
    """`data.OPTION=VALUE` texts, or `data=NAME`."""

    def spec(self, own: CheckedSpec) -> CheckedSpec:
        """The run's spec with this data.

        Raises:
            SpecError: there is no such spec or option, or the data does not fit the model's sizes.
            DataError: the folder holds no pictures.
        """
        if self.source is None and not self.overrides:
            return own
        resolved = own.resolved()
        if self.source is not None:
            resolved["data"] = self._data(cast("dict[str, Any] | None", resolved["data"]))
        return own.with_data_of(load_spec(resolved, self.overrides))

    def label(self, own: CheckedSpec, other: CheckedSpec) -> str:
        """What the data is called wherever its numbers are shown; empty where it is the run's own, moved or not."""
        if self.source is not None:
            return str(self.source)
        ours, theirs = (_without_places(spec.resolved()["data"]) for spec in (own, other))
        return "" if ours == theirs else ", ".join(text.strip() for text in self.overrides)

    def folder(self, home: Path, label: str, other: CheckedSpec) -> Path:
        """Where the numbers go in a run's folder: beside those on its own data, and on other data of that name."""
        if not label:
            return home / FOLDER
        data = cast(dict[str, Any], other.resolved()["data"])
        name = str(data["use"]) if self.source is None else self.source.resolve().name
        name = name.removesuffix(".yaml").removesuffix(".yml") or "other"
        number = 1
        while True:
            folder = home / (f"{FOLDER}-{name}" if number == 1 else f"{FOLDER}-{name}-{number}")
            if not (folder / NAME).exists() or _is_of(folder, data):
                return folder
            number += 1

    def _data(self, own: Mapping[str, Any] | None) -> dict[str, Any]:
        """The `data:` section that the source means."""
        assert self.source is not None
        if self.source.is_dir():
            return self._in_folder(self.source, own)
        if self.annotations:
            raise DataError(f"{self.source}: annotations go with a folder of pictures; a spec names its own")
        top = read_file(locate(self.source, installed())).nodes
        spec = load_spec(self.source) if {"model", "base"} & set(top) else load_spec(self.source, top=DataSpec)
        if not spec.has_data:
            raise SpecError([Problem("is missing: this spec names no data set", "data", source=spec.source)])
        return cast(dict[str, Any], spec.resolved()["data"])

    def _in_folder(self, folder: Path, own: Mapping[str, Any] | None) -> dict[str, Any]:
        if (folder / "manifest.json").is_file() and installed().find("data", "parquet") is not None:
            return {"use": "parquet", "dir": str(folder.resolve())}
        while own is not None and own.get("use") == "turned":
            own = own["data"]
        kept = own if own is not None and own.get("use") == "image-folder" else {}
        return {
            "use": "image-folder",
            "dir": str(folder.resolve()),
            "annotations": [str(path.resolve()) for path in self.annotations],
            **{name: kept[name] for name in AS_OF_THE_RUN if name in kept},
            "validation": 0.0,
            "test": 1.0,  # all of it is to be measured on, unless it has a subfolder `test`
        }


def _is_of(folder: Path, data: Mapping[str, Any]) -> bool:
    """Whether the numbers in a folder are of this data."""
    found = load_evaluation(folder / NAME)
    return {"use": found.data, **(found.data_options or {})} == dict(data)


def _without_places(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _without_places(value) for name, value in data.items() if name not in PLACES}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_without_places(value) for value in data]
    return data

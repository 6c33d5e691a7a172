"""Where a run's weights began, and those of its stages: what a training noted when it took over another model's."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnm_core.regular_files import read_file

NAME = "origin.json"
"""In a run's folder: where its weights began."""
OF_STAGE = "origin-{}.json"
"""The same of a stage, by its place in `train.stages`."""


@dataclass(frozen=True)
class Beginning:
    """One beginning with weights of another model."""

    source: str
    """The run or the model, as the user named it."""
    step: int
    """Steps of training that the weights had had."""
    sha256: str
    """Of the file that they came from."""
    only: tuple[str, ...]
    """Dotted prefixes of what was asked for, and of what was not after a minus; empty for all that fits."""
    taken: int
    """Tensors."""
    total: int
    """Tensors of the model."""
    stage: int | None = None
    """Place in `train.stages` of the stage that began so; None for the run itself."""

    def __str__(self) -> str:
        """In a line."""
        asked = f" of {in_words(self.only)}" if self.only else ""
        return (
            f"{self.taken} of {self.total} tensors{asked} from {self.source}, step {self.step:,} "
            f"(sha256 {self.sha256[:12]})"
        )


def wanted_and_not(only: Sequence[str]) -> tuple[list[str], list[str]]:
    """The prefixes of what is taken, and without their minus those of what is not."""
    return [p for p in only if not p.startswith("-")], [p[1:] for p in only if p.startswith("-")]


def in_words(only: Sequence[str]) -> str:
    """What is asked for: `encoder, head`, `all but core.prior`, `core but core.prior`.

    Args:
        only: dotted prefixes of what is taken, and of what is not after a minus; not empty.
    """
    wanted, unwanted = (", ".join(prefixes) for prefixes in wanted_and_not(only))
    return f"{wanted or 'all'} but {unwanted}" if unwanted else wanted


def beginnings(run: Path) -> tuple[Beginning, ...]:
    """What was noted in a run's folder, the run's own first; what cannot be read is passed over."""
    found = []
    for path in run.glob("origin*.json"):
        stage = re.fullmatch(r"origin-(\d+)\.json", path.name)
        if path.name != NAME and stage is None:
            continue
        try:
            said = json.loads(read_file(path))
            taken, left = len(said["taken"]), len(said["left"])
            place = None if stage is None else int(stage[1])
            facts = (str(said["from"]), int(said["step"]), str(said["sha256"]), tuple(map(str, said["only"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(Beginning(*facts, taken, taken + left, place))
    return tuple(sorted(found, key=lambda one: -1 if one.stage is None else one.stage))

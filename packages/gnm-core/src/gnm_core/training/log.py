"""`metrics.jsonl`: one JSON object a line."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.regular_files import read_file


class Metrics:
    """Appends records to a file.

    Args:
        path: the file.
        step: a resumed training's steps so far; records of later steps, and an incomplete last line, are removed.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        with os_errors_as(RunError, f"{path}: cannot be written"):
            if path.exists():
                lines = read_file(path).decode(errors="replace").splitlines()
                kept = [line for line in lines if _step_of(line) <= step]
                replace_file(path, "".join(line + "\n" for line in kept).encode())
            self._file = path.open("ab", buffering=0)  # nothing is left to write when closing

    def add(self, record: dict[str, object]) -> None:
        """Append one record; numbers that are not finite become null."""
        with os_errors_as(RunError, f"{self.path}: cannot be written"):
            line = json.dumps(_finite(record), allow_nan=False).encode() + b"\n"
            while line:
                line = line[self._file.write(line) :]

    def sync(self) -> None:
        """See the records onto the disk."""
        with os_errors_as(RunError, f"{self.path}: cannot be written"):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Averages:
    """Means over the steps between two records; steps that were not finite do not count."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0

    def add(self, values: Mapping[str, float]) -> None:
        """Take in one step. Other names than before (another stage) start afresh."""
        if self._sums.keys() != values.keys():
            self._sums, self._steps = dict.fromkeys(values, 0.0), 0
        for name, value in values.items():
            self._sums[name] += value
        self._steps += 1

    def take(self) -> dict[str, float]:
        """The means, and start afresh."""
        means = {name: total / self._steps for name, total in self._sums.items()}
        self._sums, self._steps = {}, 0
        return means


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return math.inf


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

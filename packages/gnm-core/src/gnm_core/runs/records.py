"""What a training wrote into `metrics.jsonl`, read while it may still be growing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gnm_core.regular_files import read_file


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The whole records of a `metrics.jsonl`; none where it cannot be read. What is no record is passed over."""
    try:
        lines = read_file(path).split(b"\n")
    except OSError:
        return
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            yield record

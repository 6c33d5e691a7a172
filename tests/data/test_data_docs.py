"""What docs/data.md says is so."""

import re
from pathlib import Path

import pytest
from gnm_core.dims import Dims
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410

DOCS = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def row(first: str) -> list[int]:
    """The numbers in the row of the table that begins so."""
    found = re.search(rf"^\| {re.escape(first)} \| ([\d |]+) \|$", DOCS, re.MULTILINE)
    assert found
    return [int(cell) for cell in found[1].split(" | ")]


@pytest.mark.parametrize(
    ("kind", "first"),
    [(Mnist4, "`mnist-4`"), (Mnist10, "`mnist-10`, `mnist-4-10`"), (Mnist410, "`mnist-10`, `mnist-4-10`")],
)
def test_digits_are_as_large_as_the_table_says(kind: type[DigitScenes], first: str) -> None:
    for size, digit in zip(row("side"), row(first), strict=True):
        assert kind(Dims(size=size), digits=EmbeddedDigits()).digit == digit


def test_the_python_example_runs() -> None:
    example = next(block for block in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL) if "batch.image" in block)
    names: dict[str, object] = {}
    exec(example, names)
    batch = names["batch"]
    assert batch.image.shape == (3, 1, 64, 64)  # type: ignore[attr-defined]
    assert batch.truth.boxes.shape == (3, 4, 4)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [Mnist4, Mnist10, Mnist410])
def test_every_truth_is_in_the_table(kind: type[DigitScenes]) -> None:
    truth = kind(Dims(size=64), digits=EmbeddedDigits()).batch([0]).truth
    assert truth is not None
    assert all(f'`extra["{key}"]`' in DOCS for key in truth.extra)

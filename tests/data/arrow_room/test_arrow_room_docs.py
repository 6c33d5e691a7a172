"""What docs/arrow-room.md says is so."""

import inspect
import re
from pathlib import Path

import pytest
from gnm_core.dims import Dims
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec
from gnm_data.arrow_room.cycles import Cycles
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.tracer import Tracer

DOCS = (Path(__file__).parents[3] / "docs" / "arrow-room.md").read_text()


def test_the_python_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    batch = names["batch"]
    assert batch.image.shape == (2, 3, 64, 64)  # type: ignore[attr-defined]
    assert batch.truth.extra["target"].shape == (2,)  # type: ignore[attr-defined]


def test_the_spec_composes(tmp_path: Path) -> None:
    (spec,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    path = tmp_path / "spec.yaml"
    path.write_text(spec)
    assert isinstance(load_spec(path, top=DataSpec).data(), ArrowRoom)


def test_every_truth_is_in_the_table() -> None:
    truth = ArrowRoom(Dims(channels=3, size=32), painter=Tracer(antialias=1)).batch([0]).truth
    assert truth is not None
    assert all(f'`extra["{key}"]`' in DOCS for key in truth.extra)


@pytest.mark.parametrize("kind", [ArrowRoom, Tracer, Cycles])
def test_every_option_and_its_default_are_told(kind: type) -> None:
    for name, parameter in inspect.signature(kind).parameters.items():
        if name in {"dims", "self"} or kind is ArrowRoom:
            assert name == "dims" or f"`{name}`" in DOCS
        elif parameter.default is inspect.Parameter.empty:
            assert f"| `{name}` | – |" in DOCS
        else:
            assert f"`{name}: {parameter.default}`" in DOCS or f"| `{name}` | {parameter.default:g} |" in DOCS


def test_the_picture_is_there() -> None:
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", DOCS):
        assert (Path(__file__).parents[3] / "docs" / name).is_file()

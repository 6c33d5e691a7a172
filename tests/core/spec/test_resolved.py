"""Overrides reach everywhere, and a resolved spec says the same as the spec."""

from pathlib import Path

import pytest
import torch
from gnm_core import CheckedSpec, SpecError, load_spec
from gnm_core.inspection import inspect
from gnm_core.plugins import installed
from gnm_core.spec.yaml import dump, read_text
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("overrides", "path", "value"),
    [
        (["model.core.steps=8"], "model.core.steps", 8),
        (["model.core=structdraw", "model.core.steps=8"], "model.core.steps", 8),
        (["model.encoder.widths=[8, 16]"], "model.encoder.widths", [8, 16]),
        (["model.encoder={use: conv, widths: [8, 16]}"], "model.encoder.widths", [8, 16]),
        (["train.optimizer.lr=3e-4"], None, None),
        (["train.optimizer=adam", "train.optimizer.lr=3e-4"], "train.optimizer.0.lr.value", 3e-4),
        (["train.stages.0.steps=5", "train.stages.1.steps=6"], "train.stages.1.steps", 6),
        (["model.temperature.to=0.25"], "model.temperature.to", 0.25),
        (["objective.weights.scene=2"], "objective.weights.scene.value", 2.0),
        (["model.sigma=0.1", "model.sigma=0.3"], "model.sigma", 0.3),
        (["data.digits=embedded"], "data.digits.use", "embedded"),
    ],
)
def test_overrides_reach_everywhere(overrides: list[str], path: str | None, value: object) -> None:
    base = {"dims": {"size": 32}, "model": "gnm", "data": "mnist-4"}
    if path is None:
        with pytest.raises(
            SpecError, match=r"--set: train\.optimizer: has no 'use'; expected the name of an optimizer"
        ):
            load_spec(base, overrides)
        return
    found: object = load_spec(base, overrides).resolved()
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list) else found[key]  # type: ignore[index]
    assert found == value


# Resolved specs


def again(spec: CheckedSpec, folder: Path) -> CheckedSpec:
    (folder / "resolved.yaml").write_text(spec.to_yaml())
    return load_spec(folder / "resolved.yaml")


@pytest.mark.parametrize("name", installed().specs)
def test_every_shipped_spec_resolves_to_itself(name: str, tmp_path: Path) -> None:
    spec = load_spec(name)
    assert again(spec, tmp_path).resolved() == spec.resolved()


def test_a_resolved_spec_builds_the_same_weights(tmp_path: Path) -> None:
    spec = load_spec({"dims": {"size": 32, "features": 8}, "model": "gnm"})
    torch.manual_seed(1)
    first = spec.model().state_dict()
    torch.manual_seed(1)
    second = again(spec, tmp_path).model().state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_loading_leaves_torch_as_it_was() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    spec = load_spec({"dims": {"size": 32, "features": 8}, "model": "gnm"})
    inspect(spec)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.empty(1).device.type == "cpu"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None)
@given(st.dictionaries(st.text(), DATA, min_size=1))
def test_what_is_written_is_read_again(data: dict[str, object]) -> None:
    from gnm_core.spec.nodes import plain

    assert plain(read_text(dump(data), "test")) == data

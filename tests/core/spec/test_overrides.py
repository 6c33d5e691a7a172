"""A list of one and its element are reached by the same paths, in a spec and in a run's."""

from typing import Any

import pytest
from gnm_core.errors import SpecError
from gnm_core.spec import load_spec

SPEC: dict[str, Any] = {"dims": {"size": 32}, "model": "gnm"}


@pytest.mark.parametrize("path", ["train.optimizer.lr", "train.optimizer.0.lr"])
@pytest.mark.parametrize("given", ["adam", {"use": "adam"}, ["adam"], [{"use": "adam", "lr": 0.5}]])
def test_a_single_optimiser_is_reached_with_its_number_and_without(path: str, given: Any) -> None:
    spec = {**SPEC, "train": {"optimizer": given}}
    for source in (spec, load_spec(spec).resolved()):
        (optimizer,) = load_spec(source, [f"{path}=0.25"]).training().optimizer
        assert optimizer.rate(0) == 0.25


def test_a_second_one_is_added_behind_a_single_one() -> None:
    spec = {**SPEC, "train": {"optimizer": {"use": "adam", "parts": ["core"]}}}
    first, second = load_spec(spec, ["train.optimizer.1=sgd"]).training().optimizer
    assert (first.parts, second.parts) == (("core",), ())


def test_with_two_the_number_is_needed() -> None:
    spec = {**SPEC, "train": {"optimizer": [{"use": "adam", "parts": ["core"]}, "sgd"]}}
    with pytest.raises(SpecError, match=r"train\.optimizer: a list of 2 has no element 'lr'"):
        load_spec(spec, ["train.optimizer.lr=0.25"])


def test_what_is_no_list_has_no_numbers() -> None:
    with pytest.raises(SpecError, match=r"model: \[.* is a list; expected a model"):
        load_spec(SPEC, ["model.0.encoder=conv"])


@pytest.mark.parametrize("count", [1, 2])
def test_a_stage_is_reached_by_its_name(count: int) -> None:
    stages = [{"name": "symbols", "steps": 9}, {"name": "scene", "steps": 8}]
    spec = {**SPEC, "train": {"stages": stages[:count]}}
    first = load_spec(spec, ["train.stages.symbols.steps=3"]).training().stages[0]
    assert (first.name, first.steps) == ("symbols", 3)
    with pytest.raises(SpecError, match=r"has no element 'prior' \(it has 'symbols', 'scene'\)|unknown key 'prior'"):
        load_spec(spec, ["train.stages.prior.steps=3"])

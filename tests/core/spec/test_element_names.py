"""Elements of a list go by their names in every path that is shown, as in every path that is read."""

from pathlib import Path

import pytest
from gnm_core import SpecError, load_spec
from gnm_core.element_names import by_names, element_names

STAGES = {"train": {"stages": [{"name": "symbols", "steps": 5}, {"name": "scene", "steps": 6}]}}


@pytest.mark.parametrize(
    ("names", "called"),
    [
        (["symbols", "scene"], ["symbols", "scene"]),
        (["symbols", None], ["symbols", "1"]),
        (["symbols", "symbols"], ["0", "1"]),
        (["symbols", "a.b"], ["symbols", "1"]),
        (["symbols", "0"], ["symbols", "1"]),
        (["symbols", ""], ["symbols", "1"]),
        (["a=b", "a_"], ["0", "1"]),
        (["²", "two words"], ["²", "two words"]),
        ([], []),
    ],
)
def test_a_name_counts_where_no_other_has_it_and_a_path_can_hold_it(names: list[object], called: list[str]) -> None:
    assert element_names(names) == called


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("train.stages.1.steps", "train.stages.scene.steps"),
        ("train.stages.scene.steps", "train.stages.scene.steps"),
        ("train.stages.1", "train.stages.scene"),
        ("train.stages.7.steps", "train.stages.7.steps"),
        ("train.stages.other.steps", "train.stages.other.steps"),
        ("train.stages.².steps", "train.stages.².steps"),
        ("model.core", "model.core"),
    ],
)
def test_a_path_by_numbers_is_one_by_names(path: str, named: str) -> None:
    assert by_names(path, STAGES) == named


@pytest.mark.parametrize("stage", ["1", "scene"])
def test_an_error_names_the_stage(stage: str) -> None:
    with pytest.raises(SpecError, match=r"train\.stages\.scene\.steps: -3 is out of range"):
        load_spec("mnist-4-64", [f"train.stages.{stage}.steps=-3"])


def test_an_error_in_a_file_names_the_stage_and_the_line(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("base: mnist-4-64\ntrain:\n  stages:\n    scene: {steps: none}\n")
    with pytest.raises(SpecError, match=r"spec\.yaml:4:20: train\.stages\.scene\.steps: 'none' is text"):
        load_spec(spec)

"""The published values are those of the supplement, under the labels that specs get."""

from pathlib import Path

import pytest
from gnm_core.evaluation.report.published_results import label_of, published
from gnm_core.spec import load_spec

ROOT = Path(__file__).parents[4]
SUPPLEMENT = ROOT / ".." / "shared" / "paper" / "supplement.txt"


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("mnist-4-10", "GNM"),
        ("mnist-4-10-8-steps", "GNM-8"),
        ("mnist-4-10-beta-2", "GNM-β-2"),
        ("mnist-4-10-8-steps-beta-2", "GNM-8-β-2"),
        ("genesis-mnist-4-10", "GENESIS"),
        ("convdraw-4-mnist-4-10", "ConvDRAW"),
        ("convdraw-8-mnist-4-10-beta-10", "ConvDRAW-8-β-10"),
        ("vae-mnist-4", "VAE"),
        ("space-mnist-10", "SPACE"),
        ("arrow-room-64", "GNM"),
    ],
)
def test_labels_are_those_of_the_tables(spec: str, label: str) -> None:
    assert label_of(load_spec(spec)) == label


def test_the_beta_of_the_last_stage_counts() -> None:
    stages = [{"steps": 5}, {"steps": 5, "objective": {"use": "elbo", "weights": {"scene": 2}}}]
    assert label_of(load_spec({"model": "gnm", "train": {"stages": stages}})) == "GNM-β-2"


def test_a_model_of_ones_own_goes_by_its_name() -> None:
    assert label_of(load_spec({"model": {"use": "vae"}})) == "VAE"
    assert published("my-model", "mnist-4", "S-Acc", 128) is None


def test_every_published_number_stands_in_the_supplement() -> None:
    from gnm_core.evaluation.report.published_results import _OBJECTS, _STRUCTURE, PARAMETERS

    if not SUPPLEMENT.exists():
        pytest.skip("the supplement's text is not at ../shared")
    words = SUPPLEMENT.read_text().split()
    for accuracy, steps, likelihood in _STRUCTURE.values():
        at = [i for i, word in enumerate(words) if word == str(steps)]
        assert any(words[i + 1] == str(likelihood) for i in at)
        assert f"{accuracy:.3f}" in words
    for numbers in _OBJECTS.values():
        assert all(f"{number:.3f}" in words for number in numbers)
    assert all(text in words for sizes in PARAMETERS.values() for text in sizes.values())


def test_likelihoods_compare_at_the_published_size_alone() -> None:
    assert published("GNM-8", "mnist-4-10", "LL", 128) == 10692
    assert published("GNM-8", "mnist-4-10", "LL", 64) is None
    assert published("GNM-8", "mnist-4-10", "S-Acc", 64) == 0.852
    assert published("SPACE", "mnist-4", "AP@0.5:0.95 (11-point)", 128) == 0.464
    assert published("GNM", "mnist-4", "S-Acc", 128) is None

"""Shares of scenes that obey the rule, level by level."""

import pytest
import torch
from gnm_core.evaluation.context import Skip
from gnm_core.evaluation.metrics.diversity import Diversity
from gnm_core.evaluation.metrics.structure import StructureAccuracy
from gnm_core.evaluation.metrics.structure_levels import StructureLevels, advice
from gnm_core.evaluation.setup import judge_of
from gnm_core.results import Scene
from torch import Tensor

from ..toys import Bright, Names, Oracle, Pictures, Squares
from .taking import take, values


def test_structure_accuracy_counts_what_the_judge_accepts() -> None:
    generated = torch.zeros(2, 1, 16, 16)
    generated[0] = 0.9
    found = take(StructureAccuracy(n=250, judge=Bright()), Oracle(Squares(), generated), Squares())
    (accuracy,) = found.values
    accepted = found.details["accepted"]
    assert accuracy.value == accepted / 250
    assert 0.35 < accuracy.value < 0.65
    assert found.details["judge"] == "bright/7"
    assert found.details["reasons"] == {"only # bright": 250 - accepted}


@pytest.mark.parametrize(("accepted", "low", "high"), [(243, 0.9433, 0.9863), (0, 0.0, 0.0151), (250, 0.9849, 1.0)])
def test_the_interval_is_wilsons(accepted: int, low: float, high: float) -> None:
    from gnm_core.evaluation.metrics.intervals import share

    value = share("S-Acc", accepted, 250)
    assert (value.low, value.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


class Leaky(Oracle):
    """Loses the bright scenes on the way: reconstructs all, decodes one in two, samples none."""

    def reconstruct_from_scene(self, image: Tensor, *, sample: bool = False) -> Scene:
        assert sample
        dim = (torch.arange(len(image)) % 2 == 0).float()[:, None, None, None]
        return Scene(image * dim)


def test_structure_levels_tell_where_scenes_are_lost() -> None:
    bright = torch.ones(64, 1, 16, 16)
    data = Pictures(bright)
    model = Leaky(Squares(), torch.zeros(1, 1, 16, 16))
    found = take(StructureLevels(n=64, judge=Bright()), model, data)
    shares = {name: value.value for name, value in values(found).items()}
    assert shares == {"obeys: data": 1, "obeys: symbols": 1, "obeys: scene code": 0.5, "obeys: generated": 0}
    assert "at the prior: 100 % of what the scene code still had" in found.details["advice"]
    assert found.details["levels"]["obeys: symbols"] == {}
    assert sum(found.details["levels"]["obeys: scene code"].values()) == 32


def test_a_model_without_a_scene_code_has_one_level_less() -> None:
    found = take(StructureLevels(n=8, judge=Bright()), Oracle(Squares()), Squares())
    assert "obeys: scene code" not in values(found)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"data": 0.99, "symbols": 0.72, "scene code": 0.70, "generated": 0.60}, "at the symbols: 27 %"),
        (
            {"data": 0.99, "symbols": 0.80, "scene code": 0.85, "generated": 0.50},
            "at the prior: 38 % of what the scene",
        ),
        ({"data": 0.99, "symbols": 0.90, "scene code": 0.00, "generated": 0.00}, "at the scene code: 100 %"),
        ({"data": 1.0, "symbols": 1.0, "generated": 1.0}, "no level loses anything"),
    ],
)
def test_the_advice_names_the_level_that_loses_most_of_what_it_got(shares: dict[str, float], words: str) -> None:
    assert words in advice(shares)


def test_a_model_that_repeats_or_remembers_is_seen() -> None:
    torch.manual_seed(0)
    data = Squares(60)
    train = data.at("train").known_images()
    remembers = take(Diversity(n=60, judge=Names()), Oracle(data, train), data)
    repeats = take(Diversity(n=60, judge=Names()), Oracle(data, train[:1]), data)
    found = values(remembers)
    assert found["distance to the training, generated"].value == pytest.approx(0, abs=1e-3)
    assert found["distance to the training, real"].value > 0.05
    assert values(repeats)["distinct layouts, generated"].value == 1 / 60
    assert values(repeats)["distinct layouts, real"].value > 0.2
    assert values(repeats)["classes off by"].value > found["classes off by"].value
    assert sum(remembers.details["classes"]["real"].values()) == pytest.approx(1)


def test_without_a_judge_structure_is_skipped() -> None:
    with pytest.raises(Skip, match=r"no judge for 'squares'; name one: --set metrics\.s-acc\.judge=NAME"):
        take(StructureAccuracy(), Oracle(Squares()), Squares(), name="squares")


def test_scenes_of_the_data_set_obey_its_own_judge() -> None:
    from gnm_core.schema import DataSpec
    from gnm_core.spec import load_spec

    spec = load_spec({"dims": {"size": 64}, "data": "mnist-4"}, top=DataSpec)
    images = spec.data("test").batch(range(64)).image
    model = Oracle(Squares(), images)
    found = take(StructureAccuracy(n=96), model, None, judge=judge_of("mnist-4", spec.dims))
    assert found.values[0].value > 0.85
    assert found.details["judge"].startswith("mnist-4/")

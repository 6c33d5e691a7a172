"""Every wrong part is caught by the law that it breaks; the right part beside it passes all of them."""

import pytest
from gnm_core import (
    Contract,
    Core,
    Curriculum,
    Data,
    Encoder,
    Figure,
    GlimpseDecoder,
    Judge,
    LatentPrior,
    Metric,
    Model,
    Objective,
    Optimizer,
    PresencePrior,
    Renderer,
    ScenePrior,
    Schedule,
)
from gnm_core.testing import ConformanceError, check_part, checks_of

from .wrong_parts import cores, data, encoders, metrics, models, priors, renderers, training

FAMILIES: list[tuple[type[Contract], type[Contract], dict[str, str]]] = [
    (ScenePrior, priors.Wrong, priors.FAULTS),
    (LatentPrior, priors.WrongReference, priors.REFERENCE_FAULTS),
    (PresencePrior, priors.WrongRate, priors.RATE_FAULTS),
    (Core, cores.Wrong, cores.FAULTS),
    (Core, cores.WrongCells, cores.CELLS_FAULTS),
    (Encoder, encoders.WrongEncoder, encoders.ENCODER_FAULTS),
    (GlimpseDecoder, encoders.WrongDecoder, encoders.DECODER_FAULTS),
    (Renderer, renderers.Wrong, renderers.FAULTS),
    (Model, models.Wrong, models.FAULTS),
    (Metric, metrics.Wrong, metrics.FAULTS),
    (Schedule, training.WrongSchedule, training.SCHEDULE_FAULTS),
    (Schedule, training.WrongWarmUp, training.WARM_UP_FAULTS),
    (Schedule, training.WrongDecay, training.DECAY_FAULTS),
    (Curriculum, training.WrongCurriculum, training.CURRICULUM_FAULTS),
    (Curriculum, training.WrongOpening, training.OPENING_FAULTS),
    (Objective, training.WrongObjective, training.OBJECTIVE_FAULTS),
    (Optimizer, training.WrongOptimizer, training.OPTIMIZER_FAULTS),
    (Data, data.WrongData, data.DATA_FAULTS),
    (Data, data.WrongSeeds, data.SEEDS_FAULTS),
    (Judge, data.WrongJudge, data.JUDGE_FAULTS),
    (Figure, data.WrongFigure, data.FIGURE_FAULTS),
]

FAULTS = [(contract, part, fault, law) for contract, part, faults in FAMILIES for fault, law in faults.items()]


@pytest.mark.parametrize(
    ("contract", "part", "fault", "law"), FAULTS, ids=[f"{case[0].__name__}-{case[2]}" for case in FAULTS]
)
def test_a_wrong_part_is_caught_by_the_law_that_it_breaks(
    contract: type[Contract], part: type[Contract], fault: str, law: str
) -> None:
    (check,) = [check for check in checks_of(contract, part, options={"fault": fault}) if check.name == law]
    with pytest.raises(ConformanceError, match=f"^{law}: "):
        check()


@pytest.mark.parametrize(("contract", "part"), [case[:2] for case in FAMILIES], ids=[c[0].__name__ for c in FAMILIES])
def test_the_right_part_beside_it_passes(contract: type[Contract], part: type[Contract]) -> None:
    check_part(contract, part)


UNUSUAL = [(ScenePrior, priors.Wrong, priors.ALSO_RIGHT), (Core, cores.Wrong, cores.ALSO_RIGHT)]


@pytest.mark.parametrize(
    ("contract", "part", "said"),
    [(contract, part, said) for contract, part, every in UNUSUAL for said in every],
)
def test_what_is_unusual_and_right_passes(contract: type[Contract], part: type[Contract], said: str) -> None:
    check_part(contract, part, fault=said)

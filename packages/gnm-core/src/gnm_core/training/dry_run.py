"""A try of every stage before the first begins: what does not fit is told at once, not after hours."""

from collections.abc import Sequence
from copy import deepcopy

from torch import Tensor

from gnm_core.contracts import Model, Objective
from gnm_core.evaluation_mode import observing
from gnm_core.schema import Stage
from gnm_core.training.complete_terms import require_complete
from gnm_core.training.levels import Levelled


def dry_run(model: Model, stages: Sequence[Stage], objective: Objective, image: Tensor) -> None:
    """Weigh the terms of each stage's level once, with copies of the objectives.

    Args:
        model: what will learn.
        stages: what it will go through.
        objective: the spec's, for the stages that have none of their own.
        image: (B, C, H, W): a few images.

    Raises:
        PartError: the model's terms are not one number an image.
        OptionError: an objective weighs a term that the model, or the stage's level of it, does not have.
    """
    with observing(model):
        for stage in stages:
            if stage.level is None:
                terms = model.terms(image, 0)
            else:
                assert isinstance(model, Levelled)
                made = model.level_inputs(stage.level, image)
                terms = model.level_terms(stage.level, image if made is None else made, 0)
            require_complete(terms, len(image), model)
            deepcopy(stage.objective or objective)(terms, 0)

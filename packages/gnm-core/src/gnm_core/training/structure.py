"""Which share of scenes obeys its rule, level by level, looked at now and then while a model trains."""

from collections.abc import Callable, Mapping

from gnm_core.contracts import Data, Model
from gnm_core.evaluation import EvaluationContext, StructureLevels, advice, judge_of
from gnm_core.evaluation_mode import observing
from gnm_core.randomness import seed_from
from gnm_core.spec.checked import CheckedSpec
from gnm_core.training.held_out import validation_of

SCENES = 200
"""Scenes at each level: a share is known to 0.07."""
STREAM = 1_000_004
"""Keeps its randomness apart from the step's and the pictures'."""


class StructureWatch:
    """Measures `structure-levels` of a model that is at work.

    Args:
        subject: judge and data; its model is the one that trains.
        seed: the training's seed.
    """

    def __init__(self, subject: EvaluationContext, seed: int) -> None:
        self._context, self._seed, self._metric = subject, seed, StructureLevels(n=SCENES)

    def shares(self, step: int) -> dict[str, float]:
        """The share of scenes that obey, by level; the model is left as it was.

        Raises:
            MetricError: an image is not finite.
        """
        with observing(self._context.model):
            seed_from(self._seed, step, STREAM)
            updates = [self._metric.update(batch) for batch in self._context.batches(SCENES)]
            measured = self._metric.measure(self._context, updates)
        return {value.name.removeprefix("obeys: "): value.value for value in measured.values}


def structure_watch(
    spec: CheckedSpec, model: Model, data: Data, seed: int, say: Callable[[str], None]
) -> StructureWatch | None:
    """A watch over held-out scenes; where nobody can judge them, says why and is None.

    Args:
        spec: names the data set, by whose name the judge is found.
        model: what trains.
        data: what it learns from.
        seed: the training's seed.
        say: told why there is no watch.
    """
    name = spec.data_name
    judge = judge_of(name, spec.dims)
    if judge is None:
        say(f"train.levels_every: no plugin provides a judge for '{name}', so no structure is measured")
        return None
    return StructureWatch(EvaluationContext(model, validation_of(data) or data, judge, name), seed)


def told(shares: Mapping[str, float]) -> str:
    """`obeys: data 0.99, symbols 0.80, ...; most is lost at ...`."""
    numbers = ", ".join(f"{level} {share:.2f}" for level, share in shares.items())
    return f"scenes that obey: {numbers}; {advice(dict(shares))}"

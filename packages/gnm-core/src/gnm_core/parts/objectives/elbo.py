"""The evidence lower bound, each divergence with a weight of its own."""

from collections.abc import Mapping

from torch import Tensor

from gnm_core.contracts import Objective, Schedule
from gnm_core.errors import OptionError
from gnm_core.results import Loss, Terms
from gnm_core.suggestions import did_you_mean


class ELBO(Objective):
    """loss = mean over the batch of (-log p(x | z) + sum_k w_k KL_k + sum_a w_a auxiliary_a).

    Every weight that is not given is 1.

    Args:
        weights: schedule of the weight of each named divergence (`terms.kl`), beta in the literature.
        auxiliary: schedule of the weight of each named regulariser outside the ELBO (`terms.auxiliary`).

    Raises:
        OptionError: a weight begins or ends below 0.
    """

    def __init__(
        self, *, weights: dict[str, Schedule] | None = None, auxiliary: dict[str, Schedule] | None = None
    ) -> None:
        super().__init__()
        self.weights = dict(weights or {})
        self.auxiliary = dict(auxiliary or {})
        check_signs("weights", self.weights)
        check_signs("auxiliary", self.auxiliary)

    def forward(self, terms: Terms, step: int) -> Loss:
        """Weigh the terms as of training step `step`.

        Raises:
            OptionError: a weight is given for a term that the model does not have.
        """
        divergence = weigh("weights", self.weights, terms.kl, step)
        regulariser = weigh("auxiliary", self.auxiliary, terms.auxiliary, step)
        error = -terms.log_likelihood.mean()
        total = error + weighted_sum(divergence, terms.kl) + weighted_sum(regulariser, terms.auxiliary)
        return Loss(total=total, weights=named(divergence, regulariser))


def check_signs(option: str, schedules: Mapping[str, Schedule]) -> None:
    """Refuse weights that reward what they should punish.

    Raises:
        OptionError: a schedule begins or ends below 0; `option` is the one at fault.
    """
    for name, schedule in schedules.items():
        for step in (0, 10**9):
            if schedule(step) < 0:
                raise OptionError(option, f"the weight of '{name}' is {schedule(step):g}; a weight is at least 0")


def weigh(option: str, schedules: Mapping[str, Schedule], terms: Mapping[str, Tensor], step: int) -> dict[str, float]:
    """The weight of each of `terms` at `step`: 1 where there is no schedule.

    Raises:
        OptionError: `schedules` names a term that is not there; `option` is the one at fault.
    """
    for name in schedules:
        if name not in terms:
            alternatives = did_you_mean(name, terms) or f"it has: {', '.join(sorted(terms)) or 'none of this kind'}"
            raise OptionError(option, f"the model has no such term: '{name}'; {alternatives}")
    return {name: schedules[name](step) if name in schedules else 1.0 for name in terms}


def named(divergence: Mapping[str, float], regulariser: Mapping[str, float]) -> dict[str, float]:
    """The weights by `kl.<name>` and `auxiliary.<name>`."""
    return {f"kl.{name}": weight for name, weight in divergence.items()} | {
        f"auxiliary.{name}": weight for name, weight in regulariser.items()
    }


def weighted_sum(weights: Mapping[str, float], terms: Mapping[str, Tensor]) -> Tensor | float:
    """(): the batch means of `terms`, weighted and added up; 0.0 for no terms."""
    return sum((weight * terms[name].mean() for name, weight in weights.items()), 0.0)

"""`gnm` for `torchrun`, in processes that are unlike: the second one's clocks run at double speed.

A step of the trial takes 100 s in the first process and 200 s in the second, which have used 60 s and 120 s of a core.
Their first weights differ, too.
"""

import os

import torch
from gnm_core.cli import main
from gnm_core.training import clock, fit, learner

RANK = int(os.environ["RANK"])


class UnlikeLearner(learner.Learner):
    """Its weights are those of its rank, wherever they came from."""

    def fetch_origins(self) -> None:
        super().fetch_origins()
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.add_(RANK)


def main_of_rank() -> None:
    """`gnm`, with clocks and weights of this rank's own."""
    from gnm_core.training import beginning

    fit.stage_costs = lambda *_: (fit.StageCost("stage 1", 12, 100.0 * (1 + RANK), 0.0),)
    clock.Clock.core_since = property(lambda self: 60.0 * (1 + RANK))
    beginning.Learner = UnlikeLearner
    main()


if __name__ == "__main__":
    main_of_rank()

"""How parts of the kinds that map no batch to a batch are put to use, where a law asks what that leaves behind."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gnm_core.contract import Contract
from gnm_core.contracts import Curriculum, Data, Figure, Judge, Objective, Optimizer, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import FigureError
from gnm_core.results import Terms
from gnm_core.testing.bench import NotHere
from gnm_core.testing.exercises import EXERCISES
from gnm_core.testing.subjects import full_context
from gnm_core.training.switch import to_training

Use = Callable[[Any, Dims], object]


def some_terms(batch: int = 4) -> Terms:
    """Terms that a model might have, with gradients."""
    names = ("scene", "presence", "where", "depth", "what", "background")
    kl = {name: torch.rand(batch).add(1).requires_grad_() for name in names}
    auxiliary = {name: torch.rand(batch).add(1).requires_grad_() for name in names}
    likelihood = torch.randn(batch).sub(100).requires_grad_()
    return Terms(likelihood, kl, auxiliary, {"objects": torch.rand(batch)})


def _data(data: Data, dims: Dims) -> None:
    data.batch([i % len(data) for i in (0, 3, 1, 2)])
    if len(data) <= 10**5:
        data.order(0, 0)


def _figure(figure: Figure, dims: Dims) -> None:
    context = full_context(dims)
    try:
        figure.draw(context.model, context.split.batch(range(4)))
    except FigureError as error:
        raise NotHere(str(error)) from error


def _optimizer(recipe: Optimizer, dims: Dims) -> None:
    parameter = nn.Parameter(torch.ones(3))
    optimizer = recipe.build([parameter])
    to_training([optimizer])
    parameter.grad = torch.ones(3)
    optimizer.step()


USES: dict[type[Contract], Use] = {
    Data: _data,
    Judge: lambda judge, dims: judge.judge(torch.rand(3, dims.channels, dims.size, dims.size)),
    Figure: _figure,
    Objective: lambda objective, dims: objective(some_terms(), 0),
    Schedule: lambda schedule, dims: schedule(3),
    Curriculum: lambda curriculum, dims: curriculum.at(3),
    Optimizer: _optimizer,
}


def use_of(contract: type[Contract]) -> Use:
    """How parts under a contract are used.

    Raises:
        NotHere: nobody has said.
    """
    for known in contract.__mro__:
        for table in (USES, EXERCISES):
            if known in table:
                return table[known]
    raise NotHere("how parts of its kind are used is not known here")

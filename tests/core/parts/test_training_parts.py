"""Schedules, objectives and optimisers."""

import copy
import math
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from gnm_core.contracts import Optimizer, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.parts.objectives.elbo import ELBO
from gnm_core.parts.objectives.geco import GECO
from gnm_core.parts.optimizers.adam import Adam
from gnm_core.parts.optimizers.adamw import AdamW
from gnm_core.parts.optimizers.lean import lean
from gnm_core.parts.optimizers.rmsprop import RMSprop
from gnm_core.parts.optimizers.sgd import SGD
from gnm_core.parts.schedules.constant import Constant
from gnm_core.parts.schedules.cosine import Cosine
from gnm_core.parts.schedules.linear import Linear
from gnm_core.parts.schedules.piecewise import Piecewise
from gnm_core.parts.schedules.steps import Steps
from gnm_core.results import Terms
from torch import nn

SCHEDULES: dict[str, tuple[Schedule, dict[int, float]]] = {
    "constant": (Constant(value=3), {0: 3, 10**9: 3}),
    "linear": (Linear(from_=0.1, to=0.001, until=4000), {0: 0.1, 2000: 0.0505, 4000: 0.001, 10**9: 0.001}),
    "linear since": (Linear(from_=1, to=0.5, since=1000, until=20000), {0: 1, 1000: 1, 10500: 0.75, 20000: 0.5}),
    "cosine": (
        Cosine(from_=2, to=0, since=100, until=200),
        {0: 2, 100: 2, 125: 1 + math.sqrt(0.5), 150: 1, 200: 0, 999: 0},
    ),
    "steps": (Steps(values=(1, 0.1, 0.01), at=(10, 20)), {0: 1, 9: 1, 10: 0.1, 19: 0.1, 20: 0.01, 999: 0.01}),
    "piecewise": (
        Piecewise(values=(0, 1, 0.5), at=(10, 20, 40)),
        {0: 0, 10: 0, 15: 0.5, 20: 1, 30: 0.75, 40: 0.5, 99: 0.5},
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_passes_through_its_points(name: str) -> None:
    schedule, points = SCHEDULES[name]
    for step, value in points.items():
        assert schedule(step) == pytest.approx(value), step
    for step in range(0, 30_000, 37):
        assert min(points.values()) - 1e-12 <= schedule(step) <= max(points.values()) + 1e-12


def test_ends_are_exact() -> None:
    assert Linear(from_=0.1, to=0.001, until=3)(3) == 0.001
    assert Cosine(from_=0.1, to=0.001, until=3)(3) == 0.001


@pytest.mark.parametrize(
    ("make", "option", "reason"),
    [
        (lambda: Linear(from_=0, to=1, until=5, since=5), "until", "5 is not after since = 5"),
        (lambda: Cosine(from_=0, to=1, until=5, since=9), "until", "5 is not after since = 9"),
        (lambda: Steps(values=(1, 2), at=(5, 6)), "values", "2 of them for 2 changes; expected 3"),
        (lambda: Steps(values=(1, 2, 3), at=(5, 5)), "at", "does not ascend"),
        (lambda: Piecewise(values=(), at=()), "values", "empty"),
        (lambda: Piecewise(values=(1,), at=(1, 2)), "values", "1 of them for 2 steps"),
        (lambda: Piecewise(values=(1, 2), at=(2, 1)), "at", "does not ascend"),
        (lambda: SGD(lr=Constant(value=1), nesterov=True), "nesterov", "needs a momentum"),
        (lambda: GECO(Dims(), goal=1, beta=2, highest=1), "beta", "2 is not between lowest = 1e-10 and highest = 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(make: object, option: str, reason: str) -> None:
    with pytest.raises(OptionError, match=reason) as caught:
        make()  # type: ignore[operator]
    assert caught.value.option == option


def terms(scale: float = 1.0) -> Terms:
    generator = torch.Generator().manual_seed(0)

    def some() -> torch.Tensor:
        return torch.rand(5, generator=generator) * scale

    return Terms(-some(), {"a": some(), "b": some()}, {"a": some()}, {"objects": some()})


def test_the_elbo_objective_without_weights_is_the_negative_elbo_and_the_regularisers() -> None:
    given = terms()
    loss = ELBO()(given, 0)
    assert loss.total.item() == pytest.approx((given.auxiliary["a"] - given.elbo).mean().item())
    assert loss.weights == {"kl.a": 1, "kl.b": 1, "auxiliary.a": 1}


def test_weights_follow_their_schedules_and_are_told_apart() -> None:
    given = terms()
    objective = ELBO(weights={"a": Linear(from_=0, to=2, until=4)}, auxiliary={"a": Constant(value=10)})
    for step in range(6):
        loss = objective(given, step)
        weight = min(step / 2, 2)
        expected = -given.log_likelihood + weight * given.kl["a"] + given.kl["b"] + 10 * given.auxiliary["a"]
        assert loss.total.item() == pytest.approx(expected.mean().item(), rel=1e-5)
        assert loss.weights == {"kl.a": weight, "kl.b": 1, "auxiliary.a": 10}


@pytest.mark.parametrize("objective", [ELBO, lambda **options: GECO(Dims(), goal=1, **options)])
def test_unknown_terms_are_named_with_the_alternatives(objective: object) -> None:
    one = Constant(value=1)
    with pytest.raises(OptionError, match="weights: the model has no such term: 'sceen'; it has: a, b"):
        objective(weights={"sceen": one})(terms(), 0)  # type: ignore[operator]
    with pytest.raises(OptionError, match="auxiliary: the model has no such term: 'b'; it has: a"):
        objective(auxiliary={"b": one})(terms(), 0)  # type: ignore[operator]


def geco(**options: object) -> GECO:
    return GECO(Dims(channels=1, size=8), goal=0.01, **options)  # type: ignore[arg-type]


def test_geco_presses_on_the_divergence_only_while_the_error_is_below_the_goal() -> None:
    for scale, rises in ((0.1, True), (100.0, False)):
        objective = geco(rate=0.1)
        betas = [objective(terms(scale), step).weights["kl.a"] for step in range(20)]
        assert betas[0] == 1
        assert all((later > earlier) == rises for earlier, later in pairwise(betas))


def test_geco_starts_from_the_whole_first_error_and_keeps_within_its_bounds() -> None:
    objective = geco(rate=1.0, momentum=0.99)
    given = terms()
    objective(given, 0)
    error = -given.log_likelihood.double().mean() / 64
    assert objective.log_beta.item() == pytest.approx((0.01 - error).item(), rel=1e-6)
    objective = geco(rate=1e6, lowest=0.5, highest=2)
    for scale, bound in ((100.0, 0.5), (0.0, 2.0)):
        for _ in range(500):
            objective(terms(scale), 0)
        assert objective.log_beta.exp().item() == pytest.approx(bound)


def test_geco_moves_in_training_only_and_its_state_is_saved() -> None:
    objective = geco(rate=0.1)
    for _ in range(3):
        objective(terms(), 0)
    twin = geco(rate=0.1)
    twin.load_state_dict(copy.deepcopy(objective.state_dict()))
    assert twin(terms(), 0).total == objective(terms(), 0).total
    assert torch.equal(twin.log_beta, objective.log_beta)
    state = copy.deepcopy(objective.eval().state_dict())
    objective(terms(), 0)
    assert all(torch.equal(value, state[name]) for name, value in objective.state_dict().items())


@pytest.mark.parametrize("recipe", [RMSprop, Adam, AdamW, SGD])
def test_an_optimiser_finds_the_bottom_of_a_bowl_and_follows_its_rate(recipe: type) -> None:
    made: Optimizer = recipe(lr=Constant(value=0.05), parts=("x",))
    point = nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer = made.build([point])
    assert made.parts == ("x",)
    assert optimizer.param_groups[0]["lr"] == made.rate(0) == 0.05
    for _ in range(300):
        optimizer.zero_grad()
        point.square().sum().backward()
        optimizer.step()
    assert point.abs().max() < 0.06
    optimizer.param_groups[0]["lr"] = 0.0
    before = point.detach().clone()
    point.square().sum().backward()
    optimizer.step()
    assert torch.equal(point, before)


def test_weight_decay_of_adamw_is_decoupled() -> None:
    point = nn.Parameter(torch.tensor([2.0]))
    optimizer = AdamW(lr=Constant(value=0.1), weight_decay=0.5).build([point])
    point.grad = torch.zeros(1)
    optimizer.step()
    assert point.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5))


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.SGD])
def test_a_lean_optimiser_takes_the_same_steps_bit_for_bit(kind: type[torch.optim.Optimizer]) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    pairs = [(ours, lean(kind)(ours.parameters(), lr=0.1)), (theirs, kind(theirs.parameters(), lr=0.1))]
    for step in range(5):
        x = torch.randn(7, 5)
        for model, optimizer in pairs:
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
            if step == 2:
                optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert all(not parameter.grad_fn for parameter in ours.parameters())
    assert isinstance(pairs[0][1], kind)


def test_optimisers_do_not_import_the_compiler() -> None:
    source = """
import sys
import torch
from gnm_core.parts.optimizers.adam import Adam
from gnm_core.parts.optimizers.adamw import AdamW
from gnm_core.parts.optimizers.rmsprop import RMSprop
from gnm_core.parts.optimizers.sgd import SGD
from gnm_core.parts.schedules.constant import Constant
for recipe in (Adam, AdamW, RMSprop, SGD):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = recipe(lr=Constant(value=0.1)).build([weight])
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    assert weight.max() < 1
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", source], check=True)

"""Laws of objectives: a mean over the batch, by the weights that they tell."""

from collections.abc import Callable
from operator import itemgetter

import torch
from torch import Tensor, nn

from gnm_core.contracts import Objective
from gnm_core.errors import OptionError
from gnm_core.results import Loss, Terms
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require
from gnm_core.testing.uses import some_terms


def _named(terms: Terms) -> dict[str, Tensor]:
    return {f"kl.{name}": value for name, value in terms.kl.items()} | {
        f"auxiliary.{name}": value for name, value in terms.auxiliary.items()
    }


def _objective(bench: Bench) -> nn.Module:
    built: nn.Module = bench.build().eval()
    return built


@law(Objective)
def a_loss_at_every_step(bench: Bench) -> None:
    """The loss is a finite scalar, its weights are numbers for terms that are there."""
    objective, terms = _objective(bench), some_terms()
    for step in (0, 1, 1000, 10**7):
        loss = objective(terms, step)
        require(isinstance(loss, Loss), f"at step {step} it gives a {type(loss).__name__}; expected a Loss")
        require(loss.total.shape == (), f"the loss has shape {tuple(loss.total.shape)}; expected a scalar")
        require(bool(loss.total.isfinite()), f"the loss of step {step} is {loss.total.item()}")
        for name, weight in loss.weights.items():
            require(isinstance(weight, int | float), f"the weight of {name} is a {type(weight).__name__}")
            require(name in _named(terms), f"it has a weight for '{name}', which is not among the terms")


@law(Objective)
def the_weights_told_are_the_weights(bench: Bench) -> None:
    """The gradient of the loss to each divergence and regulariser is its weight, shared by the images of the batch."""
    objective, terms = _objective(bench), some_terms()
    for step in (0, 10**7):
        loss = objective(terms, step)
        named = _named(terms)
        gradients = torch.autograd.grad(loss.total, list(named.values()), allow_unused=True)
        for (name, value), gradient in zip(named.items(), gradients, strict=True):
            told = float(loss.weights.get(name, 0.0))
            found = 0.0 if gradient is None else float(gradient.mean()) * len(value)
            close = abs(found - told) <= 1e-4 * max(1.0, abs(told))
            require(close, f"at step {step} the weight of {name} is said to be {told:g}, and is {found:g}")


@law(Objective)
def a_better_picture_costs_less(bench: Bench) -> None:
    """The loss falls when any image's log-likelihood rises."""
    terms = some_terms()
    (gradient,) = torch.autograd.grad(_objective(bench)(terms, 10**7).total, terms.log_likelihood, allow_unused=True)
    slope = 0.0 if gradient is None else float(gradient.max())
    require(
        gradient is not None and slope < 0, f"the loss does not fall with the log-likelihood: its slope is {slope:g}"
    )


@law(Objective)
def terms_stay_as_they_are(bench: Bench) -> None:
    """What it is given is also recorded, and weighed by others: it changes no term in place."""
    objective, terms = _objective(bench).train(), some_terms()
    named = {"log-likelihood": terms.log_likelihood, **_named(terms)}
    before = {name: value.detach().clone() for name, value in named.items()}
    objective(terms, 0)
    after = {"log-likelihood": terms.log_likelihood, **_named(terms)}
    require(after.keys() == before.keys(), f"it changes which terms there are: {', '.join(after)}")
    for name, value in after.items():
        require(torch.equal(value.detach(), before[name]), f"it changes the term {name} in place")


@law(Objective)
def a_mean_over_the_batch(bench: Bench) -> None:
    """The batch twice over has the loss of the batch, and the batch that of its halves: processes may share it."""
    terms = some_terms()
    twice = _each(terms, lambda value: torch.cat([value] * 2))
    halves = [_each(terms, itemgetter(half)) for half in (slice(0, 2), slice(2, 4))]
    once, doubled, *parts = (float(_objective(bench)(each, 0).total.detach()) for each in (terms, twice, *halves))
    require(abs(once - doubled) <= 1e-4 * abs(once), f"the loss is {once:g} of a batch, {doubled:g} of it twice over")
    shared = sum(parts) / 2
    require(
        abs(once - shared) <= 1e-4 * abs(once),
        f"the loss is {once:g} of a batch and {parts[0]:g} and {parts[1]:g} of its halves; expected their mean",
    )


@law(Objective)
def it_takes_the_terms_that_there_are(bench: Bench) -> None:
    """Every model names its own terms: other names, one alone, no regularisers."""
    terms = some_terms()
    for name, other in {
        "of one divergence 'code' and no regulariser": Terms(terms.log_likelihood, {"code": terms.kl["what"]}),
        "without divergences": Terms(terms.log_likelihood, {}),
    }.items():
        try:
            loss = _objective(bench)(other, 0)
        except OptionError as error:
            raise NotHere(f"its options name terms: {error}") from error
        except Exception as error:
            raise AssertionError(f"with the terms {name}: {type(error).__name__}: {error}") from error
        require(bool(loss.total.isfinite()), f"the loss of terms {name} is {loss.total.item()}")


def _each(terms: Terms, change: Callable[[Tensor], Tensor]) -> Terms:
    kl = {name: change(value) for name, value in terms.kl.items()}
    auxiliary = {name: change(value) for name, value in terms.auxiliary.items()}
    return Terms(change(terms.log_likelihood), kl, auxiliary)


@law(Objective)
def the_same_again_in_evaluation(bench: Bench) -> None:
    """In evaluation mode nothing moves, and a state that is loaded goes on where it was."""
    objective, terms = _objective(bench), some_terms()
    first, second = (float(objective(terms, 3).total.detach()) for _ in range(2))
    require(first == second, f"in evaluation mode the loss is {first:g}, then {second:g}")
    objective.train()
    for _ in range(3):
        objective(terms, 3)
    fresh = bench.build(seed=1)
    fresh.load_state_dict(objective.state_dict(), strict=True)
    one, two = (float(each.eval()(terms, 4).total.detach()) for each in (objective, fresh))
    require(one == two, f"after saving and loading the loss is {two:g}, and was {one:g}: state is missing")

"""Laws of cores: each step's prior knows the steps before it, and codes are drawn from the distributions given."""

from collections.abc import Sequence
from contextlib import suppress
from inspect import signature
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.contracts import Core
from gnm_core.errors import SpecError
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.laws.alike import CLOSE, gap
from gnm_core.testing.require import log_densities, require, require_shape

DRAWINGS = 256


def _features(core: Core, bench: Bench, batch: int) -> Tensor:
    return torch.randn(batch, core.maps * bench.dims.features, bench.dims.grid, bench.dims.grid)


@law(Core)
def it_takes_its_option_steps(bench: Bench) -> None:
    """Where `steps` is an option, a drawing has that many."""
    if "steps" not in signature(bench.part_class).parameters:
        raise NotHere("it has no option 'steps'")
    for steps in (1, 3):
        with suppress(SpecError):
            core = bench.part(steps=steps)
            found = (core.steps, core.infer(_features(core, bench, 2)).scene.shape[1])
            require(found == (steps, steps), f"with steps={steps} it says {found[0]} steps and draws {found[1]}")


@law(Core)
def a_prior_knows_the_steps_before_it(bench: Bench) -> None:
    """p(z_l | z_<l): another z_k leaves the priors of the steps up to k as they are."""
    core = bench.part()
    with torch.no_grad():
        scene, other = core.generate(3).scene, core.generate(3).scene
        base = core.generate(3, scene).prior
        for k in range(core.steps):
            changed = scene.clone()
            changed[:, k:] = other[:, k:]
            priors = core.generate(3, changed).prior
            for step in range(k + 1):
                value = scene[:, step]
                off = gap(priors[step].log_prob(value), base[step].log_prob(value))
                require(off <= CLOSE, f"the prior of step {step} changes by {off:.2g} nats' share when z_{k} does")


@law(Core)
def inferring_and_generating_agree(bench: Bench) -> None:
    """The priors of a code are the same whether it was inferred or given."""
    core = bench.part()
    with torch.no_grad():
        seen = core.infer(_features(core, bench, 3))
        given = core.generate(3, seen.scene)
        off = gap(log_densities(seen.prior, seen.scene), log_densities(given.prior, seen.scene))
    require(off <= CLOSE, f"the prior's log-densities of a code differ by {off:.2g} between infer and generate")


@law(Core)
def generating_depends_on_nothing_seen(bench: Bench) -> None:
    """`generate(n)` is the same from the same random state, whatever the core has seen before."""
    core, drawn = bench.part(), []
    with torch.no_grad():
        for seed in (1, 2):
            torch.manual_seed(seed)
            core.infer(_features(core, bench, 3))
            torch.manual_seed(9)
            drawn.append(core.generate(3).scene)
    off = gap(drawn[0], drawn[1])
    require(off == 0, f"generate(3) differs by {off:.2g} after other pictures were seen")


@law(Core)
def every_drawing_is_its_own(bench: Bench) -> None:
    """Drawings differ from one another, and from those of another random state."""
    core = bench.part()
    with torch.no_grad():
        torch.manual_seed(1)
        first = core.generate(8).scene
        torch.manual_seed(2)
        second = core.generate(8).scene
    same = sum(torch.equal(first[0], other) for other in first[1:])
    require(same < 7, "generate(8) gives 8 times the same scene code")
    require(not torch.equal(first, second), "generate gives the same scene codes from two random states")


@law(Core)
def codes_are_drawn_as_said(bench: Bench) -> None:
    """Codes are as likely, on average, under the distribution that they were drawn from as fresh samples of it."""
    core = bench.part()
    with torch.no_grad():
        generated = core.generate(DRAWINGS)
        _require_likely("generate: codes under their priors", generated.prior, generated.scene)
        features = _features(core, bench, 1).expand(DRAWINGS, -1, -1, -1)
        seen = core.infer(features)
        posterior = cast(tuple[Distribution, ...], seen.posterior)
        _require_likely("infer: codes under their posteriors", posterior, seen.scene)


def _require_likely(name: str, distributions: Sequence[Distribution], scene: Tensor) -> None:
    fresh = torch.stack([distribution.sample() for distribution in distributions], 1)
    difference = log_densities(distributions, scene) - log_densities(distributions, fresh)
    mean, error = difference.mean(0), difference.std(0) / len(scene) ** 0.5
    worst = int(((mean.abs()) / (5 * error + 0.05)).argmax())
    require(
        bool((mean.abs() <= 5 * error + 0.05).all()),
        f"{name}: at step {worst} they are {mean[worst]:+.2f} nats likelier on average than samples "
        f"(standard error {error[worst]:.2f})",
    )


@law(Core)
def divergences_are_those_of_its_distributions(bench: Bench) -> None:
    """Divergences that it tells, or that its prior learns by, are on average those of the codes' log-densities."""
    core = bench.part()
    with torch.no_grad():
        # far from what the prior expects, so that a divergence the wrong way round is another number
        features = 4 * _features(core, bench, 1).expand(DRAWINGS, -1, -1, -1)
        seen = core.infer(features)
        posterior = cast(tuple[Distribution, ...], seen.posterior)
        expected = log_densities(posterior, seen.scene) - log_densities(seen.prior, seen.scene)
        told = {} if seen.divergence is None else {"the divergence of infer": seen.divergence}
        if core.separate_prior:
            told["prior_divergence"] = core.prior_divergence(core.prior_inputs(features))
    if not told:
        raise NotHere("its divergences are computed from its distributions")
    for name, value in told.items():
        require_shape(name, value, *expected.shape)
        off = value.mean(0) - expected.mean(0)
        error = ((value.var(0) + expected.var(0)) / DRAWINGS).sqrt()
        step = int((off.abs() / (5 * error + 0.05)).argmax())
        require(
            bool((off.abs() <= 5 * error + 0.05).all()),
            f"{name} is {value[:, step].mean():.2f} nats on average at step {step}; by its codes' log-densities "
            f"KL(q || p) is {expected[:, step].mean():.2f} (standard error {error[step]:.2f})",
        )


@law(Core)
def each_step_has_a_canvas_of_its_own(bench: Bench) -> None:
    """f_1 ... f_L are the map after each step: from one to the next something is drawn."""
    core = bench.part()
    with torch.no_grad():
        canvases = core.generate(3).canvases
    for step, (before, after) in enumerate(pairwise(canvases)):
        require(not torch.equal(before, after), f"canvases {step} and {step + 1} are the same: a step draws nothing")


@law(Core)
def the_mode_is_the_posteriors(bench: Bench) -> None:
    """`infer(mode=True)` takes the mean of each step's posterior, or the likeliest of its values."""
    core = bench.part()
    with torch.no_grad():
        drawing = core.infer(_features(core, bench, 3), mode=True)
    for step, q in enumerate(cast(tuple[Distribution, ...], drawing.posterior)):
        offs = [gap(drawing.scene[:, step], value) for value in _middles(q)]
        require(
            min(offs) <= CLOSE,
            f"with mode=True, z_{step} differs by {min(offs):.2g} of its size from the mean and mode of its posterior",
        )


def _middles(q: Distribution) -> list[Tensor]:
    found = []
    for name in ("mean", "mode"):
        with suppress(NotImplementedError, AttributeError):
            found.append(getattr(q, name))
    return found


@law(Core)
def a_drawn_code_has_gradients(bench: Bench) -> None:
    """The posterior's sample is reparameterised: the scene code and the map tell the features how to change."""
    core = bench.build().train()
    features = _features(core, bench, 3).requires_grad_()
    drawing = core.infer(features)
    for name, value in (("the scene code", drawing.scene), ("the feature map", drawing.feature_map)):
        require(value.requires_grad, f"infer: {name} is detached: it has no gradient")
        (gradient,) = torch.autograd.grad(
            (value * torch.randn_like(value)).sum(), features, retain_graph=True, allow_unused=True
        )
        slope = 0.0 if gradient is None else float(gradient.abs().max())
        require(slope > 0, f"infer: no gradient reaches the features from {name} (it is {slope:g})")

"""Laws of distributions: they say of their samples what is true, step by step."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from gnm_core.contracts import LatentPrior, PresencePrior, ScenePrior
from gnm_core.distributions import divergence, log_prob
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.laws.alike import CLOSE, gap
from gnm_core.testing.require import require

SAMPLES = 4096
CENTRES = 512


@law(ScenePrior, LatentPrior)
def densities_are_those_of_its_samples(bench: Bench) -> None:
    """The log-density is the one that its samples have: nothing but the true density passes this exact test.

    For any distribution r, E_p[r / (p + r)] = E_r[p / (p + r)]: both are the integral of p r / (p + r). Samples of the
    prior stand for p on the left, its `log_prob` on both sides; r is made of its samples, moved by some noise.
    """
    with torch.no_grad():
        p, draw = _many(bench)
        z, more = draw(), draw()
        centres, deviation = more[:CENTRES].reshape(CENTRES, -1), _deviation(more).flatten()
        for width in (0.3, 1.0):
            noise = width * deviation
            y = centres[torch.randint(CENTRES, (SAMPLES,))] + noise * torch.randn(SAMPLES, len(noise))
            left = (_mixture(z.reshape(SAMPLES, -1), centres, noise) - log_prob(p, z)).sigmoid()
            right = (log_prob(p, y.view_as(z)) - _mixture(y, centres, noise)).sigmoid()
            off = float(left.mean() - right.mean())
            error = float((left.var() / SAMPLES + right.var() / SAMPLES).sqrt())
            require(
                abs(off) <= 5 * error + 0.01,
                f"its log-density is not that of its samples: E_p[r/(p+r)] = {left.mean():.3f} and E_r[p/(p+r)] = "
                f"{right.mean():.3f} must be equal (their standard error is {error:.3f}); too "
                f"{'small' if off > 0 else 'large'} a density where its samples are",
            )


def _many(bench: Bench) -> tuple[Distribution, Callable[[], Tensor]]:
    """The distribution of few numbers, and what draws SAMPLES values of it, the samples first."""
    dims = replace(bench.dims, scene=min(bench.dims.scene, 4), what=min(bench.dims.what, 4))
    prior = bench.part(dims)
    if issubclass(bench.contract, ScenePrior):
        hidden = torch.randn(1, dims.features, dims.grid, dims.grid)
        p = prior(hidden.expand(SAMPLES, -1, -1, -1))
        return p, p.sample
    p = prior.reference(0)
    return p, partial(p.sample, torch.Size([SAMPLES]))


def _deviation(samples: Tensor) -> Tensor:
    return samples.std(0).clamp(min=1e-6)


@law(ScenePrior, LatentPrior)
def divergences_are_those_of_its_density(bench: Bench) -> None:
    """KL(q || p) as trainings compute it, in closed form where there is one, is the mean of log q(z) - log p(z)."""
    with torch.no_grad():
        p, draw = _many(bench)
        samples = draw()
        middle, deviation = samples.mean(0).expand_as(samples), _deviation(samples).expand_as(samples)
        q = Normal(middle + 0.5 * deviation, 0.3 * deviation, validate_args=False)
        z = q.sample()
        told, found = divergence(q, p, z), log_prob(q, z) - log_prob(p, z)
    if not bool(found.isfinite().all()):
        raise NotHere("its density is zero where a Normal posterior may lie")
    off, error = float((told - found).mean()), float((told - found).std()) / SAMPLES**0.5
    require(
        abs(off) <= 5 * error + 0.01,
        f"KL(q || p) of a Normal q is said to be {float(told.mean()):.3f} nats; by samples of q and its log-density it "
        f"is {float(found.mean()):.3f} (standard error {error:.3f})",
    )


@law(PresencePrior)
def its_masses_add_up_to_one(bench: Bench) -> None:
    """Present and absent are all that there is; its rate is the mass of present."""
    prior = bench.part()
    for step in (0, 1000):
        p = prior.reference(step)
        absent, present = (float(p.log_prob(torch.full_like(p.mean, value)).exp().mean()) for value in (0.0, 1.0))
        require(
            abs(absent + present - 1) <= 1e-3,
            f"at step {step} the masses of 0 and 1 are {absent:.4f} and {present:.4f}; expected a sum of 1",
        )
        rate = float(p.mean.mean())
        require(abs(present - rate) <= 1e-3, f"at step {step} the mass of 1 is {present:.4f}, and the rate {rate:.4f}")


def _mixture(value: Tensor, centres: Tensor, deviation: Tensor) -> Tensor:
    """(N, S) → (N,): log-density of Normals around some centres."""
    away = (value[:, None] - centres) / deviation
    constant = deviation.log().sum() + 0.5 * value.shape[1] * torch.log(torch.tensor(2 * torch.pi))
    density: Tensor = (-0.5 * away.square().sum(-1)).logsumexp(1) - constant - torch.log(torch.tensor(len(centres)))
    return density


@law(ScenePrior)
def all_steps_together(bench: Bench) -> None:
    """`of_steps` gives for each hidden state what `forward` gives."""
    prior = bench.part()
    dims = bench.dims
    with torch.no_grad():
        hidden = [torch.randn(3, dims.features, dims.grid, dims.grid) for _ in range(3)]
        together = prior.of_steps(hidden)
        require(len(together) == 3, f"of_steps gives {len(together)} distributions for 3 hidden states")
        for step, (state, p) in enumerate(zip(hidden, together, strict=True)):
            value = prior(state).sample()
            off = gap(log_prob(p, value), log_prob(prior(state), value))
            require(
                off <= CLOSE, f"of_steps and forward differ at step {step}: log-densities by {off:.2g} of their size"
            )


@law(ScenePrior)
def samples_follow_the_seed(bench: Bench) -> None:
    """Samples come from torch's random state: another seed, another sample."""
    prior, dims = bench.part(), bench.dims
    with torch.no_grad():
        p = prior(torch.randn(3, dims.features, dims.grid, dims.grid))
        samples = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            samples.append(p.sample())
    require(torch.equal(samples[0], samples[1]), "two samples from the same seed differ")
    require(not torch.equal(samples[0], samples[2]), "two samples from different seeds are the same")


@law(PresencePrior, LatentPrior)
def a_function_of_the_step(bench: Bench) -> None:
    """A reference depends on the training step and on nothing else."""
    prior = bench.part()
    steps = (0, 1, 1000, 10**7)
    first = [_numbers(prior.reference(step)) for step in steps]
    for step, before in zip(reversed(steps), reversed(first), strict=True):
        off = gap(_numbers(prior.reference(step)), before)
        require(off == 0, f"the reference of step {step} differs by {off:.2g} when it is asked for again")


def _numbers(p: Distribution) -> Tensor:
    return torch.cat([p.log_prob(torch.zeros_like(p.mean)).flatten(), p.log_prob(torch.ones_like(p.mean)).flatten()])

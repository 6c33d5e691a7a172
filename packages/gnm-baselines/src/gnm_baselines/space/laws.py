"""Laws of SPACE's two modules."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

import torch
from gnm_core.dims import Dims
from gnm_core.latents import SymbolicLatents
from gnm_core.testing import EXERCISES, EXPERIMENTS, Bench, Experiment, Outputs, law, require
from gnm_core.testing.require import (
    distribution_of_shape,
    require_broadcast,
    require_close,
    require_shape,
    require_unit,
)
from torch import Tensor
from torch.distributions import Normal

from gnm_baselines.space.contract import Background, Foreground, Seen, Segments

LATE = 10**9
"""A step at which every schedule has come to its end."""
LATENTS = ("presence", "where", "depth", "what")


def _images(dims: Dims, batch: int = 3) -> Tensor:
    return torch.rand(batch, dims.channels, dims.size, dims.size)


def _sizes(dims: Dims) -> dict[str, int]:
    return {"presence": 1, "where": 4, "depth": 1, "what": dims.what}


# Foregrounds


def _require_latents(what: str, latents: SymbolicLatents, dims: Dims, batch: int) -> None:
    for name, size in _sizes(dims).items():
        require_shape(f"{what}: {name}", getattr(latents, name), batch, dims.grid, dims.grid, size)
    require_unit(f"{what}: presence", latents.presence)
    smallest = latents.where[..., :2].min().item()
    require(smallest > 0, f"{what}: a box has a side of {smallest:g}; expected more than 0")


def _foreground(foreground: Foreground, dims: Dims) -> Outputs:
    outputs: dict[str, Tensor] = {}
    for step in (0, LATE):
        seen = foreground.infer(_images(dims), step)
        _require_latents(f"infer at step {step}", seen.latents, dims, 3)
        prior = foreground.prior(step)
        for name, size in _sizes(dims).items():
            shape = torch.Size((3, dims.grid, dims.grid, size))
            distribution_of_shape(f"q({name})", getattr(seen.posterior, name), *shape)
            require_broadcast(f"the prior of {name} at step {step}", getattr(prior, name), shape)
        _require_latents(f"sample at step {step}", foreground.sample(2, step), dims, 2)
        painting = foreground.paint(seen.latents)
        require_shape("the picture of the objects", painting.image, 3, dims.channels, dims.size, dims.size)
        require_unit("alpha", painting.alpha)
        outputs |= {f"the picture at step {step}": painting.image, f"alpha at step {step}": painting.alpha}
        outputs |= {f"q({name}) at step {step}": value for name, value in _densities(seen).items()}
    return outputs


def _densities(seen: Seen) -> dict[str, Tensor]:
    at = {name: getattr(seen.latents, name) for name in LATENTS} | {"where": seen.where}
    return {
        name: getattr(seen.posterior, name).log_prob((value > 0.5).float() if name == "presence" else value.detach())
        for name, value in at.items()
    }


def _foreground_fixed(foreground: Any, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    seen = foreground.infer(given["image"], LATE, mode=True)
    painting = foreground.paint(seen.latents)
    found = {name: getattr(seen.latents, name) for name in LATENTS}
    return found | {"the picture of the objects": painting.image, "alpha": painting.alpha}


def _foreground_drawn(foreground: Any, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    seen = foreground.infer(given["image"], 0)
    return {f"a sample of {name}": getattr(seen.latents, name) for name in LATENTS}


EXERCISES[Foreground] = _foreground
EXPERIMENTS[Foreground] = Experiment(
    lambda part, dims, batch: {"image": _images(dims, batch)}, _foreground_fixed, _foreground_drawn, ("image",)
)


@law(Foreground)
def hard_presence_is_whole(bench: Bench) -> None:
    """With `hard`, an object is there or it is not, whether sampled or the likeliest."""
    foreground = bench.part()
    for mode in (False, True):
        with torch.no_grad():
            presence = foreground.infer(_images(bench.dims), LATE, mode=mode, hard=True).latents.presence
        off = float((presence - presence.round()).abs().max())
        require(off == 0, f"presence is {off:g} away from 0 and 1 with hard=True, mode={mode}")


@law(Foreground)
def nothing_of_what_is_absent(bench: Bench) -> None:
    """Absent objects are not painted, and hide nothing."""
    foreground = bench.part()
    with torch.no_grad():
        seen = foreground.infer(_images(bench.dims), LATE).latents
        painting = foreground.paint(SymbolicLatents(torch.zeros_like(seen.presence), seen.where, seen.depth, seen.what))
    for name, value in (("picture", painting.image), ("alpha", painting.alpha)):
        require(float(value.abs().max()) <= 1e-6, f"the {name} of no objects reaches {float(value.abs().max()):g}")


@law(Foreground)
def layers_make_the_picture(bench: Bench) -> None:
    """The objects one by one, each weighted by its share, are the picture; shares sum to one."""
    foreground = bench.part()
    with torch.no_grad():
        latents = foreground.infer(_images(bench.dims), LATE).latents
        painting, layers = foreground.paint(latents), foreground.layers(latents)
    require_close("the sum of the shares", layers.shares.sum(1), torch.ones_like(painting.alpha))
    require_close("the sum of the layers", (layers.shares * layers.images).sum(1), painting.image)
    require_close("the sum of the layers' alphas", (layers.shares * layers.alphas).sum(1), painting.alpha)


@law(Foreground)
def samples_are_the_priors(bench: Bench) -> None:
    """As many objects are sampled as the prior says, and their depths and codes are its own."""
    foreground, scenes = bench.part(), 200
    for step in (0, LATE):
        with torch.no_grad():
            prior, drawn = foreground.prior(step), foreground.sample(scenes, step)
        for name in ("presence", "depth", "what"):
            value, p = getattr(drawn, name), getattr(prior, name)
            mean, count = float(p.mean.mean()), value.numel()
            error = float(p.stddev.square().mean().sqrt()) / count**0.5
            found = float(value.mean())
            require(
                abs(found - mean) <= 5 * error + 1e-6,
                f"{name} is {found:.4f} on average over {count} samples at step {step}; the prior's mean is {mean:.4f} "
                f"(standard error {error:.4f})",
            )


# Backgrounds


def _require_segments(what: str, segments: Segments, background: Background, dims: Dims, batch: int) -> None:
    count = background.count
    require_shape(f"{what}: the mask codes", segments.mask_codes, batch, count, background.mask)
    require_shape(f"{what}: the codes", segments.codes, batch, count, segments.codes.shape[-1])
    require_shape(f"{what}: the log-masks", segments.log_masks, batch, count, dims.size, dims.size)
    require_shape(f"{what}: the images", segments.images, batch, count, dims.channels, dims.size, dims.size)
    require_unit(f"{what}: the images", segments.images)
    total = segments.log_masks.exp().sum(1)
    require_close(f"{what}: the sum of the masks", total, torch.ones_like(total))


def _background(background: Background, dims: Dims) -> Outputs:
    seen = background.infer(_images(dims))
    _require_segments("infer", seen, background, dims, 3)
    for name, value, codes in (
        ("the mask posterior", seen.mask_posterior, seen.mask_codes),
        ("the posterior", seen.posterior, seen.codes),
        ("the prior of masks", background.prior_of_masks(seen.mask_codes), seen.mask_codes),
        ("the prior", background.prior(seen.mask_codes), seen.codes),
    ):
        require(value is not None, f"infer: there is no {name.removeprefix('the ')}")
        distribution_of_shape(name, cast(Normal, value), *codes.shape)
    generated = background.sample(2)
    _require_segments("sample", generated, background, dims, 2)
    require(generated.posterior is None, "sample: there is a posterior where nothing was seen")
    again = background.decode(seen.mask_codes, seen.codes)
    require_close("decode: the log-masks of what was inferred", again.log_masks, seen.log_masks)
    require_close("decode: the images of what was inferred", again.images, seen.images)
    return {
        "the masks": seen.log_masks.exp(),
        "the images": seen.images,
        "the posterior's log-densities": cast(Normal, seen.posterior).log_prob(seen.codes.detach()),
        "the mask posterior's log-densities": cast(Normal, seen.mask_posterior).log_prob(seen.mask_codes.detach()),
        "the prior's log-densities": background.prior(seen.mask_codes).log_prob(seen.codes),
        "the log-densities of the prior of masks": background.prior_of_masks(seen.mask_codes).log_prob(seen.mask_codes),
    }


def _background_fixed(background: Any, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    seen = background.infer(given["image"], mode=True)
    found = {"the masks": seen.log_masks.exp(), "the images": seen.images}
    return found | {"the mask codes": seen.mask_codes, "the codes": seen.codes}


def _background_drawn(background: Any, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    seen = background.infer(given["image"])
    return {"the mask codes": seen.mask_codes, "the codes": seen.codes}


EXERCISES[Background] = _background
EXPERIMENTS[Background] = Experiment(
    lambda part, dims, batch: {"image": _images(dims, batch)}, _background_fixed, _background_drawn, ("image",)
)


@law(Background)
def no_code_knows_itself(bench: Bench) -> None:
    """The distribution of a mask code depends on those before it, not on itself nor on those after it."""
    background = bench.part()
    codes = torch.randn(2, background.count, background.mask)
    with torch.no_grad():
        before = background.prior_of_masks(codes)
        for k in range(background.count):
            moved = codes.clone()
            moved[:, k] += 1
            after = background.prior_of_masks(moved)
            off = max(
                float((getattr(after, name) - getattr(before, name))[:, : k + 1].abs().max())
                for name in ("mean", "stddev")
            )
            require(off <= 1e-6, f"moving mask code {k} by 1 moves the prior of codes up to {k} by {off:.2g}")


@law(Background)
def samples_differ(bench: Bench) -> None:
    """Two backgrounds are two, and come from torch's random state."""
    background, drawn = bench.part(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        with torch.no_grad():
            drawn.append(background.sample(2))
    for field in fields(Segments)[:4]:
        first, again, other = (getattr(one, field.name) for one in drawn)
        require(torch.equal(first, again), f"{field.name}: two samples from the same seed differ")
        if field.name in ("mask_codes", "codes"):
            require(not torch.equal(first, other), f"{field.name}: the same from two seeds")
            require(not torch.equal(first[0], first[1]), f"{field.name}: two samples are one and the same")

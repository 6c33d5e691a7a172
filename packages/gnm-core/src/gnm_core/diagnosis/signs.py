"""What some pictures show of a model's health."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gnm_core.diagnosis.asked import Asked
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Rendering, Scene


@dataclass(frozen=True)
class Signs:
    """Numbers that rules look at; None where the model, or the occasion, has no such thing."""

    step: int
    """Training steps that the model has had."""
    total: int | None = None
    """Steps that its training asks for."""
    asked: Asked = Asked()  # noqa: RUF009 (frozen)
    """What the training asks of it on purpose at this step."""
    pictures: int = 0
    """How many were looked at."""
    cells: int | None = None
    """Places for objects in a picture."""
    objects: float | None = None
    """Objects in a picture, on average."""
    covered: float | None = None
    """Share of the pixels that objects hide."""
    error: float | None = None
    """Mean squared error of the reconstructions."""
    error_of_background: float | None = None
    """The same of what lies behind the objects, alone."""
    error_of_colour: float | None = None
    """The same of each picture's mean colour."""
    size_spread: float | None = None
    """Standard deviation of the logarithm of the boxes' sides."""
    place_spread: float | None = None
    """Standard deviation of the boxes' centres within their cells, in cells."""
    divergences: Mapping[str, float] = field(default_factory=dict)
    """What each latent says, in nats per picture, by `kl.<name>` or `auxiliary.<name>`."""
    flat_since: int | None = None
    """Step since which the likelihood has not risen, although nothing else changed."""


ENOUGH = 8
"""Boxes that it takes to say that all are alike."""


def signs_of(
    scene: Scene,
    image: Tensor | None = None,
    *,
    step: int,
    total: int | None = None,
    asked: Asked = Asked(),  # noqa: B008 (frozen)
    divergences: Mapping[str, float] | None = None,
    flat_since: int | None = None,
) -> Signs:
    """Look at scenes that a model reconstructed or sampled.

    Args:
        scene: B of them.
        image: (B, C, H, W): what they reconstruct; None for samples.
        step: training steps that the model has had.
        total: steps that its training asks for.
        asked: what the training asks of it at this step.
        divergences: nats per picture by `kl.<name>` or `auxiliary.<name>`.
        flat_since: step since which the likelihood has not risen.
    """
    return Signs(
        step=step,
        total=total,
        asked=asked,
        pictures=len(scene.image),
        **_of_objects(scene),
        **_of_rendering(scene.rendering, image),
        divergences=dict(divergences or {}),
        flat_since=flat_since,
    )


def _of_objects(scene: Scene) -> dict[str, Any]:
    objects = scene.objects
    if objects is None or objects.present.numel() == 0:
        return {}
    signs: dict[str, Any] = {
        "cells": objects.present.shape[1],
        "objects": float(objects.present.sum(1).float().mean()),
    }
    if scene.latents is not None:
        signs |= _of_boxes(scene.latents)
    return signs


def _of_boxes(latents: SymbolicLatents) -> dict[str, Any]:
    grid = latents.where.shape[1]
    there = latents.presence.squeeze(-1) > 0.5
    if int(there.sum()) < ENOUGH:
        return {}
    cells = torch.arange(grid, device=latents.where.device) + 0.5
    middle = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1)
    offsets = ((latents.where[..., 2:] + 1) * (grid / 2) - middle)[there]
    sides = latents.where[..., :2].clamp(min=1e-6).log()[there]
    return {"size_spread": float(sides.std(0).mean()), "place_spread": float(offsets.std(0).mean())}


def _of_rendering(rendering: Rendering | None, image: Tensor | None) -> dict[str, Any]:
    if rendering is None:
        return {}
    behind = bool(rendering.background.any())
    signs: dict[str, Any] = {"covered": float((rendering.alpha > 0.5).float().mean()) if behind else None}
    if image is not None:
        signs["error"] = float((rendering.image.clamp(0, 1) - image).square().mean())
        signs["error_of_colour"] = float((image.mean((2, 3), keepdim=True) - image).square().mean())
        signs["error_of_background"] = float((rendering.background - image).square().mean()) if behind else None
    return signs

"""Renderers that are wrong in one way each: the separable one, spoilt."""

from dataclasses import replace
from typing import Annotated

import torch
from gnm_core import BackgroundDecoder, Components, Default, Dims, GlimpseDecoder, Rendering, SymbolicLatents
from gnm_render.renderers.separable import SeparableRenderer
from torch import Tensor


class Wrong(SeparableRenderer):
    """Right unless told otherwise."""

    def __init__(
        self,
        dims: Dims,
        *,
        glimpse: Annotated[GlimpseDecoder, Default("mlp", masks=True)],
        background: Annotated[BackgroundDecoder | None, Default("smooth-background")] = None,
        fault: str = "",
    ) -> None:
        super().__init__(dims, glimpse=glimpse, background=background)
        self.fault, self.size = fault, dims.size

    def forward(
        self,
        latents: SymbolicLatents,
        background: Tensor | None = None,
        *,
        box_mask: float | None = None,
        alpha: float | None = None,
    ) -> Rendering:
        box_mask = None if self.fault == "ignores box_mask" else box_mask
        alpha = None if self.fault == "ignores alpha" else alpha
        rendering = super().forward(self._spoilt(latents), background, box_mask=box_mask, alpha=alpha)
        if self.fault == "upside down":  # each object's glimpse, its box as it is
            rendering = super().forward(self._mirrored(latents), background, box_mask=box_mask, alpha=alpha)
            rendering = replace(rendering, image=rendering.image.flip(-2), foreground=rendering.foreground.flip(-2))
        if self.fault == "mixes scenes":
            rendering = replace(rendering, image=rendering.image + 0.1 * rendering.image.mean(0))
        if self.fault == "three times":
            rendering = replace(rendering, image=3 * rendering.image)
        if self.fault == "nothing behind":
            rendering = replace(rendering, image=rendering.foreground)
        if self.fault == "glass":
            rendering = replace(rendering, image=rendering.foreground + rendering.background)
        if self.fault == "says another cover":
            rendering = replace(rendering, alpha=1 - rendering.alpha)
        return rendering

    def layers(self, latents: SymbolicLatents) -> Components:
        layers = super().layers(self._spoilt(latents))
        if self.fault == "column by column":
            side = round(layers.images.shape[1] ** 0.5)
            turned = torch.arange(side * side).view(side, side).T.flatten()
            layers = replace(layers, images=layers.images[:, turned], masks=layers.masks[:, turned])
        if self.fault == "noise":
            size = layers.images.shape
            layers = replace(layers, images=torch.linspace(0, 1, layers.images.numel()).view(size))
        return layers

    def _mirrored(self, latents: SymbolicLatents) -> SymbolicLatents:
        width, height, x, y = latents.where.unbind(-1)
        return replace(latents, where=torch.stack([width, height, x, -y], -1))

    def _spoilt(self, latents: SymbolicLatents) -> SymbolicLatents:  # noqa: PLR0911 (a fault a line)
        width, height, x, y = latents.where.unbind(-1)
        match self.fault:
            case "x and y swapped":
                return replace(latents, where=torch.stack([width, height, y, x], -1))
            case "width and height swapped":
                return replace(latents, where=torch.stack([height, width, x, y], -1))
            case "y upwards":
                return replace(latents, where=torch.stack([width, height, x, -y], -1))
            case "corners at the corners":
                wider = self.size / (self.size - 1)
                return replace(latents, where=latents.where * torch.tensor([1.0, 1.0, wider, wider]))
            case "half a pixel":
                return replace(latents, where=latents.where + torch.tensor([0.0, 0.0, 1 / self.size, 1 / self.size]))
            case "twice as large":
                return replace(latents, where=torch.stack([2 * width, 2 * height, x, y], -1))
            case "rounded presence":
                return replace(latents, presence=latents.presence.ceil())
            case "always there":
                return replace(latents, presence=torch.ones_like(latents.presence))
            case "no depth":
                return replace(latents, depth=torch.zeros_like(latents.depth))
            case "farther in front":
                return replace(latents, depth=-latents.depth)
            case "where detached":
                return replace(latents, where=latents.where.detach())
        return latents


FAULTS = {
    "x and y swapped": "a-white-square-at-its-place",
    "width and height swapped": "a-white-square-at-its-place",
    "y upwards": "a-white-square-at-its-place",
    "twice as large": "a-white-square-at-its-place",
    "rounded presence": "presence-is-linear",
    "no depth": "the-nearer-hides-the-farther",
    "farther in front": "the-nearer-hides-the-farther",
    "where detached": "gradients-reach-the-inputs",
    "mixes scenes": "each-image-alone",
    "three times": "a-white-square-at-its-place",
    "always there": "outputs-are-as-promised",
    "nothing behind": "what-lies-behind-is-seen-beside-objects",
    "glass": "what-lies-behind-is-seen-beside-objects",
    "says another cover": "an-image-is-its-layers-put-together",
    "ignores box_mask": "curricula-are-obeyed",
    "ignores alpha": "curricula-are-obeyed",
    "noise": "layers-are-what-is-painted",
    "column by column": "layers-stand-row-by-row",
    "upside down": "a-glimpse-lies-the-right-way-round",
    "corners at the corners": "places-are-exact",
    "half a pixel": "places-are-exact",
}
"""Each fault, and the law that it breaks."""

"""Cores that are wrong in one way each: StructDRAW, spoilt."""

from dataclasses import replace
from typing import Annotated

import torch
from gnm_core import Default, Dims, Drawing, ScenePrior
from gnm_core.parts.cores.cells import Cells
from gnm_core.parts.cores.structdraw import StructDRAW
from torch import Tensor
from torch.distributions import Normal, kl_divergence


class Wrong(StructDRAW):
    """Right unless told otherwise."""

    def __init__(
        self,
        dims: Dims,
        *,
        prior: Annotated[ScenePrior, Default("autoregressive")],
        steps: int = 3,
        fault: str = "",
    ) -> None:
        super().__init__(dims, prior=prior, steps=4 if fault == "ignores steps" else steps)
        self.fault, self.seen = fault, torch.zeros(())

    def infer(self, features: Tensor, *, mode: bool = False) -> Drawing:
        if self.fault == "mixes images":
            features = features + features.mean(0)
        drawing = super().infer(features, mode=mode)
        self.seen = drawing.scene.detach().mean()
        if self.fault == "half the mean" and mode:
            halved = super().generate(len(features), 0.5 * drawing.scene)
            drawing = replace(halved, posterior=drawing.posterior)
        if self.fault == "detached":
            drawing = replace(drawing, scene=drawing.scene.detach())
        return self._spoilt(drawing)

    def generate(self, n: int, scene: Tensor | None = None) -> Drawing:
        if self.fault == "ignores the scene":
            scene = None
        drawing = super().generate(n, scene)
        if scene is None and self.fault == "leaks":
            drawing = super().generate(n, drawing.scene + self.seen)
        if scene is None and self.fault == "repeats":
            drawing = super().generate(n, drawing.scene[:1].expand(n, -1, -1))
        if scene is None and self.fault == "tempered":
            drawing = super().generate(n, 0.5 * drawing.scene)
        return self._spoilt(drawing)

    def _spoilt(self, drawing: Drawing) -> Drawing:
        match self.fault:
            case "reversed":
                return replace(drawing, prior=drawing.prior[::-1])
            case "fewer priors":
                return replace(drawing, prior=drawing.prior[1:])
            case "canvases of the end":
                return replace(drawing, canvases=(drawing.canvases[-1],) * len(drawing.canvases))
            case "forward divergence" | "divergence" if drawing.posterior is not None:
                sides = list(zip(drawing.posterior, drawing.prior, strict=True))
                swapped = self.fault == "forward divergence"
                each = [kl_divergence(*((p, q) if swapped else (q, p))).sum(1) for q, p in sides]
                return replace(drawing, divergence=torch.stack(each, 1))
            case "peeks":
                moved = zip(drawing.prior, drawing.scene.unbind(1), strict=True)
                peeking = tuple(Normal(p.mean + 0.5 * z, p.stddev, validate_args=False) for p, z in moved)
                return replace(drawing, prior=peeking)
        return drawing


FAULTS = {
    "ignores steps": "it-takes-its-option-steps",
    "leaks": "generating-depends-on-nothing-seen",
    "reversed": "a-prior-knows-the-steps-before-it",
    "peeks": "a-prior-knows-the-steps-before-it",
    "detached": "a-drawn-code-has-gradients",
    "mixes images": "each-image-alone",
    "repeats": "every-drawing-is-its-own",
    "half the mean": "the-mode-is-the-posteriors",
    "ignores the scene": "outputs-are-as-promised",
    "fewer priors": "outputs-are-as-promised",
    "canvases of the end": "each-step-has-a-canvas-of-its-own",
    "tempered": "codes-are-drawn-as-said",
    "forward divergence": "divergences-are-those-of-its-distributions",
}
"""Each fault, and the law that it breaks."""
ALSO_RIGHT = ("divergence",)
"""What is unusual and right."""


class WrongCells(Cells):
    """A core whose prior learns by itself, right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__(dims, levels=4, width=16, heads=2, prior=1, hidden=4)
        self.fault = fault

    def prior_divergence(self, inputs: Tensor) -> Tensor:
        divergence = super().prior_divergence(inputs)
        return divergence / self.code_size if self.fault == "mean of its numbers" else divergence


CELLS_FAULTS = {"mean of its numbers": "divergences-are-those-of-its-distributions"}

"""Models for the conformance kit: one that can do everything, one that can do what it must."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.distributions import Normal

from gnm_core.contracts import Data, Judge, Model
from gnm_core.dims import Dims
from gnm_core.evaluation import EvaluationContext
from gnm_core.results import Batch, Components, Objects, Scene, Terms, Truth, Verdict

LENGTH = 40
"""Images in the data set."""


def full_context(dims: Dims) -> EvaluationContext:
    """Objects, components, truth and a judge."""
    return EvaluationContext(_Seer(dims).eval(), _Halves(dims, truth=True), _Coin(), "halves")


def bare_context(dims: Dims) -> EvaluationContext:
    """No objects, no components, no truth, no judge."""
    return EvaluationContext(_Painter(dims).eval(), _Halves(dims, truth=False), None, "halves")


def other_pictures(dims: Dims) -> dict[str, Dims]:
    """Pictures of the other number of channels, and larger ones, by what they are called."""
    return {
        "in grey" if dims.channels == 3 else "in colour": replace(dims, channels=1 if dims.channels == 3 else 3),
        f"of {2 * dims.size} px": replace(dims, size=2 * dims.size),
    }


class _Halves(Data):
    """Pictures whose left half, right half or both are bright; the label says how bright."""

    def __init__(self, dims: Dims, *, truth: bool) -> None:
        self.dims, self.truth, self.split = dims, truth, "test"

    def __len__(self) -> int:
        return LENGTH

    def at(self, split: str) -> "_Halves":
        return self

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        index = torch.as_tensor(np.asarray(indices, dtype=np.int64))
        size, half = self.dims.size, self.dims.size // 2
        present = torch.stack([index % 3 != 1, index % 3 != 2], 1)
        labels = torch.stack([index % 2, index // 2 % 2], 1)
        image = torch.zeros(len(index), self.dims.channels, size, size)
        instances = torch.zeros(len(index), size, size, dtype=torch.uint8)
        bright = present * (0.5 + 0.4 * labels)
        for i, columns in enumerate((slice(0, half), slice(half, size))):
            image[..., columns] = bright[:, i, None, None, None]
            instances[..., columns] = ((i + 1) * present[:, i, None, None]).to(torch.uint8)
        boxes = torch.tensor([[0.0, 0, half, size], [half, 0, size, size]]) * present[..., None]
        truth = Truth(present, torch.where(present, labels, -1), boxes, instances=instances)
        return Batch(image, truth if self.truth else None)


class _Painter(Model):
    """A linear autoencoder with a Gaussian code."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims
        pixels = dims.channels * dims.size**2
        self.encoder, self.decoder = nn.Linear(pixels, 4), nn.Linear(4, pixels)

    def _look(self, image: Tensor) -> Normal:
        return Normal(self.encoder(image.flatten(1)), 1.0)

    def _paint(self, code: Tensor) -> Tensor:
        size = self.dims.size
        image: Tensor = rearrange(self.decoder(code).sigmoid(), "b (c h w) -> b c h w", h=size, w=size)
        return image

    def terms(self, image: Tensor, step: int) -> Terms:
        return Terms(self.log_weights(image), {})

    def sample(self, n: int) -> Scene:
        return Scene(self._paint(torch.randn(n, 4)))

    def reconstruct(self, image: Tensor) -> Scene:
        return Scene(self._paint(self._look(image).mean))

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        q = self._look(image)
        z = q.sample()
        ratio = (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(1)
        weights: Tensor = ratio + Normal(self._paint(z), 0.5).log_prob(image).flatten(1).sum(1)
        return weights


class _Seer(_Painter):
    """Takes the halves for objects, where they are bright."""

    def objects(self, image: Tensor) -> Objects:
        half, size = self.dims.size // 2, self.dims.size
        level = rearrange(image, "b c h (n w) -> b n (c h w)", n=2, w=half).mean(2)
        boxes = torch.tensor([[0.0, 0, half, size], [half, 0, size, size]])
        return Objects(boxes.expand(len(image), 2, 4), level, level > 0.1, level[..., None], torch.zeros_like(level))

    def components(self, image: Tensor) -> Components:
        masks = torch.zeros(len(image), 2, 1, self.dims.size, self.dims.size)
        half = self.dims.size // 2
        masks[:, 0, ..., :half], masks[:, 1, ..., half:] = 1, 1
        return Components(image[:, None].expand(-1, 2, -1, -1, -1), masks, ("object 1", "object 2"))


class _Coin(Judge):
    """Accepts pictures that are brighter on the left."""

    version = "1"

    def judge(self, images: Tensor) -> list[Verdict]:
        left, right = (half.flatten(1).mean(1) for half in images.tensor_split(2, dim=-1))
        return [Verdict(bool(good), "" if good else "darker on the left", 0.0, "coin/1") for good in left > right]

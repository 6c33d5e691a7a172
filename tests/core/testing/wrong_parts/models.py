"""Models that are wrong in one way each: an autoencoder with a Gaussian code, spoilt."""

from dataclasses import replace

import torch
from gnm_core import Dims, Model, Objects, Scene, Terms
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence


class Wrong(Model):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.dims, self.fault = dims, fault
        pixels = dims.channels * dims.size**2
        self.encoder, self.decoder = nn.Linear(pixels, 4), nn.Linear(4, pixels)

    def _look(self, image: Tensor) -> Normal:
        return Normal(3 * self.encoder(image.flatten(1)), 0.5, validate_args=False)

    def _paint(self, code: Tensor) -> Tensor:
        return self.decoder(code).sigmoid().view(-1, self.dims.channels, self.dims.size, self.dims.size)  # type: ignore[no-any-return]

    def _weigh(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.fault == "changes its input":
            image.sub_(0.5)
        q = self._look(image)
        z = q.rsample()
        likelihood = Normal(self._paint(z), 0.5, validate_args=False).log_prob(image).flatten(1).sum(1)
        p = Normal(torch.zeros_like(z), 1.0, validate_args=False)
        told = kl_divergence(p, q) if self.fault == "forward divergence" else kl_divergence(q, p)
        return likelihood, told.sum(1), (p.log_prob(z) - q.log_prob(z)).sum(1)

    def terms(self, image: Tensor, step: int) -> Terms:
        likelihood, divergence, _ = self._weigh(image)
        if self.fault == "negative divergence":
            divergence = -divergence
        if self.fault == "mean likelihood":
            likelihood = likelihood.mean().expand(len(image))
        if self.fault == "nan later" and step > 0:
            likelihood = likelihood * float("nan")
        return Terms(likelihood, {"scene": divergence})

    def sample(self, n: int) -> Scene:
        with torch.random.fork_rng(devices=[]):
            if self.fault == "ignores the seed":
                torch.manual_seed(0)
            code = torch.randn(n, 4)
        if self.fault != "ignores the seed":
            code = torch.randn(n, 4)
        return Scene(self._paint(code))

    def reconstruct(self, image: Tensor) -> Scene:
        mean = self._look(image).mean
        return Scene(self._paint(torch.zeros_like(mean) if self.fault == "sees nothing" else mean))

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        likelihood, _, ratio = self._weigh(image)
        match self.fault:
            case "weights too large":
                return likelihood + ratio + 1000
            case "likelihood for weights":
                return likelihood
        return likelihood + ratio

    def objects(self, image: Tensor) -> Objects:
        confidence = self._look(image).mean.sigmoid()[:, :2]
        boxes = torch.stack([confidence, confidence, 2 + confidence, 3 + confidence], -1)
        objects = Objects(boxes, confidence, confidence > 0.5, confidence[..., None], confidence)
        match self.fault:
            case "nan boxes":
                return replace(objects, boxes=boxes * float("nan"))
            case "present of another shape":
                return replace(objects, present=objects.present[:, :1])
        return objects


FAULTS = {
    "weights too large": "weights-are-those-of-the-terms",
    "likelihood for weights": "weights-are-those-of-the-terms",
    "forward divergence": "weights-are-those-of-the-terms",
    "negative divergence": "divergences-are-not-negative",
    "mean likelihood": "neighbours-do-not-matter",
    "ignores the seed": "samples-follow-the-seed",
    "sees nothing": "reconstructions-follow-the-image",
    "nan later": "terms-at-every-step",
    "nan boxes": "objects-fit-together",
    "present of another shape": "objects-fit-together",
    "changes its input": "inputs-stay-as-they-are",
}
"""Each fault, and the law that it breaks."""

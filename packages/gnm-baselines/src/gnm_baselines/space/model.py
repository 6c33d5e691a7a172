"""SPACE: objects in cells, in front of a background of segments."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from einops import rearrange
from gnm_core.completion import Completion, around, kept_cells
from gnm_core.contracts import Default, Model, Schedule
from gnm_core.dims import Dims
from gnm_core.distributions import (
    bernoulli_log_mass,
    divergence,
    elementwise_divergence,
    log_prob,
    per_image,
)
from gnm_core.errors import OptionError
from gnm_core.gnm.where import to_pixels
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Components, Objects, Rendering, Scene, Terms
from torch import Tensor

from gnm_baselines.layers.mixture import foreground_mixture_log_likelihood
from gnm_baselines.space.contract import Background, Foreground, Seen, Segments
from gnm_baselines.space.painting import Painting, boundary_loss

FINAL_STEP = 10**9
"""A training step by which every schedule has ended."""

MOST_BEHIND = 0.9
"""Largest priority of an object that another one is to be before: a tenth is worth a factor of exp(10) in a pixel."""


@dataclass(frozen=True)
class Inference:
    """What one pass over a batch of images yields."""

    seen: Seen
    """The objects."""
    painting: Painting
    """Their picture."""
    segments: Segments
    """The background."""


class SPACE(Model):
    """SPACE (Lin et al., ICLR 2020, arXiv:2001.02407): every cell an object, behind them K segments.

    image = foreground + (1 - alpha) * background; the likelihood is a mixture of foreground and background for every
    channel of every pixel. The KLs of where, depth and what count as far as the object is there. The parameters of the
    two modules are under `foreground` and `background`, for two optimisers.

    Args:
        dims: `channels`, `size`, `grid`, `features`, `what`.
        foreground: the objects.
        background: the segments.
        boundary: weight of the boundary loss at each training step, which keeps objects whole early on.
        margin: of the boundary loss, in pixels of the glimpse.
        sigma: standard deviation of the pixels' likelihood.

    Raises:
        OptionError: the margin leaves nothing of the glimpse.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        foreground: Annotated[Foreground, Default("space")],
        background: Annotated[Background, Default("space")],
        boundary: Annotated[Schedule, Default("steps", values=(1.0, 0.0), at=(100000,))],
        margin: Annotated[int, Ge(0), Le(4096)] = 6,
        sigma: Annotated[float, Gt(0)] = 0.15,
    ) -> None:
        super().__init__()
        if 2 * margin >= foreground.glimpse.size:
            raise OptionError("margin", f"{margin} px on each side leave nothing of {foreground.glimpse.size} px")
        self.dims, self.sigma, self.margin, self.boundary = dims, sigma, margin, boundary
        self.foreground, self.background = foreground, background

    def infer(self, image: Tensor, step: int, *, mode: bool = False, hard: bool = False) -> Inference:
        """(B, C, H, W) → one pass with a sample of every posterior; arguments as for `Foreground.infer`."""
        seen = self.foreground.infer(image, step, mode=mode, hard=hard)
        return Inference(seen, self.foreground.paint(seen.latents), self.background.infer(image, mode=mode))

    def log_likelihood(self, image: Tensor, found: Inference) -> Tensor:
        """(B,): log p(x | z) of an inference, in nats per image."""
        painting, behind = found.painting, found.segments
        return foreground_mixture_log_likelihood(
            image, painting.image, painting.alpha, behind.images, behind.log_masks, sigma=self.sigma
        )

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → log-likelihood, the KLs of both modules, the boundary loss."""
        found = self.infer(image, step)
        seen, behind = found.seen, found.segments
        q, p, z = seen.posterior, self.foreground.prior(step), seen.latents
        assert behind.mask_posterior is not None
        assert behind.posterior is not None
        kl = {
            "presence": divergence(q.presence, p.presence, z.presence),
            "where": per_image(z.presence * elementwise_divergence(q.where, p.where, seen.where)),
            "depth": per_image(z.presence * elementwise_divergence(q.depth, p.depth, z.depth)),
            "what": per_image(z.presence * elementwise_divergence(q.what, p.what, z.what)),
            "mask": divergence(
                behind.mask_posterior, self.background.prior_of_masks(behind.mask_codes), behind.mask_codes
            ),
            "component": divergence(behind.posterior, self.background.prior(behind.mask_codes), behind.codes),
        }
        weight = self.boundary(step)
        edges = torch.zeros_like(kl["presence"])
        if weight != 0:
            presence, where = (rearrange(x, "b h w d -> b (h w) d") for x in (z.presence, z.where))
            glimpse = self.foreground.glimpse.size
            edges = weight * boundary_loss(found.painting.alpha, presence.squeeze(-1), where, glimpse, self.margin)
        there = per_image((q.presence.logits.detach() > 0).float())
        return Terms(self.log_likelihood(image, found), kl, {"boundary": edges}, {"objects": there})

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """Sample `n` pictures: every latent from its prior, as of the end of training.

        The prior knows nothing of arrangement: cells are independent, and few of them hold anything.
        """
        latents = self.foreground.sample(n, FINAL_STEP)
        prior = self.foreground.prior(FINAL_STEP).presence
        confidence = prior.probs.expand_as(latents.presence)
        return self._scene(latents, confidence, self.foreground.paint(latents), self.background.sample(n))

    @torch.no_grad()
    def render(self, latents: SymbolicLatents, background: Tensor) -> Rendering:
        """The picture of a symbolic map in front of the segments of z^b (B, K * (M + Z)), as `Scene.background`."""
        codes, mask = rearrange(background, "b (k z) -> b k z", k=self.background.count), self.background.mask
        behind = self.background.decode(codes[..., :mask], codes[..., mask:])
        return self._rendering(self.foreground.paint(latents), behind)

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the scene of the posteriors' modes."""
        found = self.infer(image, FINAL_STEP, mode=True, hard=True)
        confidence = found.seen.posterior.presence.logits.sigmoid()
        return self._scene(found.seen.latents, confidence, found.painting, found.segments)

    @torch.no_grad()
    def objects(self, image: Tensor) -> Objects:
        """(B, C, H, W) → box, confidence and code of every cell (N = G * G)."""
        seen = self.foreground.infer(image, FINAL_STEP, mode=True, hard=True)
        return self._objects(seen.latents, seen.posterior.presence.logits.sigmoid())

    @torch.no_grad()
    def components(self, image: Tensor) -> Components:
        """(B, C, H, W) → every cell's object (N = G * G), then the K segments behind; their masks sum to one."""
        found = self.infer(image, FINAL_STEP, mode=True, hard=True)
        objects = self.foreground.layers(found.seen.latents)
        looks = (objects.images / objects.alphas.clamp(min=1e-6)).clamp(0, 1)
        masks = objects.shares * objects.alphas
        behind = (1 - masks.sum(1, keepdim=True)) * found.segments.log_masks.exp()[:, :, None]
        names = (
            *(f"object {i + 1}" for i in range(looks.shape[1])),
            *(f"background {k + 1}" for k in range(self.background.count)),
        )
        return Components(torch.cat([looks, found.segments.images], 1), torch.cat([masks, behind], 1), names)

    @torch.no_grad()
    def complete(self, scene: Scene, keep: Sequence[int]) -> Completion:
        """One scene with some objects kept and the others sampled, before the same background: the cells of this model
        are independent.

        Raises:
            EditError: there is no such object, or this is no single scene with symbols.
        """
        return Completion(around(scene, kept_cells(scene, keep), self.sample(1)), 1, 1.0, exact=True)

    def in_front(self, depth: Tensor, cell: int, others: Sequence[int]) -> Tensor:
        """(N,) → (N,): depths that bring one cell's object before the others.

        Of objects that are nearer than all but the nearest tenth, the weights are made smaller by one factor.
        """
        weights = (-depth.double()).sigmoid()
        nearest = max((float(weights[other]) for other in others), default=0.0)
        weights = weights * min(1.0, MOST_BEHIND / max(nearest, MOST_BEHIND))
        weights[cell] = 1 - 1e-6
        return -weights.clamp(min=1e-30).logit().to(depth)

    @torch.no_grad()
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log importance weight of one posterior sample, in nats.

        With `exact`, z^pres is sampled from its Bernoulli; what an absent object would be like does not touch the image
        and drops out, so the estimate is a true lower bound on average. Without, presence is relaxed at the final
        temperature, weighs the other latents, and counts by its discrete mass: a heuristic.
        """
        found = self.infer(image, FINAL_STEP, hard=exact)
        seen, behind = found.seen, found.segments
        q, p, z = seen.posterior, self.foreground.prior(FINAL_STEP), seen.latents
        assert behind.mask_posterior is not None
        assert behind.posterior is not None
        ratio = per_image(
            bernoulli_log_mass(p.presence.logits, z.presence) - bernoulli_log_mass(q.presence.logits, z.presence)
        )
        pairs = ((q.where, p.where, seen.where), (q.depth, p.depth, z.depth), (q.what, p.what, z.what))
        for posterior, prior, value in pairs:
            ratio = ratio + per_image(z.presence * (prior.log_prob(value) - posterior.log_prob(value)))
        masks, codes = behind.mask_codes, behind.codes
        ratio = ratio + log_prob(self.background.prior_of_masks(masks), masks) - log_prob(behind.mask_posterior, masks)
        ratio = ratio + log_prob(self.background.prior(masks), codes) - log_prob(behind.posterior, codes)
        return self.log_likelihood(image, found) + ratio

    def _objects(self, latents: SymbolicLatents, confidence: Tensor) -> Objects:
        def rows(x: Tensor) -> Tensor:
            return rearrange(x, "b h w d -> b (h w) d")

        return Objects(
            boxes=rows(to_pixels(latents.where, self.dims.size)),
            confidence=rows(confidence).squeeze(-1),
            present=rows(latents.presence).squeeze(-1) > 0.5,
            what=rows(latents.what),
            depth=rows(latents.depth).squeeze(-1),
        )

    def _scene(self, latents: SymbolicLatents, confidence: Tensor, painting: Painting, behind: Segments) -> Scene:
        rendering = self._rendering(painting, behind)
        return Scene(
            image=rendering.image.clamp(0, 1),
            objects=self._objects(latents, confidence),
            latents=latents,
            background=torch.cat([behind.mask_codes, behind.codes], -1).flatten(1),
            rendering=rendering,
            maker=weakref.ref(self),
        )

    def _rendering(self, painting: Painting, behind: Segments) -> Rendering:
        image = painting.image + (1 - painting.alpha) * behind.image
        return Rendering(image, painting.image, painting.alpha, behind.image)

"""What SPACE asks of its two modules."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from einops import rearrange
from gnm_core.contracts import Contract, GlimpseDecoder
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from torch import Tensor, nn
from torch.distributions import Normal

from gnm_baselines.space.painting import Layers, Painting, layers, paint


@dataclass(frozen=True)
class Seen:
    """What the foreground makes of a batch of images."""

    posterior: SymbolicDistribution
    """q(z | x); `where` is over (B, G, G, 4), before its transform."""
    where: Tensor
    """(B, G, G, 4): sample of z^where before its transform."""
    latents: SymbolicLatents
    """Sample of everything; its `where` is (width, height, x, y) in the image frame [-1, 1]."""


class Foreground(Contract, nn.Module):
    """Objects in cells: what is where in an image, and what it looks like."""

    kind = "foreground"
    describes = "objects in cells, for SPACE"

    glimpse: GlimpseDecoder
    """Paints what is in a box: appearance, then alpha."""
    size: int
    """H = W, in pixels."""

    @abstractmethod
    def prior(self, step: int) -> SymbolicDistribution:
        """What objects are like before any image is seen, as of training step `step`; for the KLs and for sampling.

        Each broadcasts to (B, G, G, D); presence is a Bernoulli, `where` is before its transform.
        """

    @abstractmethod
    def infer(self, image: Tensor, step: int, *, mode: bool = False, hard: bool = False) -> Seen:
        """(B, C, H, W) → the objects in each image.

        Args:
            image: pictures in [0, 1].
            step: training step, for the temperature.
            mode: take means instead of samples.
            hard: presence is 0 or 1 (its mode, or a Bernoulli sample).
        """

    @abstractmethod
    def sample(self, n: int, step: int) -> SymbolicLatents:
        """Objects of `n` scenes, from the prior as of training step `step`."""

    def paint(self, latents: SymbolicLatents) -> Painting:
        """All objects together; absent ones are not decoded when no gradient is asked for."""
        return paint(*self._rows(latents), self.size)

    def layers(self, latents: SymbolicLatents) -> Layers:
        """Every object by itself, row by row of the grid."""
        return layers(*self._rows(latents), self.size)

    def _rows(self, latents: SymbolicLatents) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        what, presence, depth, where = (
            rearrange(x, "b h w d -> b (h w) d") for x in (latents.what, latents.presence, latents.depth, latents.where)
        )
        codes = rearrange(what, "b n d -> (b n) d")
        there = presence.flatten() > 0
        if torch.is_grad_enabled() or bool(there.all()):
            glimpses = self.glimpse(codes)
        else:
            side = self.glimpse.size
            present = self.glimpse(codes[there]) if bool(there.any()) else None
            channels = present.shape[1] if present is not None else self.glimpse(codes[:1]).shape[1]
            glimpses = codes.new_zeros(len(codes), channels, side, side)
            if present is not None:
                glimpses[there] = present
        glimpses = rearrange(glimpses, "(b n) c h w -> b n c h w", n=what.shape[1])
        return glimpses, presence.squeeze(-1), depth.squeeze(-1), where


@dataclass(frozen=True)
class Segments:
    """K segments of the background of each image."""

    mask_codes: Tensor
    """(B, K, M)."""
    codes: Tensor
    """(B, K, Z)."""
    log_masks: Tensor
    """(B, K, H, W); the masks sum to one."""
    images: Tensor
    """(B, K, C, H, W) in [0, 1]: what each segment looks like."""
    mask_posterior: Normal | None = None
    """q(z^m | x) over (B, K, M); None when generated."""
    posterior: Normal | None = None
    """q(z^c | x, m) over (B, K, Z); None when generated."""

    @property
    def image(self) -> Tensor:
        """(B, C, H, W): all segments together."""
        return (self.log_masks.exp()[:, :, None] * self.images).sum(1)


class Background(Contract, nn.Module):
    """Segments behind the objects: K masks that sum to one, and what each of them looks like."""

    kind = "background"
    describes = "segments behind the objects, for SPACE"

    count: int
    """K."""
    mask: int
    """M, numbers in a mask code."""

    @abstractmethod
    def prior_of_masks(self, mask_codes: Tensor) -> Normal:
        """(B, K, M) → p(z^m) over (B, K, M): each code's distribution given those before it."""

    @abstractmethod
    def prior(self, mask_codes: Tensor) -> Normal:
        """(B, K, M) → p(z^c | z^m) over (B, K, Z), for training and for sampling."""

    @abstractmethod
    def infer(self, image: Tensor, *, mode: bool = False) -> Segments:
        """(B, C, H, W) → the segments of each image, with a sample (with `mode`: the mean) of every posterior."""

    @abstractmethod
    def sample(self, n: int) -> Segments:
        """The segments of `n` backgrounds, from the priors."""

    @abstractmethod
    def decode(self, mask_codes: Tensor, codes: Tensor) -> Segments:
        """(B, K, M), (B, K, Z) → the segments that the codes stand for."""

"""Likelihoods of images under mixtures over components."""

from math import log, pi

import torch
from torch import Tensor


def mixture_log_likelihood(image: Tensor, components: Tensor, log_masks: Tensor, sigma: float) -> Tensor:
    """(B,): log sum_k m_k Normal(x; x_k, sigma) of every pixel, summed over pixels, in nats per image.

    A pixel as a whole belongs to one component: the Normal is over all of its channels.

    Args:
        image: x (B, C, H, W).
        components: x_k (B, K, C, H, W).
        log_masks: log m_k (B, K, H, W); the masks sum to one over K.
        sigma: standard deviation of a channel.
    """
    squared = (image[:, None] - components).square().sum(2)
    pixels = (log_masks - squared * (0.5 / sigma**2)).logsumexp(1)
    return pixels.flatten(1).sum(1) - image[0].numel() * (log(sigma) + 0.5 * log(2 * pi))


def foreground_mixture_log_likelihood(
    image: Tensor, foreground: Tensor, alpha: Tensor, components: Tensor, log_masks: Tensor, *, sigma: float
) -> Tensor:
    """(B,): log (alpha N(x; foreground) + (1 - alpha) sum_k m_k N(x; x_k)), per channel and pixel, summed, in nats.

    Every channel of a pixel chooses for itself (SPACE). alpha is kept within [1e-5, 1 - 1e-5].

    Args:
        image: x (B, C, H, W).
        foreground: (B, C, H, W), already weighted by alpha.
        alpha: (B, 1, H, W).
        components: x_k (B, K, C, H, W).
        log_masks: log m_k (B, K, H, W); the masks sum to one over K.
        sigma: standard deviation of a channel.
    """
    precision = 0.5 / sigma**2
    behind = (log_masks[:, :, None] - (image[:, None] - components).square() * precision).logsumexp(1)
    alpha = alpha.clamp(1e-5, 1 - 1e-5)
    front = alpha.log() - (image - foreground).square() * precision
    either = torch.logaddexp(front, behind + (-alpha).log1p())
    return either.flatten(1).sum(1) - image[0].numel() * (log(sigma) + 0.5 * log(2 * pi))

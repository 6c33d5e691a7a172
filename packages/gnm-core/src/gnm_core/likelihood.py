"""Likelihoods of images."""

from math import log, pi

from torch import Tensor


def gaussian_log_likelihood(image: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """(B,): log Normal(image; mean, sigma), summed over channels and pixels, in nats per image."""
    pixels = image[0].numel()
    squared = (image - mean).square().flatten(1).sum(1)
    return squared * (-0.5 / sigma**2) - pixels * (log(sigma) + 0.5 * log(2 * pi))

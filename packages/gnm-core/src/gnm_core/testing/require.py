"""What a part's outputs must be, and the error where they are not."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from gnm_core.distributions import log_prob


class ConformanceError(AssertionError):
    """A part does not keep its contract; the text says which promise it breaks and how."""


def require(condition: bool, message: str) -> None:
    """See that a promise is kept.

    Raises:
        ConformanceError: it is not; the text says which.
    """
    if not condition:
        raise ConformanceError(message)


def require_shape(name: str, value: Tensor, *shape: int) -> None:
    """See that a tensor has a shape and is finite."""
    require(tuple(value.shape) == shape, f"{name} has shape {tuple(value.shape)}; expected {shape}")


def require_length(name: str, values: Sequence[object], count: int) -> None:
    """See that there are so many."""
    require(len(values) == count, f"{name}: there are {len(values)}; expected {count}")


def require_unit(name: str, value: Tensor) -> None:
    """See that every number lies in [0, 1]."""
    low, high = value.min().item(), value.max().item()
    require(low >= 0 and high <= 1, f"{name} lies in [{low:g}, {high:g}]; expected [0, 1]")


def require_close(name: str, value: Tensor, expected: Tensor) -> None:
    """See that a tensor is what it should be, but for rounding."""
    gap = (value - expected).abs().max().item()
    require(gap <= 1e-4, f"{name} is off by {gap:g}")


def require_distribution(name: str, value: object) -> None:
    """See that something is a distribution."""
    require(isinstance(value, Distribution), f"{name} is a {type(value).__name__}; expected a Distribution")


def distribution_of_shape(name: str, distribution: Distribution, *shape: int) -> Tensor:
    """A sample, after checking its shape."""
    require_distribution(name, distribution)
    sample = distribution.sample()
    require_shape(f"a sample of {name}", sample, *shape)
    density = distribution.log_prob(sample)
    require(bool(density.isfinite().all()), f"the log-density of a sample of {name} is not finite")
    return sample


def require_broadcast(name: str, distribution: Distribution, shape: torch.Size) -> None:
    """See that a distribution broadcasts to a shape."""
    require_distribution(name, distribution)
    own = distribution.batch_shape + distribution.event_shape
    try:
        fits = torch.broadcast_shapes(own, shape) == shape
    except RuntimeError:
        fits = False
    require(fits, f"{name} has shape {tuple(own)}, which does not broadcast to {tuple(shape)}")


def log_densities(distributions: Sequence[Distribution], scene: Tensor) -> Tensor:
    """The log-density of each step's code under its distribution."""
    pairs = zip(distributions, scene.unbind(1), strict=True)  # of any event: a flow's or a mixture's is the vector
    return torch.stack([log_prob(distribution, code) for distribution, code in pairs], dim=1)

"""Is this a batch of images, as a model takes them?"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from gnm_core.dims import Dims
from gnm_core.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")


def require_images(image: object, dims: Dims) -> None:
    """See that `image` is (B, C, H, W) in [0, 1] of the sizes in `dims`.

    Raises:
        OptionError: it is of another type, shape or range; the text says how to mend it.
    """
    if not (isinstance(image, Tensor) and image.is_floating_point()):
        what = f"a tensor of {image.dtype}" if isinstance(image, Tensor) else f"a {type(image).__name__}"
        raise OptionError("image", f"{what}; expected a tensor of floats in [0, 1], such as `pixels.float() / 255`")
    expected = (dims.channels, dims.size, dims.size)
    if image.ndim != 4 or tuple(image.shape[1:]) != expected:
        raise OptionError(
            "image", f"has shape {tuple(image.shape)}; this model takes {('B', *expected)}".replace("'", "")
        )
    if image.numel() == 0:
        return
    low, high = (float(value) for value in torch.aminmax(image.detach()))
    if not (low >= 0 and high <= 1):  # NaN fails too
        hint = "; divide by 255" if 1 < high <= 255 and low >= 0 else ""
        raise OptionError("image", f"holds values from {low:g} to {high:g}; expected 0 to 1{hint}")


def checked(method: Callable[Concatenate[Any, Tensor, P], R]) -> Callable[Concatenate[Any, Tensor, P], R]:
    """A model's method that takes images, with its images checked first."""

    @wraps(method)
    def checking(self: Any, image: Tensor, /, *rest: P.args, **options: P.kwargs) -> R:
        require_images(image, self.dims)
        return method(self, image, *rest, **options)

    return checking

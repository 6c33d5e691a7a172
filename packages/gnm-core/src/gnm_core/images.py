"""What users hand to a model, checked before its own code sees it: batches of images, and numbers of scenes."""

from collections.abc import Callable
from functools import wraps
from operator import index
from typing import Any, Concatenate, ParamSpec, SupportsIndex, TypeVar, cast

import torch
from torch import Tensor

from gnm_core.batched import mapped
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.evaluation_mode import observing

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
    shape = tuple(image.shape)
    if image.ndim != 4 or shape[1:] != expected:
        taken = str(("B", *expected)).replace("'", "")
        raise OptionError("image", f"has shape {shape}; this model takes {taken}{_mended(shape, dims)}")
    if len(image) == 0:
        return
    low, high = (float(value) for value in torch.aminmax(image.detach()))
    if not (low >= 0 and high <= 1):  # NaN fails too
        hint = ""
        if low >= 0 and 1 < high <= 255:
            hint = "; divide by 255"
        elif -1 <= low < 0 and high <= 1:
            hint = "; for values from -1 to 1 that is (image + 1) / 2"
        raise OptionError("image", f"holds values from {low:g} to {high:g}; expected 0 to 1{hint}")


def _mended(shape: tuple[int, ...], dims: Dims) -> str:
    """How to bring images into shape; empty where nothing is near."""
    channels, square = dims.channels, (dims.size, dims.size)
    resized = f"torch.nn.functional.interpolate(image, size={dims.size}, mode='bilinear', antialias=True) resizes"
    ways = {
        shape == (channels, *square): "a single image becomes a batch by image[None]",
        shape[1:] == (*square, channels): "channels come first: image.permute(0, 3, 1, 2)",
        shape[1:] == (1, *square) and channels == 3: "grey becomes RGB by image.expand(-1, 3, -1, -1)",
        shape[1:] == (3, *square) and channels == 1: "RGB becomes grey by image.mean(1, keepdim=True)",
        len(shape) == 4 and shape[1] == channels: resized,
    }
    return f"; {ways[True]}" if True in ways else ""


def checked(method: Callable[Concatenate[Any, Tensor, P], R]) -> Callable[Concatenate[Any, Tensor, P], R]:
    """A model's method that takes images: they are checked first, and made numbers of the model's kind where it is.

    With `device=`, the model itself goes there before; the results stay there. Of no images at all there is an empty
    result, whatever the model.

    Raises:
        OptionError: the images are no such batch, or there is no such device.
    """

    @wraps(method)
    def checking(self: Any, image: Tensor, /, *rest: P.args, **options: P.kwargs) -> R:
        require_images(image, self.dims)
        device = options.pop("device", None)
        if device is not None:
            _move(self, device)
        image = image.to(next(self.parameters(), image))
        if len(image):
            return method(self, image, *rest, **options)
        black = image.new_zeros(1, *image.shape[1:])
        return _none(self, lambda: method(self, black, *rest, **options))

    return checking


def counted(method: Callable[Concatenate[Any, int, P], R]) -> Callable[Concatenate[Any, int, P], R]:
    """A model's method that makes so many scenes: 0 or more of them, and of 0 an empty result, whatever the model.

    Raises:
        OptionError: it is not such a number.
    """

    @wraps(method)
    def counting(self: Any, n: int, *rest: P.args, **options: P.kwargs) -> R:
        if isinstance(n, bool) or not isinstance(n, SupportsIndex) or index(n) < 0:
            raise OptionError("n", f"must be a whole number of scenes, 0 or more, not {n!r}")
        return method(self, index(n), *rest, **options) if n else _none(self, lambda: method(self, 1, *rest, **options))

    return cast(Callable[Concatenate[Any, int, P], R], counting)  # by its keyword too


def _none(model: Any, one: Callable[[], R]) -> R:
    """A batch of one without the one; the model and torch's random state stay as they are."""
    with observing(model):
        return mapped(one(), lambda tensor: tensor[:0])


def _move(model: Any, device: Any) -> None:
    try:
        model.to(device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise OptionError("device", f"{device!r} cannot be used: {' '.join(str(error).split())}") from None

"""One layer of a stack as C knows it: its sizes, `struct layer` of `csrc/layer.h`, and its parameters."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from enum import IntEnum
from functools import lru_cache

from torch import Tensor

LARGEST_KERNEL = 32
"""As in `products.h`."""
MOST_CHANNELS = 2048
"""Of a layer's input and of its convolution's output: a vector for each of them lies on the stack."""


class Epilogue(IntEnum):
    """What stands behind a convolution and its pixel shuffle."""

    NOTHING = 0
    CELU_AND_NORM = 1
    SIGMOID = 2


@dataclass(frozen=True)
class Geometry:
    """One layer's sizes: `struct layer` of `layer.h`, in its order."""

    height: int
    """Of the image that it is given, like `width` and `inputs`."""
    width: int
    inputs: int
    kernel: int
    """At most `LARGEST_KERNEL`; 0: it is given what a convolution has made, channels ordered (r, r, C)."""
    stride: int
    padding: int
    """Less than the kernel."""
    upscale: int
    """r."""
    channels: int
    """C, of the image that it makes."""
    epilogue: Epilogue
    """Only the last layer of a stack may end in something else than CELU and norm."""
    half: bool = False
    """Whether its products may be rounded to bfloat16, which some processors make in a third of the time."""

    @property
    def made(self) -> tuple[int, int, int]:
        """Height, width and channels of the image that it makes."""
        kernel = self.kernel or 1
        height, width = ((side + 2 * self.padding - kernel) // self.stride + 1 for side in (self.height, self.width))
        return self.upscale * height, self.upscale * width, self.channels

    @property
    def kept(self) -> int:
        """Numbers of each image that are kept for the backward pass."""
        height, width, channels = self.made
        return height * width * channels if self.epilogue is Epilogue.CELU_AND_NORM else 0


@dataclass(frozen=True)
class NativeLayer:
    """One layer: its sizes, and its parameters of 32 bits, contiguous, as torch orders them."""

    geometry: Geometry
    weight: Tensor | None
    """(r * r * C, inputs, kernel, kernel); None with a kernel of 0."""
    bias: Tensor | None
    """(r * r * C,); None with a kernel of 0."""
    scale: Tensor | None
    """(C,) of the norm; None without one."""
    shift: Tensor | None
    """(C,) of the norm; None without one."""

    @property
    def parameters(self) -> tuple[Tensor | None, ...]:
        """All four."""
        return self.weight, self.bias, self.scale, self.shift


def as_numbers(geometries: Sequence[Geometry]) -> list[int]:
    """All sizes in a row, as C and torch's operators take them."""
    return [int(number) for one in geometries for number in astuple(one)]


def from_numbers(numbers: Sequence[int]) -> tuple[Geometry, ...]:
    """The inverse of `as_numbers`."""
    return _from_numbers(tuple(numbers))


@lru_cache(maxsize=256)
def _from_numbers(numbers: tuple[int, ...]) -> tuple[Geometry, ...]:
    each, found = len(fields(Geometry)), []
    for i in range(0, len(numbers), each):
        *sides, epilogue, half = numbers[i : i + each]
        height, width, inputs, kernel, stride, padding, upscale, channels = sides
        given = (height, width, inputs, kernel, stride, padding, upscale, channels)
        found.append(Geometry(*given, Epilogue(epilogue), bool(half)))
    return tuple(found)

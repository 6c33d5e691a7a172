"""Stacks of convolutions of many shapes, and how a way to compute them is compared with PyTorch's."""

from collections.abc import Callable

import pytest
import torch
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import LAYERS
from gnm_core.native.conv_stack import conv_stack
from torch import Tensor, nn

native = pytest.mark.skipif(not LAYERS.can_take(), reason=f"no layers in C: {LAYERS.why_not()}")


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int | None = None) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if padding is None else padding),
        CeluNorm2d(outputs),
    ]


def subpixel(inputs: int, outputs: int, kernel: int, upscale: int) -> list[nn.Module]:
    return [SubpixelConv(inputs, outputs, kernel, upscale), CeluNorm2d(outputs)]


STACKS: dict[str, tuple[Callable[[], list[nn.Module]], tuple[int, int, int]]] = {
    "encoder": (lambda: [*conv(1, 16, 4, 2, 1), *conv(16, 16, 3), *conv(16, 32, 4, 2, 1)], (1, 16, 16)),
    "glimpse": (
        lambda: [
            *(*subpixel(5, 64, 1, 4), *subpixel(64, 16, 1, 2), *subpixel(16, 8, 3, 1)),
            *(SubpixelConv(8, 1, 3, 1), nn.Sigmoid()),
        ],
        (5, 1, 1),
    ),
    "background": (
        lambda: [*subpixel(3, 8, 1, 4), *subpixel(8, 5, 1, 2), SubpixelConv(5, 3, 3, 1), nn.Sigmoid()],
        (3, 1, 1),
    ),
    "a kernel on one pixel": (lambda: [*subpixel(7, 24, 3, 2), SubpixelConv(24, 4, 3, 2), nn.Sigmoid()], (7, 1, 1)),
    "an oblong": (lambda: [*conv(3, 33, 3), *conv(33, 7, 5, 2), *conv(7, 20, 1)], (3, 10, 13)),
    "a norm of one number": (lambda: [*conv(2, 3, 5, 1, 0), *conv(3, 1, 1)], (2, 7, 7)),
    "a stride of three": (lambda: [*conv(2, 12, 5, 3, 2), *conv(12, 17, 3, 3, 0)], (2, 17, 19)),
    "a stride beyond the kernel": (lambda: [*conv(2, 9, 2, 3, 0), *conv(9, 4, 1, 2)], (2, 14, 11)),
    "nothing behind the last": (lambda: [*conv(4, 16, 3), nn.Conv2d(16, 6, 3, padding=1)], (4, 6, 6)),
    "three times as large": (lambda: [*subpixel(4, 5, 3, 3), SubpixelConv(5, 2, 3, 3), nn.Sigmoid()], (4, 3, 5)),
    "few outputs, many inputs": (
        lambda: [*conv(1, 48, 3), *conv(48, 6, 3, 2), *conv(6, 32, 3), nn.Conv2d(32, 4, 1)],
        (1, 9, 9),
    ),
    "channels that fill tiles": (
        lambda: [*conv(16, 24, 3), *conv(24, 40, 4, 2, 1), *conv(40, 8, 3), nn.Conv2d(8, 16, 3, padding=1)],
        (16, 11, 14),
    ),
    "several bands": (
        lambda: [*conv(16, 16, 3), *conv(16, 16, 4, 2, 1), *subpixel(16, 8, 3, 2), nn.Conv2d(8, 8, 5, 1, 2)],
        (16, 61, 40),
    ),
    "one convolution": (lambda: [nn.Conv2d(3, 5, 3)], (3, 8, 8)),
}


def stack_and_images(name: str, batch: int) -> tuple[ConvStack, Tensor]:
    torch.manual_seed(0)
    modules, size = STACKS[name]
    stack = ConvStack(*modules())
    for module in stack:
        if isinstance(module, CeluNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return stack, torch.randn(batch, *size)


def in_c(stack: ConvStack, x: Tensor) -> Tensor:
    made = conv_stack(stack, x)
    assert made is not None
    return made


def value_and_gradients(run: Callable[[Tensor], Tensor], stack: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    made = run(x)
    towards = torch.randn(made.shape, generator=torch.Generator().manual_seed(1)).to(made.dtype)
    return [made.detach(), *torch.autograd.grad((made * towards).sum(), [x, *stack.parameters()])]


def assert_near(ours: list[Tensor], exact: list[Tensor]) -> None:
    """Within what sums of so many float32 numbers lose, measured against the largest of each tensor.

    A bias before a norm has a gradient whose terms cancel: of them a few roundings of numbers near 10 may be left.
    """
    for one, other in zip(ours, exact, strict=True):
        assert one.shape == other.shape
        assert (one.double() - other).abs().max() <= 3e-5 * other.abs().max() + 3e-6


def layers() -> ConvStack:
    torch.manual_seed(0)
    return ConvStack(*conv(2, 8, 3, 2), *subpixel(8, 4, 1, 2), SubpixelConv(4, 1, 3, 2), nn.Sigmoid())

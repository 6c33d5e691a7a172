"""What the stacks in C decline is left to PyTorch."""

import pytest
import torch
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import addresses
from gnm_core.native.conv_stack import conv_stack
from gnm_core.native.stack import lanes
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from .stacks import in_c, layers, native, stack_and_images


class Doubled(CeluNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_layers_with_hooks_or_another_forward_are_called_themselves() -> None:
    stack, called = layers(), []
    x = torch.ones(16, 2, 8, 8)
    for place in (2, 5):
        stack[place].register_forward_hook(lambda module, inputs, output: called.append(type(module)))
    plain = stack(x)
    assert called == [SubpixelConv, nn.Sigmoid]
    stack[3].__class__ = Doubled
    assert not torch.allclose(stack(x), plain)


@native
@pytest.mark.parametrize(
    "modules",
    [
        [nn.Conv2d(2, 4, 3, padding=1, groups=2), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3, padding=1, dilation=2), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, (3, 1)), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3, padding=3), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3, padding="same"), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3, bias=False), CeluNorm2d(4)],
        [nn.Conv2d(2, 4, 3), nn.GroupNorm(1, 4), nn.Conv2d(4, 3, 1)],
        [nn.Conv2d(2, 4, 3), nn.Sigmoid(), nn.Conv2d(4, 3, 1)],
        [nn.Linear(8, 8), CeluNorm2d(2)],
        [nn.Conv2d(2, 4, 33, padding=16), CeluNorm2d(4)],
    ],
)
def test_other_layers_are_left_to_pytorch(modules: list[nn.Module]) -> None:
    stack, x = ConvStack(*modules), torch.randn(16, 2, 8, 8)
    assert conv_stack(stack, x) is None
    torch.testing.assert_close(stack(x), nn.Sequential(*modules)(x))


@native
def test_a_few_images_are_left_to_pytorch() -> None:
    stack, x = stack_and_images("encoder", 64)
    assert conv_stack(stack, x[:1]) is None
    torch.set_num_threads(2)
    assert conv_stack(stack, x[: lanes() // 2]) is None
    assert conv_stack(stack, x[: 2 * lanes()]) is not None
    torch.testing.assert_close(stack(x)[:1], stack(x[:1]), rtol=1e-4, atol=1e-5)


@native
def test_images_that_do_not_fit_are_refused_by_pytorch() -> None:
    stack = layers()
    for size in ((3, 8, 8), (2, 0, 8)):
        with pytest.raises(RuntimeError):
            stack(torch.randn(16, *size))
    with pytest.raises(RuntimeError, match=r"[Dd]ouble"):
        stack(torch.randn(16, 2, 8, 8).double())
    assert stack(torch.randn(0, 2, 8, 8)).shape == (0, 1, 16, 16)


@native
def test_nothing_without_memory_reaches_them() -> None:
    stack, x = layers(), torch.randn(16, 2, 8, 8)
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert stack(mode.from_tensor(x)).shape == (16, 1, 16, 16)
    assert layers().to("meta")(x.to("meta")).shape == (16, 1, 16, 16)
    with pytest.raises(TypeError, match="contiguous tensors on the CPU"):
        addresses([torch.ones(4, 3).T])
    with pytest.raises(TypeError, match="32 bits"):
        addresses([torch.ones(4).double()])


@native
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_torchs_default_kind_of_number_does_not_matter(dtype: torch.dtype) -> None:
    stack, x = stack_and_images("glimpse", 16)
    expected = in_c(stack, x)
    torch.set_default_dtype(dtype)
    try:
        found = in_c(stack, x)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)


def surgery(stack: ConvStack) -> ConvStack:
    stack[0].weight = nn.Parameter(stack[0].weight[:4])
    stack[0].bias = nn.Parameter(stack[0].bias[:4])
    return stack


@native
def test_weights_are_believed_rather_than_what_their_layers_say() -> None:
    x = torch.randn(16, 2, 8, 8)
    cut = surgery(ConvStack(nn.Conv2d(2, 8, 3)))
    torch.testing.assert_close(cut(x), F.conv2d(x, cut[0].weight, cut[0].bias))
    short = ConvStack(nn.Conv2d(2, 4, 3), CeluNorm2d(4))
    short[1].bias = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match="do not fit"):
        short(x)
    with pytest.raises(RuntimeError, match=r"[Dd]ouble"), torch.autocast("cpu", torch.bfloat16):
        ConvStack(nn.Conv2d(2, 4, 1), nn.Sigmoid())(x.double())


@native
def test_very_many_channels_are_left_to_pytorch() -> None:
    stack = ConvStack(nn.Conv2d(1, 5000, 1), CeluNorm2d(5000))
    assert conv_stack(stack, torch.randn(16, 1, 2, 2)) is None


@native
def test_what_watches_torchs_operations_sees_them() -> None:
    stack, x = layers(), torch.randn(16, 2, 8, 8)
    with FlopCounterMode(display=False) as counter:
        stack(x)
    assert counter.get_total_flops() > 0
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
        assert stack(x).shape == (16, 1, 16, 16)
    seen: list[type] = []
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: seen.append(type(module)))
    stack(x)
    handle.remove()
    assert SubpixelConv in seen


@native
def test_hooks_may_move_what_is_kept() -> None:
    stack, x = stack_and_images("encoder", 16)
    expected = torch.autograd.grad(in_c(stack, x).sum(), list(stack.parameters()))

    def moved(saved: Tensor) -> Tensor:
        shifted = torch.empty(saved.numel() + 1, dtype=saved.dtype)
        return shifted[1:].view(saved.shape).copy_(saved)

    with torch.autograd.graph.saved_tensors_hooks(moved, lambda x: x):
        loss = in_c(stack, x).sum()
    for ours, other in zip(torch.autograd.grad(loss, list(stack.parameters())), expected, strict=True):
        assert torch.equal(ours, other)


@native
def test_a_result_may_be_changed_in_place_and_other_default_devices_do_not_matter() -> None:
    stack, x = stack_and_images("encoder", 16)
    expected = in_c(stack, x)
    with torch.device("meta"):
        assert torch.equal(in_c(stack, x), expected)
    assert torch.equal(in_c(stack, x).mul_(2), 2 * expected)

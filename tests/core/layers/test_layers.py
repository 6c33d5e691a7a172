"""The fast layers are the plain ones, and keep less for the backward pass."""

import pytest
import torch
from gnm_core.layers.celu_norm import CeluNorm1d, CeluNorm2d
from gnm_core.layers.smooth_over_levels import smooth_over_levels
from gnm_core.layers.stack import ConvStack
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.layers.within import SequencePerceptron
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F


def gradients(run: object, *leaves: Tensor) -> list[Tensor]:
    out = run()
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype)
    return [out.detach(), *torch.autograd.grad((out * weights).sum(), leaves)]


def agree(fast: list[Tensor], plain: list[Tensor]) -> None:
    for a, b in zip(fast, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(3, 5, 4, 4), (1, 1, 7, 3), (2, 16, 1, 1)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_celu_norm_2d_is_celu_then_group_norm(shape: tuple[int, ...], memory: torch.memory_format) -> None:
    torch.manual_seed(0)
    layer = CeluNorm2d(shape[1]).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = torch.randn(shape, dtype=torch.float64).to(memory_format=memory).requires_grad_()
    leaves = (x, layer.weight, layer.bias)
    plain = gradients(lambda: F.group_norm(F.celu(x), 1, layer.weight, layer.bias), *leaves)
    agree(gradients(lambda: layer(x), *leaves), plain)


def test_celu_norm_1d_is_celu_then_layer_norm() -> None:
    torch.manual_seed(0)
    layer = CeluNorm1d(7).double()
    x = torch.randn(2, 3, 7, dtype=torch.float64, requires_grad=True)
    leaves = (x, layer.weight, layer.bias)
    plain = gradients(lambda: F.layer_norm(F.celu(x), (7,), layer.weight, layer.bias), *leaves)
    agree(gradients(lambda: layer(x), *leaves), plain)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("upscale", [1, 2, 4])
@pytest.mark.parametrize("side", [1, 5])
def test_subpixel_convolution_is_convolution_then_shuffle(kernel: int, upscale: int, side: int) -> None:
    torch.manual_seed(0)
    layer = SubpixelConv(3, 2, kernel, upscale).double()
    x = torch.randn(2, 3, side, side, dtype=torch.float64, requires_grad=True)
    leaves = (x, layer.conv.weight, layer.conv.bias)
    agree(gradients(lambda: layer(x), *leaves), gradients(lambda: F.pixel_shuffle(layer.conv(x), upscale), *leaves))


def stack() -> ConvStack:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 8, 3, 2, 1), CeluNorm2d(8), SubpixelConv(8, 4, 1, 2), CeluNorm2d(4)]
    return ConvStack(*layers, SubpixelConv(4, 3, 3, 1), CeluNorm2d(3), nn.Conv2d(3, 1, 3, padding=1), nn.Sigmoid())


def test_a_stack_is_its_layers_one_after_the_other() -> None:
    layers = stack().double()
    x = torch.randn(2, 2, 16, 16, dtype=torch.float64, requires_grad=True)
    leaves = (x, *layers.parameters())
    agree(gradients(lambda: layers(x), *leaves), gradients(lambda: nn.Sequential.forward(layers, x), *leaves))


def test_a_stack_keeps_less_than_its_layers() -> None:
    def kept(run: object) -> int:
        storages = {}
        with saved_tensors_hooks(lambda t: storages.setdefault(t.untyped_storage().data_ptr(), t), lambda t: t):
            run()
        return sum(t.untyped_storage().nbytes() for t in storages.values())

    x = torch.randn(16, 8, 32, 32).contiguous(memory_format=torch.channels_last)
    layers = ConvStack(*[m for _ in range(4) for m in (nn.Conv2d(8, 8, 3, padding=1), CeluNorm2d(8))])
    assert kept(lambda: layers(x)) < 0.7 * kept(lambda: nn.Sequential.forward(layers, x))


@pytest.mark.parametrize("levels", [2, 3, 16, 128, 1024])
def test_functions_over_levels_are_as_spread_as_asked_and_the_smoother_the_more_levels(levels: int) -> None:
    torch.manual_seed(0)
    functions = smooth_over_levels(400, 6, levels=levels, std=0.5)
    assert functions.shape == (400, 6, levels)
    assert functions.std() == pytest.approx(0.5, rel=0.1)
    step = (functions[..., 1:] - functions[..., :-1]).std()
    assert step < 20 / levels * functions.std()


def test_a_prior_that_has_not_learnt_says_nearly_the_same_after_levels_next_to_each_other() -> None:
    torch.manual_seed(0)
    layer = SequencePerceptron(8, 2, 128, 16)
    said = layer(torch.randn(1, 8).expand(128, -1), torch.arange(128)[:, None].expand(-1, 2))[:, 1].log_softmax(-1)
    assert (said[1:] - said[:-1]).abs().mean() < 0.1 * (said[64:] - said[:64]).abs().mean()

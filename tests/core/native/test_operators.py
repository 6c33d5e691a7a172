"""Compiled functions are operators of torch: with a schema, sizes without numbers, and gradients."""

import subprocess
import sys

import gnm_core.native.celu_norm
import gnm_core.native.lstm
import gnm_core.native.rmsprop  # noqa: F401 (they define operators)
import pytest
import torch
from einops import rearrange
from gnm_core.fused.conv_stack import in_pairs
from gnm_core.layers.celu_norm import CeluNorm1d
from gnm_core.native.conv_stack import _described
from gnm_core.native.layer import as_numbers
from torch._subclasses import FakeTensorMode

from .stacks import in_c, layers, native, stack_and_images

pytestmark = [native, pytest.mark.filterwarnings("ignore:The .grad attribute")]  # of torch's own check


def leaf(*size: int) -> torch.Tensor:
    return torch.randn(*size).requires_grad_()


def check(operator: object, *arguments: object) -> None:
    torch.library.opcheck(operator, arguments)


def test_celu_norm_is_an_operator() -> None:
    check(torch.ops.gnm.celu_norm.default, leaf(3, 7), leaf(7), leaf(7), 1e-5)


def test_the_lstm_cell_is_an_operator() -> None:
    check(torch.ops.gnm.lstm_cell.default, leaf(3, 20), leaf(3, 5))


def test_rmsprop_is_an_operator() -> None:
    values, gradients, means = ([torch.rand(size) for size in (3, 40)] for _ in range(3))
    check(torch.ops.gnm.rmsprop_step.default, values, gradients, means, 0.1, 0.9, 1e-8)


@pytest.mark.parametrize("name", ["encoder", "three times as large", "nothing behind the last"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_stack_is_an_operator(name: str, keep: bool) -> None:
    """Its gradients are those of another operator."""
    stack, x = stack_and_images(name, 3)
    described = _described(list(in_pairs(stack.requires_grad_(False))), tuple(x.shape[1:]), False)
    assert described is not None
    parameters = [p for layer in described for p in layer.parameters if p is not None]
    rows = rearrange(x, "b c h w -> b h w c").contiguous()
    sizes = as_numbers([layer.geometry for layer in described])
    check(torch.ops.gnm.conv_stack.default, rows, parameters, sizes, 1e-5, keep)
    if keep:
        made, kept, statistics = torch.ops.gnm.conv_stack(rows, parameters, sizes, 1e-5, True)
        wanted = [i % 2 == 0 for i in range(1 + len(parameters))]
        given = (torch.randn_like(made), rows, made, parameters, sizes, kept, statistics, wanted)
        check(torch.ops.gnm.conv_stack_backward.default, *given)


def test_gradients_of_gradients_are_refused() -> None:
    layer = CeluNorm1d(4)
    x = leaf(2, 4)
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_without_numbers_there_are_sizes() -> None:
    stack, x = layers(), torch.randn(16, 2, 8, 8)
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert in_c(stack, x).shape == (16, 1, 16, 16)
        assert stack(mode.from_tensor(x)).shape == (16, 1, 16, 16)


def test_a_negative_view_is_the_numbers_that_it_shows() -> None:
    turned = torch.randn(2, 6, dtype=torch.complex64).conj().imag
    assert turned.is_neg()
    layer = CeluNorm1d(6)
    torch.testing.assert_close(layer(turned), layer(turned.resolve_neg()))


def test_torchs_compiler_is_not_imported() -> None:
    code = (
        "import sys, torch; from gnm_core.layers.celu_norm import CeluNorm1d\n"
        "x = torch.ones(2, 4, requires_grad=True); CeluNorm1d(4)(x).sum().backward()\n"
        "print(hasattr(torch.ops.gnm, 'celu_norm'), 'torch._dynamo' in sys.modules, 'triton' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False False\n"

"""The stacks in C compute what PyTorch computes, in value and gradient."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
from gnm_core import kernels
from gnm_core.layers.stack import ConvStack
from gnm_core.native.layer import Epilogue, Geometry, NativeLayer
from gnm_core.native.stack import has_tiles, lanes, run_stack
from torch import Tensor
from torch.nn import functional as F

from .stacks import STACKS, assert_near, in_c, layers, native, stack_and_images, value_and_gradients

pytestmark = native


@pytest.mark.parametrize("batch", [16, 13, 37])
@pytest.mark.parametrize("name", STACKS)
def test_value_and_gradients_are_pytorchs(name: str, batch: int) -> None:
    stack, x = stack_and_images(name, batch)
    found = value_and_gradients(lambda x: in_c(stack, x), stack, x)
    exact = ConvStack(*STACKS[name][0]()).double()
    exact.load_state_dict({key: value.double() for key, value in stack.state_dict().items()})
    assert_near(found, value_and_gradients(exact, exact, x.double()))


@pytest.mark.parametrize("name", STACKS)
def test_without_gradients_it_is_the_same(name: str) -> None:
    stack, x = stack_and_images(name, 20)
    with torch.no_grad():
        assert torch.equal(in_c(stack, x), in_c(stack, x))
        expected = in_c(stack, x)
    assert torch.equal(in_c(stack, x).detach(), expected)


@pytest.mark.parametrize("name", [name for name, (_, size) in STACKS.items() if size[1:] != (1, 1)])
def test_neither_threads_nor_neighbours_change_a_bit(name: str) -> None:
    stack, x = stack_and_images(name, 100)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(value_and_gradients(lambda x: in_c(stack, x), stack, x))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    torch.set_num_threads(1)
    few = value_and_gradients(lambda x: in_c(stack, x), stack, x[lanes() : 2 * lanes()])
    assert torch.equal(few[0], found[0][0][lanes() : 2 * lanes()])


@pytest.mark.parametrize("name", STACKS)
def test_under_autocast_products_may_be_rounded_but_nothing_else(name: str) -> None:
    stack, x = stack_and_images(name, 37)
    expected = value_and_gradients(lambda x: in_c(stack, x), stack, x)

    def rounded(x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return in_c(stack, x)

    found = value_and_gradients(rounded, stack, x)
    for ours, exact in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - exact).norm() <= 0.03 * exact.norm() + 1e-6


def test_tiles_are_used_where_there_are_some() -> None:
    stack, x = stack_and_images("channels that fill tiles", 16)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = in_c(stack, x)
        assert in_c(stack, x.bfloat16()).dtype == torch.float32
    assert torch.equal(rounded, in_c(stack, x)) != has_tiles()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("nan")])
@pytest.mark.parametrize("name", ["encoder", "glimpse", "nothing behind the last"])
@pytest.mark.parametrize("half", [False, True])
def test_what_is_not_finite_stays_so(bad: float, name: str, half: bool) -> None:
    stack, x = stack_and_images(name, 16)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        expected = in_c(stack, x)
        x[3, 0, 0, 0] = bad
        made = in_c(stack, x)
    assert not made[3].isfinite().any()
    others = torch.arange(16) != 3
    assert torch.equal(made[others], expected[others])


def test_every_number_has_the_celu_and_the_sigmoid_of_pytorch() -> None:
    x = torch.cat([torch.linspace(-120, 120, 100_001), torch.logspace(-30, 1, 1_000), -torch.logspace(-30, 1, 1_000)])
    x = x.repeat(lanes(), 1)
    picture = run_stack(x[:, None, :, None], [given(x.shape[1], Epilogue.SIGMOID)], 0.0)
    torch.testing.assert_close(picture[5, 0, 0], x[5].sigmoid(), rtol=1e-6, atol=1e-37)
    low = x[:, x[0] <= 1]
    rows = run_stack(low[:, None, :, None], [given(low.shape[1], Epilogue.CELU_AND_NORM)], 0.0)[5, 0, 0].double()
    celu = F.celu(low[5].double())
    torch.testing.assert_close(rows, (celu - celu.mean()) / celu.std(correction=0), rtol=1e-5, atol=1e-6)


def given(width: int, epilogue: Epilogue) -> NativeLayer:
    norm = epilogue is Epilogue.CELU_AND_NORM
    one, zero = (torch.ones(1), torch.zeros(1)) if norm else (None, None)
    return NativeLayer(Geometry(1, width, 0, 0, 1, 0, 1, 1, epilogue), None, None, one, zero)


@pytest.mark.parametrize("value", [0.1, -0.99, 30.0])
def test_a_large_image_loses_no_digits(value: float) -> None:
    """Of a constant image nothing is left, and a large mean is taken off before anything is squared."""
    layer = given(128 * 128, Epilogue.CELU_AND_NORM)
    torch.manual_seed(0)
    x = torch.randn(lanes(), 1, 128 * 128, 1)
    assert run_stack(torch.full_like(x, value), [layer], 1e-5).abs().max() < 5e-4
    expected = F.layer_norm(F.celu((x + value).double()).flatten(1), [128 * 128])
    found = run_stack(x + value, [layer], 1e-5).flatten(1).double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-5)


FREEDOM = list(product((False, True), repeat=4))
"""Whether the images, the first convolution, the norms and the other convolutions learn."""


@pytest.mark.parametrize("free", FREEDOM[1:], ids=lambda free: "".join("fl"[one] for one in free))
def test_whatever_is_frozen_the_gradients_are_the_same(free: tuple[bool, ...]) -> None:
    stack = layers()
    x = torch.randn(16, 2, 8, 8, requires_grad=free[0])
    for place, learns in zip((0, 1, 3, 2, 4), (free[1], free[2], free[2], free[3], free[3]), strict=True):
        stack[place].requires_grad_(learns)
    leaves = [leaf for leaf in (x, *stack.parameters()) if leaf.requires_grad]
    found = torch.autograd.grad(in_c(stack, x).square().sum(), leaves)
    with kernels.reference():
        expected = torch.autograd.grad(stack(x).square().sum(), leaves)
    for ours, other in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-5)


def test_where_nothing_learns_nothing_is_kept() -> None:
    stack, x = layers().requires_grad_(False), torch.randn(16, 2, 8, 8)
    assert in_c(stack, x).grad_fn is None


def test_weights_that_change_before_the_gradients_are_taken_are_noticed() -> None:
    stack = layers()
    loss = in_c(stack, torch.randn(16, 2, 8, 8)).sum()
    with torch.no_grad():
        stack[2].conv.weight.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, stack[0].weight)


@pytest.mark.skipif("avx512f" not in Path("/proc/cpuinfo").read_text(), reason="no wide vectors to do without")
def test_a_processor_with_narrower_vectors_computes_the_same(tmp_path: Path) -> None:
    """The value and gradients of every stack, at half the images at a time."""
    code = "\n".join(
        [
            "import sys, torch",
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
            "from stacks import STACKS, in_c, stack_and_images, value_and_gradients",
            "from gnm_core.native.stack import lanes",
            "torch.set_num_threads(1)",
            "found = {name: value_and_gradients(lambda x: in_c(stack, x), stack, x)",
            "         for name in STACKS for stack, x in [stack_and_images(name, 13)]}",
            f"torch.save((lanes(), found), {str(tmp_path / 'found.pt')!r})",
        ]
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "CC": "cc -mno-avx512f"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    narrow, found = torch.load(tmp_path / "found.pt", weights_only=True)
    assert narrow == lanes() // 2
    for name, ours in found.items():
        stack, x = stack_and_images(name, 13)
        assert_near(ours, [one.double() for one in value_and_gradients(lambda x, s=stack: in_c(s, x), stack, x)])

"""The layers in C compute what PyTorch computes, in value and gradient; without them, PyTorch does."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from gnm_core.layers.celu_norm import CeluNorm2d, celu_norm
from gnm_core.layers.stack import ConvStack
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import call, can_run
from gnm_core.native.celu_norm import NativeCeluNorm
from gnm_core.native.library import Unavailable, _cache, _openmp, library, why_not
from gnm_core.native.sigmoid_shuffle import NativeSigmoidShuffle
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F

SIZES = [
    *[(3, 4, 4, 1, 16), (2, 1, 1, 4, 64), (5, 8, 8, 2, 16), (1, 3, 5, 3, 7), (2, 1, 1, 1, 512), (4, 2, 3, 1, 1)],
    *[(2, 5, 5, 1, 33), (3, 2, 2, 2, 5), (7, 16, 16, 2, 8), (1, 1, 1, 1, 2)],
]
"""Images, height, width, upscale, channels."""

native = pytest.mark.skipif(library() is None, reason=f"no layers in C: {why_not()}")


def inputs(sizes: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    batch, height, width, upscale, channels = sizes
    torch.manual_seed(0)
    x = (2 * torch.randn(batch, height, width, upscale**2 * channels)).to(dtype)
    return x, 1 + torch.randn(channels), torch.randn(channels)


def plain(x: Tensor, weight: Tensor, bias: Tensor, upscale: int) -> Tensor:
    batch, height, width, channels = *x.shape[:3], len(weight)
    x = x.view(batch, height, width, upscale, upscale, channels).permute(0, 1, 3, 2, 4, 5)
    x = F.celu(x.reshape(batch, height * upscale, width * upscale, channels))
    return F.group_norm(x.permute(0, 3, 1, 2), 1, weight, bias).permute(0, 2, 3, 1)


def value_and_gradients(function: Callable[..., Tensor], *leaves: Tensor, upscale: int) -> list[Tensor]:
    leaves = tuple(leaf.clone().requires_grad_() for leaf in leaves)
    out = function(*leaves, upscale)
    towards = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    return [out.detach(), *torch.autograd.grad((out * towards).sum(), leaves)]


@native
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2)])
def test_value_and_gradients_are_those_of_celu_and_norm(
    sizes: tuple[int, ...], dtype: torch.dtype, near: float
) -> None:
    leaves, upscale = inputs(sizes, dtype), sizes[3]
    assert can_run(leaves[0])
    found = value_and_gradients(lambda *a: celu_norm(*a).rows, *leaves, upscale=upscale)
    expected = value_and_gradients(plain, *(leaf.double() for leaf in leaves), upscale=upscale)
    for ours, exact in zip(found, expected, strict=True):
        assert ours.dtype in (dtype, torch.float32)
        error, size = (ours.double() - exact).norm(), exact.norm()
        assert error <= near * size + near * ours.numel() ** 0.5, f"{error / size}"


@native
@pytest.mark.parametrize("sizes", SIZES)
def test_the_rows_can_be_made_again_and_without_gradients_are_the_same(sizes: tuple[int, ...]) -> None:
    x, weight, bias = inputs(sizes, torch.float32)
    normalised = celu_norm(x.requires_grad_(), weight, bias, sizes[3])
    assert torch.equal(normalised.again(), normalised.rows)
    with torch.no_grad():
        assert torch.equal(celu_norm(x, weight, bias, sizes[3]).rows, normalised.rows)


@native
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_a_picture_is_the_sigmoid_of_the_shuffled_pixels(
    sizes: tuple[int, ...], dtype: torch.dtype, near: float
) -> None:
    leaves, upscale = inputs(sizes, dtype)[:1], sizes[3]
    found = value_and_gradients(NativeSigmoidShuffle.apply, *leaves, upscale=upscale)
    expected = value_and_gradients(plain_picture, *(leaf.double() for leaf in leaves), upscale=upscale)
    for ours, exact in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=near, atol=near)


def plain_picture(x: Tensor, upscale: int) -> Tensor:
    batch, height, width = x.shape[:3]
    x = x.view(batch, height, width, upscale, upscale, -1).permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, height * upscale, width * upscale).sigmoid()


@native
def test_every_number_has_the_sigmoid_of_pytorch() -> None:
    x = torch.cat([torch.linspace(-120, 120, 100_001), torch.tensor([float("inf"), -float("inf"), float("nan")])])
    picture = NativeSigmoidShuffle.apply(x.view(1, 1, -1, 1), 1)
    torch.testing.assert_close(picture.flatten(), x.sigmoid(), rtol=1e-6, atol=1e-37, equal_nan=True)


@native
def test_every_number_has_the_celu_of_pytorch() -> None:
    x = torch.cat([torch.linspace(-120, 20, 100_001), torch.logspace(-30, 1, 1_000), -torch.logspace(-30, 1, 1_000)])
    x = x.view(1, 1, 1, -1).requires_grad_()
    one = torch.ones(x.numel())
    _, activation, _, _ = NativeCeluNorm.apply(x, one, 0 * one, 1, 1e-5, True)
    torch.testing.assert_close(activation.double(), F.celu(x.detach().double()), rtol=1e-6, atol=1.5e-7)


@native
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("nan")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_finite_stays_so(bad: float, dtype: torch.dtype) -> None:
    x, weight, bias = inputs((2, 2, 2, 2, 16), dtype)
    x[1, 1, 0, 3] = bad
    rows = celu_norm(x, weight, bias, 2).rows
    assert rows[0].isfinite().all()
    assert not rows[1].isfinite().any()


@native
def test_the_number_of_threads_changes_no_bit() -> None:
    leaves = inputs((7, 4, 4, 2, 16), torch.float32)
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(value_and_gradients(lambda *a: celu_norm(*a).rows, *leaves, upscale=2))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@native
@pytest.mark.parametrize("value", [0.1, -0.99, 30.0])
@pytest.mark.parametrize("sizes", [(1, 64, 64, 1, 64), (1, 32, 32, 4, 16)])
def test_a_large_image_loses_no_digits(sizes: tuple[int, ...], value: float) -> None:
    """Of a constant image nothing is left, and a large mean is taken off before anything is squared."""
    x, weight, bias = inputs(sizes, torch.float32)
    rows = celu_norm(torch.full_like(x, value), torch.ones_like(weight), torch.zeros_like(bias), sizes[3]).rows
    assert rows.abs().max() < 5e-4
    moved = x + value
    expected = plain(moved.double(), weight.double(), bias.double(), sizes[3])
    torch.testing.assert_close(celu_norm(moved, weight, bias, sizes[3]).rows.double(), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("channels", "weights", "shifts", "upscale"), [(6, 3, 3, 1), (32, 64, 64, 1), (4, 4, 1, 1), (4, 4, 4, 2)]
)
def test_channels_that_do_not_fit_are_refused(channels: int, weights: int, shifts: int, upscale: int) -> None:
    with pytest.raises(ValueError, match=f"{channels} channels.*do not fit"):
        celu_norm(torch.randn(2, 4, 4, channels), torch.ones(weights), torch.ones(shifts), upscale)


def layers() -> ConvStack:
    torch.manual_seed(0)
    norms = (CeluNorm2d(8), CeluNorm2d(4))
    stack = ConvStack(nn.Conv2d(2, 8, 3, 2, 1), norms[0], SubpixelConv(8, 4, 1, 2), norms[1], SubpixelConv(4, 1, 3, 2))
    stack.append(nn.Sigmoid())
    for norm in norms:
        nn.init.normal_(norm.weight)
    return stack


FREEDOM = list(product((False, True), repeat=4))
"""Whether the image, the first convolution, the norms and the other convolutions learn."""


@native
@pytest.mark.parametrize("free", FREEDOM[1:], ids=lambda free: "".join("fl"[one] for one in free))
def test_whatever_is_frozen_the_gradients_are_the_same(free: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    stack = layers()
    x = torch.randn(2, 2, 8, 8, requires_grad=free[0])
    for place, learns in zip((0, 1, 3, 2, 4), (free[1], free[2], free[2], free[3], free[3]), strict=True):
        stack[place].requires_grad_(learns)
    leaves = [leaf for leaf in (x, *stack.parameters()) if leaf.requires_grad]

    def gradients() -> tuple[Tensor, ...]:
        return torch.autograd.grad(stack(x).square().sum(), leaves)

    found = gradients()
    for module in ("celu_norm", "subpixel"):
        monkeypatch.setattr(f"gnm_core.layers.{module}.can_run", lambda *tensors: False)
    for ours, expected in zip(found, gradients(), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_weights_that_change_before_the_gradients_are_taken_do_not_change_them() -> None:
    stack = layers()
    stack[1].requires_grad_(False)
    x = torch.randn(2, 2, 8, 8)
    expected = torch.autograd.grad(stack(x).sum(), stack[2].conv.weight)
    loss = stack(x).sum()
    stack[1].weight.mul_(3)
    torch.testing.assert_close(torch.autograd.grad(loss, stack[2].conv.weight), expected)


def test_layers_with_hooks_or_another_forward_are_called_themselves() -> None:
    stack, called = layers(), []
    for place in (2, 5):
        stack[place].register_forward_hook(lambda module, inputs, output: called.append(type(module)))
    plain_result = stack(torch.ones(1, 2, 8, 8))
    assert called == [SubpixelConv, nn.Sigmoid]

    class Doubled(CeluNorm2d):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    stack[3].__class__ = Doubled
    assert not torch.allclose(stack(torch.ones(1, 2, 8, 8)), plain_result)


@native
def test_nothing_without_memory_reaches_them() -> None:
    stack, x = layers(), torch.randn(1, 2, 8, 8)
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert stack(mode.from_tensor(x)).shape == (1, 1, 16, 16)
    assert layers().to("meta")(x.to("meta")).shape == (1, 1, 16, 16)
    with pytest.raises(TypeError, match="contiguous tensors on the CPU"):
        call("celu_norm_again", torch.ones(4, 4).T)


@native
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_torchs_default_kind_of_number_does_not_matter(dtype: torch.dtype) -> None:
    leaves = inputs((3, 4, 4, 1, 16), torch.float32)
    expected = value_and_gradients(lambda *a: celu_norm(*a).rows, *leaves, upscale=1)
    torch.set_default_dtype(dtype)
    try:
        found = value_and_gradients(lambda *a: celu_norm(*a).rows, *leaves, upscale=1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(ours.dtype == torch.float32 for ours in found)
    assert torch.equal(found[0], expected[0])
    for ours, exact in zip(found[1:], expected[1:], strict=True):  # towards a direction drawn in other numbers
        assert ours.abs().max() < 10 * exact.abs().max()


def report(tmp_path: Path, **environment: str) -> CompletedProcess[str]:
    """What a fresh process with a cache of its own says of the layers, and that it can do without."""
    code = (
        "import torch; from gnm_core.native.library import why_not; from gnm_core.layers.celu_norm import CeluNorm2d;"
        "print(CeluNorm2d(3)(torch.ones(2, 3, 4, 4)).sum().item() == 0, why_not())"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in ("GNM_NATIVE", "CC")}
    found = {**inherited, "XDG_CACHE_HOME": str(tmp_path), **environment}
    return subprocess.run([sys.executable, "-c", code], env=found, capture_output=True, text=True, check=True)


def test_the_layers_can_be_switched_off(tmp_path: Path) -> None:
    assert report(tmp_path, GNM_NATIVE="0").stdout == "True GNM_NATIVE is 0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="they are for Linux")
def test_a_missing_compiler_is_said(tmp_path: Path) -> None:
    assert report(tmp_path, CC="nocc").stdout == "True there is no C compiler 'nocc'\n"


@native
def test_a_compiler_that_fails_is_said(tmp_path: Path) -> None:
    done = report(tmp_path, CC="false")
    assert done.stdout.startswith("True they could not be compiled")
    assert "PyTorch's own operations run instead" in done.stderr


@native
def test_they_are_compiled_once(tmp_path: Path) -> None:
    stamps = set()
    for _ in range(2):
        assert report(tmp_path).stdout == "True None\n"
        (built,) = (tmp_path / "gnm").iterdir()
        stamps.add(built.stat().st_mtime_ns)
    assert len(stamps) == 1


@native
def test_a_damaged_one_is_built_again(tmp_path: Path) -> None:
    report(tmp_path)
    (built,) = (tmp_path / "gnm").iterdir()
    built.write_bytes(b"junk")
    assert report(tmp_path).stdout == "True None\n"
    assert built.stat().st_size > 1000


@native
def test_the_compiler_may_have_arguments(tmp_path: Path) -> None:
    assert report(tmp_path, CC="cc -g0").stdout == "True None\n"


def test_without_a_home_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(Unavailable, match="set XDG_CACHE_HOME"):
        _cache()


@native
def test_the_threads_are_torchs_whatever_else_is_loaded() -> None:
    import sklearn.cluster  # noqa: F401 (brings a library for threads of its own)

    assert "torch" in str(_openmp())

"""The layers in C compute what PyTorch computes, in value and gradient; without them, PyTorch does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from gnm_core.layers.celu_norm import celu_norm
from gnm_core.native.call import can_run
from gnm_core.native.celu_norm import NativeCeluNorm
from gnm_core.native.library import library, why_not
from gnm_core.native.sigmoid_shuffle import NativeSigmoidShuffle
from torch import Tensor
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
    _, activation, _, _ = NativeCeluNorm.apply(x, one, 0 * one, 1, 1e-5)
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


def report(tmp_path: Path, **environment: str) -> CompletedProcess[str]:
    """What a fresh process with a cache of its own says of the layers, and that it can do without."""
    code = (
        "import torch; from gnm_core.native.library import why_not; from gnm_core.layers.celu_norm import CeluNorm2d;"
        "print(CeluNorm2d(3)(torch.ones(2, 3, 4, 4)).sum().item() == 0, why_not())"
    )
    found = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), **environment}
    return subprocess.run([sys.executable, "-c", code], env=found, capture_output=True, text=True, check=True)


def test_the_layers_can_be_switched_off(tmp_path: Path) -> None:
    assert report(tmp_path, GNM_NATIVE="0").stdout == "True GNM_NATIVE is 0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="they are for Linux")
def test_a_missing_compiler_is_said(tmp_path: Path) -> None:
    assert report(tmp_path, CC="nocc").stdout == "True there is no C compiler 'nocc'\n"


@native
def test_a_compiler_that_fails_is_said(tmp_path: Path) -> None:
    done = report(tmp_path, CC="false")
    assert done.stdout == "True they could not be compiled\n"
    assert "PyTorch's own operations run instead" in done.stderr


@native
def test_they_are_compiled_once(tmp_path: Path) -> None:
    stamps = set()
    for _ in range(2):
        assert report(tmp_path).stdout == "True None\n"
        (built,) = (tmp_path / "gnm").iterdir()
        stamps.add(built.stat().st_mtime_ns)
    assert len(stamps) == 1

"""The layers in C compute what PyTorch computes, in value and gradient; without them, PyTorch does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack, _in_c, _one_by_one
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import LAYERS, addresses
from gnm_core.native.library import Unavailable, _cache, _openmp
from gnm_core.native.stack import Ending, Geometry, NativeLayer, has_tiles, lanes, run_stack
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

native = pytest.mark.skipif(not LAYERS.can_take(), reason=f"no layers in C: {LAYERS.why_not()}")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On many threads, a few images would be left to PyTorch."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
    made = _in_c(list(stack), x)
    assert made is not None
    return made


def value_and_gradients(run: Callable[[Tensor], Tensor], stack: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    made = run(x)
    towards = torch.randn(made.shape, generator=torch.Generator().manual_seed(1)).to(made.dtype)
    return [made.detach(), *torch.autograd.grad((made * towards).sum(), [x, *stack.parameters()])]


def assert_near(ours: list[Tensor], exact: list[Tensor]) -> None:
    """Within what sums of so many float32 numbers lose, measured against the largest of each tensor."""
    for one, other in zip(ours, exact, strict=True):
        assert one.shape == other.shape
        assert (one.double() - other).abs().max() <= 3e-5 * other.abs().max() + 1e-6


@native
@pytest.mark.parametrize("batch", [16, 13, 37])
@pytest.mark.parametrize("name", STACKS)
def test_value_and_gradients_are_pytorchs(name: str, batch: int) -> None:
    stack, x = stack_and_images(name, batch)
    found = value_and_gradients(lambda x: in_c(stack, x), stack, x)
    exact = ConvStack(*STACKS[name][0]()).double()
    exact.load_state_dict({key: value.double() for key, value in stack.state_dict().items()})
    assert_near(found, value_and_gradients(exact, exact, x.double()))


@native
@pytest.mark.parametrize("name", STACKS)
def test_without_gradients_it_is_the_same(name: str) -> None:
    stack, x = stack_and_images(name, 20)
    with torch.no_grad():
        assert torch.equal(in_c(stack, x), in_c(stack, x))
        expected = in_c(stack, x)
    assert torch.equal(in_c(stack, x).detach(), expected)


@native
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


@native
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


@native
def test_tiles_are_used_where_there_are_some() -> None:
    stack, x = stack_and_images("channels that fill tiles", 16)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = in_c(stack, x)
        assert in_c(stack, x.bfloat16()).dtype == torch.float32
    assert torch.equal(rounded, in_c(stack, x)) != has_tiles()


@native
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


@native
def test_every_number_has_the_celu_and_the_sigmoid_of_pytorch() -> None:
    x = torch.cat([torch.linspace(-120, 120, 100_001), torch.logspace(-30, 1, 1_000), -torch.logspace(-30, 1, 1_000)])
    x = x.repeat(lanes(), 1)
    picture = run_stack(x[:, None, :, None], [given(x.shape[1], Ending.SIGMOID)], 0.0)
    torch.testing.assert_close(picture[5, 0, 0], x[5].sigmoid(), rtol=1e-6, atol=1e-37)
    low = x[:, x[0] <= 1]
    rows = run_stack(low[:, None, :, None], [given(low.shape[1], Ending.CELU_AND_NORM)], 0.0)[5, 0, 0].double()
    celu = F.celu(low[5].double())
    torch.testing.assert_close(rows, (celu - celu.mean()) / celu.std(correction=0), rtol=1e-5, atol=1e-6)


def given(width: int, ending: Ending) -> NativeLayer:
    norm = ending is Ending.CELU_AND_NORM
    one, zero = (torch.ones(1), torch.zeros(1)) if norm else (None, None)
    return NativeLayer(Geometry(1, width, 0, 0, 1, 0, 1, 1, ending), None, None, one, zero)


@native
@pytest.mark.parametrize("value", [0.1, -0.99, 30.0])
def test_a_large_image_loses_no_digits(value: float) -> None:
    """Of a constant image nothing is left, and a large mean is taken off before anything is squared."""
    layer = given(128 * 128, Ending.CELU_AND_NORM)
    torch.manual_seed(0)
    x = torch.randn(lanes(), 1, 128 * 128, 1)
    assert run_stack(torch.full_like(x, value), [layer], 1e-5).abs().max() < 5e-4
    expected = F.layer_norm(F.celu((x + value).double()).flatten(1), [128 * 128])
    found = run_stack(x + value, [layer], 1e-5).flatten(1).double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=2e-5)


FREEDOM = list(product((False, True), repeat=4))
"""Whether the images, the first convolution, the norms and the other convolutions learn."""


def layers() -> ConvStack:
    torch.manual_seed(0)
    return ConvStack(*conv(2, 8, 3, 2), *subpixel(8, 4, 1, 2), SubpixelConv(4, 1, 3, 2), nn.Sigmoid())


@native
@pytest.mark.parametrize("free", FREEDOM[1:], ids=lambda free: "".join("fl"[one] for one in free))
def test_whatever_is_frozen_the_gradients_are_the_same(free: tuple[bool, ...]) -> None:
    stack = layers()
    x = torch.randn(16, 2, 8, 8, requires_grad=free[0])
    for place, learns in zip((0, 1, 3, 2, 4), (free[1], free[2], free[2], free[3], free[3]), strict=True):
        stack[place].requires_grad_(learns)
    leaves = [leaf for leaf in (x, *stack.parameters()) if leaf.requires_grad]
    found = torch.autograd.grad(in_c(stack, x).square().sum(), leaves)
    for ours, expected in zip(
        found, torch.autograd.grad(_one_by_one(list(stack), x).square().sum(), leaves), strict=True
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@native
def test_where_nothing_learns_nothing_is_kept() -> None:
    stack, x = layers().requires_grad_(False), torch.randn(16, 2, 8, 8)
    assert in_c(stack, x).grad_fn is None


@native
def test_weights_that_change_before_the_gradients_are_taken_are_noticed() -> None:
    stack = layers()
    loss = in_c(stack, torch.randn(16, 2, 8, 8)).sum()
    with torch.no_grad():
        stack[2].conv.weight.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(loss, stack[0].weight)


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
    assert _in_c(modules, x) is None
    torch.testing.assert_close(stack(x), nn.Sequential(*modules)(x))


@native
def test_a_few_images_are_left_to_pytorch() -> None:
    stack, x = stack_and_images("encoder", 64)
    assert _in_c(list(stack), x[:1]) is None
    torch.set_num_threads(2)
    assert _in_c(list(stack), x[: lanes() // 2]) is None
    assert _in_c(list(stack), x[: 2 * lanes()]) is not None
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


def report(tmp_path: Path, *, code: str = "", **environment: str) -> CompletedProcess[str]:
    """What a fresh process with a cache of its own says of the layers, and that it can do without."""
    code = code or (
        "import torch; from gnm_core.layers.stack import ConvStack; from gnm_core.layers.celu_norm import CeluNorm2d;"
        "from gnm_core.native.call import LAYERS;"
        "stack = ConvStack(torch.nn.Conv2d(1, 3, 1), CeluNorm2d(3)); torch.set_num_threads(1);"
        "print(stack(torch.randn(16, 1, 4, 4)).flatten(1).mean(1).abs().max().item() < 1e-4, LAYERS.why_not())"
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
def test_a_trial_does_not_wait_for_the_compiler(tmp_path: Path) -> None:
    code = (
        "from gnm_core.native.library import in_a_hurry; from gnm_core.native.call import LAYERS\n"
        "with in_a_hurry(): print(LAYERS.can_take(), LAYERS.why_not())\n"
        "print(LAYERS.can_take())\n"
        "with in_a_hurry(): print(LAYERS.can_take())"
    )
    assert report(tmp_path, code=code).stdout == "False they have not been compiled yet\nTrue\nTrue\n"


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


@native
@pytest.mark.skipif("avx512f" not in Path("/proc/cpuinfo").read_text(), reason="no wide vectors to do without")
def test_a_processor_with_narrower_vectors_computes_the_same(tmp_path: Path) -> None:
    """The value and gradients of every stack, at half the images at a time."""
    code = "\n".join(
        [
            "import sys, torch",
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})",
            "from test_native import STACKS, in_c, lanes, stack_and_images, value_and_gradients",
            "torch.set_num_threads(1)",
            "found = {name: value_and_gradients(lambda x: in_c(stack, x), stack, x)",
            "         for name in STACKS for stack, x in [stack_and_images(name, 13)]}",
            f"torch.save((lanes(), found), {str(tmp_path / 'found.pt')!r})",
        ]
    )
    report(tmp_path, code=code, CC="cc -mno-avx512f")
    narrow, found = torch.load(tmp_path / "found.pt", weights_only=True)
    assert narrow == lanes() // 2
    for name, ours in found.items():
        stack, x = stack_and_images(name, 13)
        assert_near(ours, [one.double() for one in value_and_gradients(lambda x, s=stack: in_c(s, x), stack, x)])


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
    assert _in_c(list(stack), torch.randn(16, 1, 2, 2)) is None


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

"""The LSTM cell, the norm of rows and RMSprop's step in C are those of PyTorch."""

from collections.abc import Callable

import pytest
import torch
from gnm_core import kernels
from gnm_core.layers.celu_norm import CeluNorm1d
from gnm_core.layers.convlstm import ConvLSTM, LstmState
from gnm_core.native import rmsprop
from gnm_core.native.call import LAYERS
from gnm_core.native.celu_norm import run_celu_norm
from gnm_core.native.lstm import run_lstm
from gnm_core.parts.optimizers.rmsprop import OnePassRMSprop
from torch import Tensor, nn
from torch.nn import functional as F

native = pytest.mark.skipif(not LAYERS.can_take(), reason=f"nothing in C: {LAYERS.why_not()}")


def value_and_gradients(cell: Callable[..., tuple[Tensor, ...]], *leaves: Tensor) -> list[Tensor]:
    made = cell(*leaves)
    generator = torch.Generator().manual_seed(1)
    score = sum((x * torch.randn(x.shape, generator=generator).to(x.dtype)).sum() for x in made)
    return [*(x.detach() for x in made), *torch.autograd.grad(score, leaves)]


def plain(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    enter, forget, output, candidate = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return output.sigmoid() * cell.tanh(), cell


@native
@pytest.mark.parametrize(("rows", "channels"), [(6, 64), (5, 16), (3, 7), (2, 33), (1, 1)])
def test_the_cell_is_an_lstms(rows: int, channels: int) -> None:
    torch.manual_seed(0)
    gates, cell = 3 * torch.randn(rows, 4 * channels), 2 * torch.randn(rows, channels)
    gates.requires_grad_()
    cell.requires_grad_()
    found = value_and_gradients(run_lstm, gates, cell)
    exact = [x.detach().double().requires_grad_() for x in (gates, cell)]
    for ours, other in zip(found, value_and_gradients(plain, *exact), strict=True):
        torch.testing.assert_close(ours.double(), other, rtol=1e-5, atol=2e-6)


@native
def test_large_gates_are_at_their_limits_and_nan_stays_nan() -> None:
    gates = torch.tensor([[1e30, -1e30, float("inf"), -1e30], [float("nan"), 0, 0, 0]])
    hidden, cell = run_lstm(gates, torch.ones(2, 1))
    torch.testing.assert_close(cell[0], torch.tensor([-1.0]))
    torch.testing.assert_close(hidden[0], torch.tensor([-1.0]).tanh())
    assert hidden[1].isnan()


def plain_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return F.layer_norm(F.celu(x), scale.shape, scale, shift, 1e-5)


@native
@pytest.mark.parametrize("size", [(32, 512), (5, 16), (3, 7), (2, 33), (4, 3), (1, 100)])
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_the_norm_is_layer_norm_of_celu(size: tuple[int, int], mean: float) -> None:
    torch.manual_seed(0)
    leaves = [2 * torch.randn(size) + mean, torch.randn(size[1]), torch.randn(size[1])]
    found = value_and_gradients(lambda *x: (run_celu_norm(*x, 1e-5),), *(x.requires_grad_() for x in leaves))
    exact = [x.detach().double().requires_grad_() for x in leaves]
    for ours, other in zip(found, value_and_gradients(lambda *x: (plain_norm(*x),), *exact), strict=True):
        assert (ours.double() - other).abs().max() <= 2e-5 * other.abs().max() + 1e-6


@native
def test_one_row_that_is_not_finite_is_alone_and_threads_change_no_bit() -> None:
    torch.manual_seed(0)
    x, one, zero = torch.randn(40, 300), torch.ones(300), torch.zeros(300)
    expected = run_celu_norm(x, one, zero, 1e-5)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    assert torch.equal(run_celu_norm(x, one, zero, 1e-5), expected)
    torch.set_num_threads(before)
    x[7, 3] = float("nan")
    made = run_celu_norm(x, one, zero, 1e-5)
    assert not made[7].isfinite().any()
    assert torch.equal(torch.cat([made[:7], made[8:]]), torch.cat([expected[:7], expected[8:]]))


@native
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_layer_takes_what_it_is_given(dtype: torch.dtype) -> None:
    layer, x = CeluNorm1d(6), torch.randn(2, 3, 6)
    if dtype == torch.float64:
        layer = layer.double()
    made = layer(x.to(dtype))
    torch.testing.assert_close(
        made.float(), plain_norm(x, *(p.float() for p in layer.parameters())), rtol=0.02, atol=0.02
    )
    assert layer(x[:0].to(dtype)).shape == (0, 3, 6)


@native
@pytest.mark.parametrize("kernel", [1, 3])
def test_the_layer_is_its_formula(kernel: int) -> None:
    torch.manual_seed(0)
    layer = ConvLSTM(6, 5, 4, kernel)
    parts, state = [torch.randn(2, 4, 4, 4), torch.randn(2, 2, 4, 4)], layer.initial(2)

    def run() -> LstmState:
        return layer(parts, layer(torch.cat(parts, dim=1), state))

    found = run()
    with kernels.reference():
        expected = run()
    torch.testing.assert_close(found.hidden, expected.hidden)
    torch.testing.assert_close(found.cell, expected.cell)


def quarrel(optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], steps: int = 5) -> None:
    """A few steps on gradients of very different sizes; one parameter has none."""
    generator = torch.Generator().manual_seed(2)
    for step in range(steps):
        for weight in weights[:-1]:
            weight.grad = torch.randn(weight.shape, generator=generator) * 10.0 ** (step - 3)
        optimizer.step()


def weights() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    return [nn.Parameter(torch.randn(size, generator=generator)) for size in ((300, 500), (7,), (3, 1, 2), (4,))]


@native
@pytest.mark.parametrize("extra", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"centered": True}])
def test_a_step_is_torchs(extra: dict[str, object]) -> None:
    ours, theirs = weights(), weights()
    one, other = OnePassRMSprop(ours, 0.01, **extra), torch.optim.RMSprop(theirs, 0.01, **extra)
    quarrel(one, ours)
    quarrel(other, theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert one.state_dict()["param_groups"] == other.state_dict()["param_groups"]
    for a, b in zip(one.state_dict()["state"].values(), other.state_dict()["state"].values(), strict=True):
        assert a.keys() == b.keys()
        torch.testing.assert_close(a["square_avg"], b["square_avg"])
        assert a["step"] == b["step"] == 5


@native
def test_it_goes_on_from_torchs_state_and_torch_from_its() -> None:
    kinds = (OnePassRMSprop, torch.optim.RMSprop)
    found = []
    for first, second in (kinds, kinds[::-1]):
        values = weights()
        one = first(values, 0.01)
        quarrel(one, values)
        two = second(values, 0.01)
        two.load_state_dict(one.state_dict())
        quarrel(two, values)
        found.append(values)
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@native
def test_only_plain_dense_single_precision_is_stepped_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(rmsprop, "_update", lambda values, *given: calls.extend(value.numel() for value in values))
    values = weights()
    quarrel(OnePassRMSprop(values, 0.01), values, steps=1)
    assert calls == [150_000, 7, 6]
    calls.clear()
    double = [nn.Parameter(value.detach().double()) for value in values]
    for value in double:
        value.grad = torch.ones_like(value)
    OnePassRMSprop(double, 0.01).step()
    turned = nn.Parameter(torch.randn(4, 5))
    turned.grad = torch.randn(5, 4).T
    OnePassRMSprop([turned], 0.01).step()
    assert not calls


@native
def test_a_norm_of_other_sizes_or_kinds_is_pytorchs() -> None:
    with pytest.raises(ValueError, match=r"10 channels.*do not fit"):
        CeluNorm1d(6)(torch.randn(2, 10))
    made = CeluNorm1d(6).bfloat16()(torch.randn(3, 6).bfloat16())
    assert made.dtype == torch.bfloat16
    assert made.abs().max() < 5
    with pytest.raises(RuntimeError):
        CeluNorm1d(6).double()(torch.randn(3, 6))


@native
def test_a_state_of_another_batch_is_broadcast_as_ever() -> None:
    layer = ConvLSTM(3, 2, 4)
    state = LstmState(torch.randn(5, 2, 4, 4), torch.randn(1, 2, 4, 4))
    assert layer(torch.randn(5, 3, 4, 4), state).hidden.shape == (5, 2, 4, 4)


@native
def test_hooks_on_gates_are_called() -> None:
    layer, calls = ConvLSTM(3, 2, 4), []
    layer.gates.register_forward_hook(lambda *given: calls.append(1))
    layer(torch.randn(2, 3, 4, 4), layer.initial(2))
    assert calls


@native
def test_a_step_is_noticed_by_graphs_and_takes_whole_numbers() -> None:
    weight = nn.Parameter(torch.ones(4))
    loss = (weight * weight).sum()
    weight.grad = torch.ones(4)
    optimizer, twin = OnePassRMSprop([weight], 0.01, alpha=0, eps=1), nn.Parameter(torch.ones(4))
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    twin.grad = torch.ones(4)
    torch.optim.RMSprop([twin], 0.01, alpha=0, eps=1).step()
    torch.testing.assert_close(weight, twin)


@native
def test_a_state_of_other_sizes_is_refused_by_torch() -> None:
    small, large = (nn.Parameter(torch.ones(size)) for size in (4, 64))
    optimizer = OnePassRMSprop([small], 0.01)
    small.grad, large.grad = torch.ones(4), torch.ones(64)
    optimizer.step()
    other = OnePassRMSprop([large], 0.01)
    other.load_state_dict(optimizer.state_dict())
    with pytest.raises(RuntimeError, match="size of tensor"):
        other.step()

"""The conformance kit, on every registered part of the kinds that it knows, and on parts that break a promise."""

import importlib.util

import pytest
import torch
from gnm_core import Dims, Encoder, LatentPrior, Model, OptionError, ScenePrior
from gnm_core.contracts import BackgroundDecoder, Contract
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.testing import ConformanceError, check_part, contracts_of
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

SMALL = Dims(size=32, grid=4, features=8, scene=5, what=6, background=4)

OPTIONS: dict[tuple[str, str], dict[str, object]] = {
    ("encoder", "timm"): {"backbone": "resnet10t"},
    ("decoder", "subpixel-background"): {"channels": [8, 8], "kernels": [1, 3, 3], "upscales": [4, 4, 2]},
}
"""What parts need at 32 px, where their defaults are for 128."""

CASES = [
    (entry, contract)
    for entry in installed().parts.values()
    if entry.kind in ("encoder", "glimpse-encoder", "background-encoder", "core", "prior", "decoder", "renderer")
    for contract in contracts_of(entry.load())
]


@pytest.mark.parametrize(("entry", "contract"), CASES, ids=[f"{e.name}-{c.__name__}" for e, c in CASES])
def test_every_registered_part_keeps_its_contract(entry: Entry, contract: type[Contract]) -> None:
    needs = {"timm": "timm", "flow": "zuko"}.get(entry.name)
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    check_part(contract, entry.name, SMALL, **OPTIONS.get((entry.kind, entry.name), {}))


@pytest.mark.parametrize(
    "dims",
    [SMALL, Dims(channels=3, size=64, grid=8, features=12, scene=7, what=3, background=5)],
    ids=["small", "other"],
)
def test_the_model_keeps_its_contract_at_other_sizes(dims: Dims) -> None:
    check_part(Model, "gnm", dims)


# Parts that break a promise


class Faulty(Encoder):
    """An encoder that keeps its contract unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        if fault == "refuses":
            raise OptionError("fault", "no")
        self.fault, self.calls = fault, 0
        self.conv = nn.Conv2d(dims.channels, dims.features, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(dims.grid if fault != "shape" else dims.grid + 1)
        self.unused = nn.Linear(2, 2) if fault == "unused" else None
        self.scale = torch.rand(1) if fault == "state" else 1.0
        if fault == "device":
            self.register_buffer("fixed", torch.zeros(1, device="cpu"))

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        features: Tensor = self.pool(self.conv(image)) * self.scale
        match self.fault:
            case "nan":
                return features.log()
            case "counts":
                return features + self.calls
            case "detached":
                return features.detach()
            case "zero":
                return features + 0 * self.conv.weight.sum() - features + features.detach()
        return features


def test_a_good_part_passes_as_a_class() -> None:
    check_part(Encoder, Faulty, SMALL)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("shape", r"features has shape \(3, 8, 5, 5\); expected \(3, 8, 4, 4\)"),
        ("nan", "features is not finite everywhere"),
        ("counts", "features differs between two runs with the same seed"),
        ("detached", "no output depends on any parameter"),
        ("zero", "the gradient of 'conv.weight' is zero everywhere"),
        ("unused", "no gradient reaches the parameter 'unused.weight'"),
        ("state", "features differs after saving and loading: state is missing"),
        ("device", "'fixed' is on cpu under torch.device"),
    ],
)
def test_broken_promises_are_found(fault: str, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_part(Encoder, Faulty, SMALL, fault=fault)


def test_options_that_do_not_fit_are_the_composers_errors() -> None:
    from gnm_core import SpecError

    with pytest.raises(SpecError, match=r"^encoder\.fault: no$"):
        check_part(Encoder, Faulty, SMALL, fault="refuses")
    with pytest.raises(SpecError, match="unknown option 'falt'"):
        check_part(Encoder, Faulty, SMALL, falt="x")


class WrongSize(ScenePrior):
    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.net = nn.Linear(dims.features, dims.scene + 1)

    def forward(self, hidden: Tensor) -> Distribution:
        return Normal(self.net(hidden.mean((2, 3))), 1.0)


class NoDistribution(LatentPrior):
    def reference(self, step: int) -> Distribution:
        return torch.zeros(4)  # type: ignore[return-value]


class Loud(BackgroundDecoder):
    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims
        self.net = nn.Linear(dims.background, dims.channels * dims.size**2)

    def forward(self, code: Tensor) -> Tensor:
        return 3 * torch.sigmoid(self.net(code)).unflatten(1, (self.dims.channels, self.dims.size, self.dims.size))


@pytest.mark.parametrize(
    ("contract", "part", "message"),
    [
        (ScenePrior, WrongSize, r"a sample of the prior has shape \(3, 6\); expected \(3, 5\)"),
        (LatentPrior, NoDistribution, "is a Tensor; expected a Distribution"),
        (BackgroundDecoder, Loud, r"the background lies in \[.*\]; expected \[0, 1\]"),
    ],
)
def test_each_contract_has_promises_of_its_own(contract: type[Contract], part: type[Contract], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_part(contract, part, SMALL)

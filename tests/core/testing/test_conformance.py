"""The conformance kit, on every registered part of the kinds that it knows, and on parts that break a promise."""

import importlib.util

import pytest
import torch
from gnm_core import Dims, Encoder, LatentPrior, Model, OptionError, ScenePrior
from gnm_core.contracts import BackgroundDecoder, Contract
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.testing import (
    Bench,
    Check,
    ConformanceError,
    check_part,
    contracts_of,
    law,
    parametrize_checks,
    require,
)
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

SMALL = Dims(size=32, grid=4, features=8, scene=5, what=6, background=4)

COLOUR = Dims(channels=3, size=32)

OPTIONS: dict[tuple[str, str], dict[str, object]] = {
    ("encoder", "timm"): {"backbone": "resnet10t"},
    ("decoder", "subpixel-background"): {"channels": [8, 8], "kernels": [1, 3, 3], "upscales": [4, 4, 2]},
    ("schedule", "constant"): {"value": 0.1},
    ("schedule", "linear"): {"from": 1.0, "to": 0.0, "until": 1000},
    ("schedule", "cosine"): {"from": 1.0, "to": 0.0, "until": 1000},
    ("schedule", "steps"): {"values": [1.0, 0.5], "at": [1000]},
    ("schedule", "piecewise"): {"values": [1.0, 0.5], "at": [0, 1000]},
    ("objective", "geco"): {"goal": 0.5},
    ("background", "space"): {"decoder": [16, 8, 8]},
}
"""What parts need that has no default, or at 32 px where their defaults are for 128."""

ELSEWHERE = ("model", "metric", "data")
"""Kinds with tests of their own: they need more than sizes."""
OF_ANOTHER_PLACE = {
    "mlflow": "it needs somewhere to write to: tests/core/training/test_loggers.py",
    "mnist": "it needs MNIST's four files: tests/data/digits",
    "cycles": "it needs an interpreter with bpy: tests/data/arrow_room",
}

CASES = [
    (entry, contract)
    for entry in installed().parts.values()
    if entry.kind not in ELSEWHERE
    for contract in contracts_of(entry.load())
]


@pytest.mark.parametrize(("entry", "contract"), CASES, ids=[f"{e.name}-{c.__name__}" for e, c in CASES])
def test_every_registered_part_keeps_its_contract(entry: Entry, contract: type[Contract]) -> None:
    if entry.name in OF_ANOTHER_PLACE:
        pytest.skip(OF_ANOTHER_PLACE[entry.name])
    needs = {"timm": "timm", "flow": "zuko"}.get(entry.name)
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    dims = COLOUR if entry.name == "arrow-room" else SMALL
    check_part(contract, entry.name, dims, **OPTIONS.get((entry.kind, entry.name), {}))


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


@parametrize_checks(
    Encoder,
    Faulty,
    SMALL,
    fault="counts",
    expected_failures={
        "it-remembers-nothing": "it counts",
        "what-is-there-now-counts": "it counts",
        "outputs-are-as-promised": "it counts",
        "each-image-alone": "it counts",
        "neighbours-do-not-matter": "it counts",
        "evaluation-is-deterministic": "it counts",
        "gradients-change-nothing": "it counts",
        "twice-the-digits": "it counts",
        "memory-layout-does-not-matter": "it counts",
    },
)
def test_every_law_is_a_test_of_its_own_and_may_be_expected_to_fail(check: Check) -> None:
    check()


def test_a_failure_can_only_be_expected_of_a_law_that_there_is() -> None:
    with pytest.raises(ValueError, match="no law of Encoder is named each-picture; laws: "):
        parametrize_checks(Encoder, Faulty, SMALL, expected_failures={"each-picture": "a slip"})


class Weather(Contract):
    """A kind of one's own."""

    kind, describes = "weather", "tomorrow"

    def rain(self) -> float:
        return 2.0


def test_a_kind_of_ones_own_has_laws_of_its_own() -> None:
    from gnm_core.testing.law import LAWS

    check_part(Weather, Weather)
    before = list(LAWS)
    try:

        @law(Weather)
        def rain_is_a_share(bench: Bench) -> None:
            rain = bench.build().rain()
            require(0 <= rain <= 1, f"rain is {rain:g}; expected a share")

        with pytest.raises(ConformanceError, match=r"^rain-is-a-share: rain is 2; expected a share$"):
            check_part(Weather, Weather)
    finally:
        LAWS[:] = before

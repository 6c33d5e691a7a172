"""Laws of what the baselines are made of: wrong modules are caught by the law that they break."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from gnm_baselines import Attention, Background, Foreground, MapDecoder, Seen, Segments
from gnm_baselines.decoders.feature_map import SubpixelMap
from gnm_baselines.genesis.attention import GatedAttention
from gnm_baselines.space.background import SpaceBackground
from gnm_baselines.space.foreground import SpaceForeground
from gnm_baselines.space.painting import Layers, Painting
from gnm_core import Contract, Dims, SymbolicLatents
from gnm_core.testing import ConformanceError, check_part, checks_of
from torch import Tensor
from torch.distributions import Normal

from .small import GATED, SPECS


class WrongAttention(GatedAttention):
    def __init__(self, dims: Dims, *, fault: str = "", **rest: Any) -> None:
        super().__init__(dims, **rest)
        self.fault = fault

    def encode(self, image: Tensor) -> Tensor:
        return super().encode(image - image.mean(0) if self.fault == "mixes" else image)

    def decode(self, code: Tensor) -> Tensor:
        return super().decode(0 * code if self.fault == "deaf" else code)


class WrongForeground(SpaceForeground):
    def __init__(self, dims: Dims, *, fault: str = "", **rest: Any) -> None:
        super().__init__(dims, **rest)
        self.fault = fault

    def infer(self, image: Tensor, step: int, *, mode: bool = False, hard: bool = False) -> Seen:
        return super().infer(image, step, mode=mode, hard=hard and self.fault != "soft")

    def sample(self, n: int, step: int) -> SymbolicLatents:
        drawn = super().sample(n, step)
        if self.fault == "crowded":
            return SymbolicLatents(torch.ones_like(drawn.presence), drawn.where, drawn.depth, drawn.what)
        return drawn

    def paint(self, latents: SymbolicLatents) -> Painting:
        if self.fault == "ghosts":
            latents = SymbolicLatents(latents.presence + 0.1, latents.where, latents.depth, latents.what)
        return super().paint(latents)

    def layers(self, latents: SymbolicLatents) -> Layers:
        layers = super().layers(latents)
        return replace(layers, images=layers.images / 2) if self.fault == "faint" else layers


class WrongBackground(SpaceBackground):
    def __init__(self, dims: Dims, *, fault: str = "", **rest: Any) -> None:
        super().__init__(dims, **rest)
        self.fault = fault

    def prior_of_masks(self, mask_codes: Tensor) -> Normal:
        p = super().prior_of_masks(mask_codes)
        return Normal(p.mean + 0.1 * mask_codes, p.stddev, validate_args=False) if self.fault == "peeks" else p

    def masks(self, mask_codes: Tensor) -> Tensor:
        return super().masks(mask_codes) + (0.1 if self.fault == "more" else 0)

    def sample(self, n: int) -> Segments:
        if self.fault == "one":
            return self.decode(*(x.expand(n, -1, -1) for x in (super().sample(1).mask_codes, super().sample(1).codes)))
        return super().sample(n)


class WrongMap(SubpixelMap):
    def __init__(self, dims: Dims, *, fault: str = "", **rest: Any) -> None:
        super().__init__(dims, **rest)
        self.fault = fault

    def forward(self, feature_map: Tensor) -> Tensor:
        return super().forward(feature_map) * (2 if self.fault == "loud" else 1)


def _of(slot: str) -> dict[str, Any]:
    return {key: value for key, value in SPECS["space"]["model"][slot].items() if key != "use"}


PARTS: dict[type[Contract], tuple[type[Contract], dict[str, Any]]] = {
    Attention: (WrongAttention, {key: value for key, value in GATED.items() if key != "use"}),
    Foreground: (WrongForeground, _of("foreground")),
    Background: (WrongBackground, _of("background")),
    MapDecoder: (WrongMap, {}),
}

FAULTS = [
    (Attention, "mixes", "each-image-alone", "the features of image 0 alone differs"),
    (Attention, "deaf", "a-mask-for-each-code", "two mask codes have one and the same mask"),
    (Foreground, "soft", "hard-presence-is-whole", "away from 0 and 1 with hard=True"),
    (Foreground, "ghosts", "nothing-of-what-is-absent", "the picture of no objects reaches"),
    (Foreground, "faint", "layers-make-the-picture", "the sum of the layers is off by"),
    (Foreground, "crowded", "samples-are-the-priors", "presence is 1.0000 on average"),
    (Background, "peeks", "no-code-knows-itself", "moving mask code 0 by 1 moves the prior of codes up to 0 by 0.1"),
    (Background, "more", "outputs-are-as-promised", "infer: the sum of the masks is off by 0.105"),
    (Background, "one", "samples-differ", "mask_codes: two samples are one and the same"),
    (MapDecoder, "loud", "outputs-are-as-promised", r"the image lies in .*; expected \[0, 1\]"),
]


@pytest.mark.parametrize(
    ("contract", "fault", "law", "message"), FAULTS, ids=[f"{case[0].__name__}-{case[1]}" for case in FAULTS]
)
def test_a_wrong_module_is_caught_by_the_law_that_it_breaks(
    contract: type[Contract], fault: str, law: str, message: str
) -> None:
    part, options = PARTS[contract]
    (check,) = [one for one in checks_of(contract, part, options={**options, "fault": fault}) if one.name == law]
    with pytest.raises(ConformanceError, match=f"^{law}: .*{message}"):
        check()


@pytest.mark.parametrize("contract", PARTS, ids=[contract.__name__ for contract in PARTS])
def test_the_right_module_beside_it_passes(contract: type[Contract]) -> None:
    part, options = PARTS[contract]
    check_part(contract, part, **options)

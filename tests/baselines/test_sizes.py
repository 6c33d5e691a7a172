"""Parameter counts of the source's Table 3."""

import pytest
from gnm_core import load_spec
from torch import device, nn

FIVE = ["model.attention.channels=[32, 32, 64, 64, 64]", "model.attention.strides=[2, 2, 2, 1, 1]"]


def size_of(spec: str, *overrides: str) -> int:
    with device("meta"):
        model = load_spec(spec, overrides).model()
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("vae-arrow-room", 1_584_939),
        ("vae-mnist-4", 1_584_281),
        ("convdraw-4-arrow-room", 4_723_435),
        ("convdraw-8-arrow-room", 4_723_435),
        ("convdraw-4-mnist-10", 1_505_881),
        ("convdraw-8-mnist-4-10-beta-10", 1_505_881),
        ("genesis-arrow-room", 13_910_884),
    ],
)
def test_sizes_are_those_that_fit_the_source(spec: str, expected: int) -> None:
    assert size_of(spec) == expected


def test_the_published_five_layers_make_genesis_smaller() -> None:
    assert size_of("genesis-arrow-room", *FIVE) == 13_397_732


def test_space_has_about_five_million_parameters() -> None:
    assert size_of("space-arrow-room") == pytest.approx(5.3e6, rel=0.03)


def test_more_draw_steps_share_their_parameters() -> None:
    core: list[nn.Module] = [load_spec("convdraw-4-mnist-4", [f"model.core.steps={n}"]).model() for n in (1, 8)]
    assert sum(p.numel() for p in core[0].parameters()) == sum(p.numel() for p in core[1].parameters())

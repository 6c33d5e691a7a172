"""Every spec that ships composes, and the paper's have the paper's sizes."""

import pytest
import torch
from gnm_core import load_spec
from gnm_core.plugins import installed
from gnm_core.training.dry_run import dry_run

SIZES = {"mnist-4": 2_930_708, "mnist-10": 2_930_708, "mnist-4-10": 2_930_708, "arrow-room": 8_636_446}
BASES = (
    *("gnm", "gnm-64", "gnm-64-cells", "gnm-masks", "gnm-masks-64"),
    *(name for system in ("vae", "convdraw", "genesis", "space") for name in (system, f"{system}-64")),
)
"""What the others stand on; they learn from whatever data they are given."""


def test_there_are_specs() -> None:
    assert installed().specs.keys() >= SIZES.keys()


@pytest.mark.parametrize("name", installed().specs)
def test_a_shipped_spec_composes_and_passes_an_image(name: str) -> None:
    spec = load_spec(name)
    model, dims = spec.model(), spec.dims
    terms = model.terms(torch.rand(1, dims.channels, dims.size, dims.size), 0)
    assert torch.isfinite(spec.objective()(terms, 0).total)
    assert model.sample(1).image.shape == (1, dims.channels, dims.size, dims.size)
    assert spec.has_data or name in BASES
    stages = spec.training().schedule()
    assert stages
    dry_run(model, stages, spec.objective(), torch.rand(2, dims.channels, dims.size, dims.size))


@pytest.mark.parametrize(("name", "parameters"), SIZES.items())
def test_the_published_models_have_exactly_the_published_size(name: str, parameters: int) -> None:
    model = load_spec(name, ["data=null"]).model()
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("name", SIZES)
def test_eight_steps_need_no_more_parameters(name: str) -> None:
    four, eight = (load_spec(stem, ["data=null"]).model() for stem in (name, f"{name}-8-steps"))
    assert (four.core.steps, eight.core.steps) == (4, 8)
    if name == "arrow-room":  # p(z^b | z^g) sees the code of every step
        assert sum(p.numel() for p in eight.parameters()) - SIZES[name] == 4 * 32 * 128
    else:
        assert sum(p.numel() for p in eight.parameters()) == SIZES[name]

"""A dry run leaves everything as it was, running statistics included."""

import pytest
import torch
from gnm_core import load_spec
from gnm_core.schema import Stage
from gnm_core.training.dry_run import dry_run


def test_a_rehearsal_changes_nothing() -> None:
    pytest.importorskip("timm")
    spec = load_spec({"dims": {"size": 32, "features": 8}, "model": {"use": "gnm", "encoder": "timm"}})
    model = spec.model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert any("running_mean" in name for name in before)
    state = torch.get_rng_state()
    dry_run(
        model,
        [Stage(), Stage(level="symbols")],
        spec.objective(),
        torch.rand(2, 1, 32, 32, generator=torch.Generator()),
    )
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

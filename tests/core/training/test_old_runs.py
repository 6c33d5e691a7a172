"""Runs and checkpoints of earlier versions load, go on as they would have, and sample what they did.

`old_run` was trained to its sixth step by commit 540b199 on `old_run_pictures`, without compiled layers;
`old_run_expected.safetensors` holds what that commit made of it: the weights after the eighth step, and two samples.
"""

import shutil
from pathlib import Path

import pytest
import torch
from gnm_core import load_run
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume
from gnm_core.training.progress import Silent
from safetensors.torch import load_file
from torch import Tensor

HERE = Path(__file__).parent


@pytest.fixture
def run(tmp_path: Path) -> Path:
    pytest.importorskip("gnm_render", reason="the renderer comes with gnm-render")
    return Path(shutil.copytree(HERE / "old_run", tmp_path / "run"))


@pytest.fixture(scope="module")
def expected() -> dict[str, Tensor]:
    return load_file(HERE / "old_run_expected.safetensors")


def test_an_old_run_samples_what_it_did(run: Path, expected: dict[str, Tensor]) -> None:
    loaded = load_run(run)
    assert loaded.step == 6
    torch.manual_seed(0)
    scene = loaded.model.sample(2)
    assert scene.code is not None
    torch.testing.assert_close(scene.code, expected["code"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scene.image, expected["samples"], rtol=1e-4, atol=1e-5)


def test_an_old_run_goes_on_as_it_would_have(
    run: Path, expected: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNM_NATIVE", "0")
    outcome = resume(run, Settings(threads=1), Silent(), [f"data.dir={HERE / 'old_run_pictures'}"])
    assert (outcome.step, outcome.total) == (8, 8)
    weights = load_run(run).model.state_dict()
    assert {f"weights.{name}" for name in weights} == {name for name in expected if name.startswith("weights.")}
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, expected[f"weights.{name}"], rtol=1e-4, atol=1e-6)

"""A small GNM that sees objects, and a run of it on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from gnm_core import CheckedSpec, load_spec
from gnm_core.gnm.model import GNM
from gnm_core.runs.state import LearnerState, Snapshot
from gnm_core.training.folder import RunFolder

torch.set_num_threads(1)  # the tests are small: more threads only get in each other's way


def small_spec(masks: bool, data: object = None) -> CheckedSpec:
    size = 32
    background = {"use": "subpixel-background", "channels": [6], "kernels": [1, 3], "upscales": [4, 8]}
    return load_spec(
        {
            "dims": {
                "channels": 3 if masks else 1,
                "size": size,
                "grid": 2,
                "features": 6,
                "scene": 3,
                "what": 4,
                "background": 2,
            },
            "model": {
                "use": "gnm",
                "core": {"use": "structdraw", "steps": 3, "interaction": [8], "decoder": [8]},
                "renderer": {
                    "use": "separable",
                    "glimpse": {
                        "use": "subpixel",
                        "masks": masks,
                        "channels": [6],
                        "kernels": [1, 3],
                        "upscales": [4, 2],
                    },
                    "background": background if masks else None,
                },
                "head": [8],
            },
            "data": data,
        }
    )


def seeing(spec: CheckedSpec, certainty: float = 0.0) -> GNM:
    """Random weights; the larger `certainty`, the more cells hold an object."""
    torch.manual_seed(0)
    model = spec.model().eval()
    assert isinstance(model, GNM)
    with torch.no_grad():
        model.head.presence.bias += certainty
    return model


@pytest.fixture
def machine() -> Callable[..., GNM]:
    """Makes a GNM: `masks`, `certainty`."""
    return lambda masks=False, certainty=0.0: seeing(small_spec(masks), certainty)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run: `masks`, `certainty`, `data`, and its `name` in the temporary folder."""

    def make(masks: bool = False, certainty: float = 0.0, data: object = None, name: str = "run") -> Path:
        spec = small_spec(masks, data)
        model = seeing(spec, certainty)
        begun = Snapshot(model.state_dict(), torch.nn.ModuleList([spec.objective()]).state_dict(), [])
        folder = RunFolder(tmp_path / name)
        folder.create()
        folder.checkpoints.save(LearnerState(0, -1, begun, begun), spec, keep=1)
        folder.write_settings({})
        folder.write_spec(spec.to_yaml())
        folder.release()
        return folder.root

    return make

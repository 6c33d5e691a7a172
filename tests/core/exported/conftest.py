"""A tiny trained run, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from gnm_core.cli import main
from ruamel.yaml import YAML

SPEC = {
    "dims": {"channels": 1, "size": 32, "grid": 2, "features": 6, "scene": 3, "what": 4},
    "model": {
        "use": "gnm",
        "encoder": {"use": "conv", "widths": [4, 4, 4]},
        "core": {"use": "structdraw", "steps": 2, "interaction": [8], "decoder": [8]},
        "renderer": {
            "use": "separable",
            "glimpse": {"use": "subpixel", "channels": [6], "kernels": [1, 3], "upscales": [4, 2]},
        },
        "head": [8],
    },
    "data": {"use": "mnist-4", "digits": "embedded", "train": 24, "validation": 8, "test": 8},
    "train": {"steps": 4, "batch": 8, "picture_every": 0, "log_every": 2, "optimizer": {"use": "adam", "lr": 1e-3}},
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    YAML().dump(SPEC, folder / "spec.yaml")
    done = CliRunner().invoke(
        main, ["train", "--spec", str(folder / "spec.yaml"), "--out", str(folder / "run"), "--threads", "1"]
    )
    assert done.exit_code == 0, done.output
    return folder / "run"

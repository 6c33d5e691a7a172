"""Every registered data set under the laws of data sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gnm_core import Data, Dims, load_spec
from gnm_core.plugins import installed
from gnm_core.schema import DataSpec
from gnm_core.testing import check_part
from PIL import Image

FEW = {"train": 12, "validation": 12, "test": 12}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 30 pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for i in range(30):
        Image.fromarray(random.integers(0, 255, (32, 32), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored data set of 20 scenes a split."""
    from gnm_data.storage import Source, build, recipe_of

    folder = tmp_path_factory.mktemp("stored") / "set"
    recipe = {"dims": {"channels": 1, "size": 32, "grid": 2}, "data": {"use": "mnist-4", **FEW}}
    spec = load_spec(recipe, top=DataSpec)
    build(Source(spec.resolved(), "train"), recipe_of(spec), folder, processes=1)
    return folder


@pytest.mark.parametrize("name", [entry.name for entry in installed().of_kind("data") if entry.name != "shapes"])
def test_every_data_set_keeps_its_contract(name: str, pictures: Path, stored: Path) -> None:
    folder = {"use": "image-folder", "dir": str(pictures)}
    options: dict[str, Any] = {
        "image-folder": {"dir": str(pictures)},
        "turned": {"data": folder},
        "parquet": {"dir": str(stored)},
        "arrow-room": {"train": 3, "validation": 3, "test": 3},
    }
    dims = Dims(channels=3, size=32) if name == "arrow-room" else Dims(channels=1, size=32, grid=2)
    check_part(Data, name, dims, **options.get(name, FEW))

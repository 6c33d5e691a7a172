"""Training from a data set on disk: its position is part of the training's, to the last bit."""

from functools import partial
from pathlib import Path

import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.order import Order
from gnm_core.training.progress import Silent
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.storage import Parquet, Recipe, build, shard
from safetensors.torch import load_file

mnist4 = partial(Mnist4, Dims(size=32), digits=EmbeddedDigits())


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fifty scenes in seven shards of two row groups."""
    monkeypatch.setattr(shard, "MOST_ROWS", 5)
    build(mnist4, Recipe("mnist-4", {}, {}), tmp_path / "scenes", count=50, shard_size=8)
    build(partial(mnist4, split="validation"), Recipe("mnist-4", {}, {}), tmp_path / "scenes", count=16)
    return tmp_path / "scenes"


def test_a_training_that_is_stopped_goes_on_with_the_same_images(tmp_path: Path, scenes: Path) -> None:
    """Twelve steps of eight images pass the end of an epoch; the stop at step 5 is in the middle of one."""
    spec = {
        "dims": {"size": 32, "grid": 2, "features": 8, "scene": 4, "what": 4},
        "model": {"use": "gnm", "core": {"use": "structdraw", "steps": 2}},
        "data": {"use": "parquet", "dir": str(scenes), "window": 3},
        "train": {"steps": 12, "batch": 8, "checkpoint_every": 5, "picture_every": 0, "log_every": 1},
    }
    whole = start(load_spec(spec), tmp_path / "whole", Settings(threads=1), Silent())
    start(load_spec(spec), tmp_path / "stopped", Settings(threads=1, steps=5), Silent())
    resumed = resume(tmp_path / "stopped", Settings(threads=1), Silent())
    expected, found = (load_file(outcome.checkpoint / "model.safetensors") for outcome in (whole, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_the_sequence_of_images_can_be_entered_anywhere(scenes: Path) -> None:
    dims = Dims(size=32)
    sequence = Order(Parquet(dims, dir=scenes, window=3), seed=4).indices(0, 200)
    for position in (0, 1, 49, 50, 77, 149):
        later = Order(Parquet(dims, dir=scenes, window=3), seed=4)
        assert later.indices(position, 30).tolist() == sequence[position : position + 30].tolist()


def test_ranks_share_each_batch_and_together_see_every_image_once(scenes: Path) -> None:
    stored = Parquet(Dims(size=32), dir=scenes, window=3)
    sequence = Order(stored, seed=0).indices(0, 48).reshape(6, 8)
    shares = [torch.cat([stored.batch(batch[at : at + 4]).image for batch in sequence]) for at in (0, 4)]
    alone = torch.cat([stored.batch(batch).image for batch in sequence])
    together = torch.stack([share.reshape(6, 4, 1, 32, 32) for share in shares], 1).flatten(0, 2)
    assert torch.equal(together, alone)
    assert len(set(sequence.reshape(-1).tolist())) == 48

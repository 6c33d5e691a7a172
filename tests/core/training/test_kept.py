"""Images are kept once they hold a training up; what is trained on never changes, and memory is bounded."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import pytest
import torch
from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.results import Batch
from gnm_core.training.image_cache import WATCHED, KeptImages
from gnm_core.training.pace import Pace


class Counted(Data):
    """Twenty images of one channel; counts how often each is made."""

    def __init__(self, levels: bool) -> None:
        self.made = np.zeros(20, np.int64)
        draw = torch.Generator().manual_seed(0)
        images = torch.rand(20, 1, 4, 4, generator=draw)
        self.images = (images * 255).round() / 255 if levels else images
        self.dims = Dims(size=4)

    def __len__(self) -> int:
        return 20

    def at(self, split: str) -> Self:
        """The same."""
        return self

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """Count, and give."""
        chosen = np.asarray(indices)
        self.made[chosen] += 1
        return Batch(self.images[torch.from_numpy(chosen)], None)


def starved(kept: KeptImages) -> None:
    for _ in range(WATCHED):
        kept.watch(0.3, 1.0)


@pytest.mark.parametrize("levels", [True, False])
def test_a_starved_training_has_each_image_made_once_more_and_sees_the_same(levels: bool) -> None:
    data, said = Counted(levels), list[str]()
    kept = KeptImages(data, said.append)
    starved(kept)
    indices = np.array([3, 5, 3, 7])
    for _ in range(3):
        assert torch.equal(kept.batch(indices), data.images[torch.from_numpy(indices)])
    assert data.made[[3, 5, 7]].tolist() == [1, 1, 1]
    assert torch.equal(kept.batch(np.array([5, 9])), data.images[[5, 9]])
    assert data.made[[5, 9]].tolist() == [1, 1]
    assert said[0].startswith("30% of the time is spent waiting for images")


def test_a_training_that_hardly_waits_keeps_nothing() -> None:
    data, said = Counted(True), list[str]()
    kept = KeptImages(data, said.append)
    for _ in range(3 * WATCHED):
        kept.watch(0.05, 1.0)
    kept.batch(np.array([1]))
    kept.batch(np.array([1]))
    assert data.made[1] == 2
    assert not said


def test_no_more_is_kept_than_there_is_room_for() -> None:
    data, said = Counted(True), list[str]()
    kept = KeptImages(data, said.append, most=5 * 16)
    starved(kept)
    everything = np.arange(20)
    for _ in range(2):
        assert torch.equal(kept.batch(everything), data.images)
    assert data.made.tolist() == [1] * 5 + [2] * 15
    assert said[1] == "5 of 20 images are kept; the others are made each time"
    assert len(said) == 2


def test_the_pace_counts_steps_and_waiting_since_the_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("gnm_core.training.pace.time.perf_counter", lambda: now[0])
    pace = Pace(10)
    for waited in (0.5, 0.0, 0.5):
        pace.add(waited)
    now[0] += 4
    speed = pace.take(13)
    assert speed.steps_per_second == pytest.approx(0.75)
    assert speed.waiting == pytest.approx(0.25)
    now[0] += 1
    assert pace.take(14).waiting == 0

"""What docs/judges.md says of the Arrow Room's judge holds for a few rooms, as far as a few can tell."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.results import Verdict
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.looks import LOOKS, LookName
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.judges.arrow_room import ArrowRoomJudge
from gnm_data.judges.room_corruptions import KINDS, Corruption, corrupted
from scipy.stats import binom

COUNT = 40
ACCEPTED: dict[LookName, float] = {"published": 0.995, "studio": 0.985}
"""Share of real rooms that are accepted, as the document says, rounded down."""
REFUSED: dict[LookName, float] = {"published": 0.98, "studio": 0.99}
"""Share of broken rooms that are refused, of the worst kind."""


def fits(right: int, count: int, share: float) -> bool:
    """Whether a judge that is right in that share of rooms would be right so rarely once in a thousand times."""
    return bool(binom.cdf(right, count, share) > 0.001)


def refused(verdicts: list[Verdict]) -> int:
    return sum(not verdict.accepted for verdict in verdicts)


def broken(look: LookName, kind: Corruption) -> torch.Tensor:
    rooms = [corrupted(kind, "test", index, look=LOOKS[look]) for index in range(COUNT)]
    return torch.from_numpy(Tracer().paint(rooms, 128)).permute(0, 3, 1, 2) / 255


@pytest.mark.parametrize("look", LOOKS)
def test_real_rooms_of_both_looks_are_accepted(look: LookName) -> None:
    data = ArrowRoom(Dims(channels=3, size=128), painter=Tracer(), look=look).at("test")
    verdicts = ArrowRoomJudge().judge(data.batch(np.arange(COUNT)).image)
    assert fits(COUNT - refused(verdicts), COUNT, ACCEPTED[look])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("kind", KINDS)
def test_broken_rooms_of_both_looks_are_refused_and_who_always_says_yes_fails(look: LookName, kind: Corruption) -> None:
    verdicts = ArrowRoomJudge().judge(broken(look, kind))
    assert fits(refused(verdicts), COUNT, REFUSED[look])
    yes = [replace(verdict, accepted=True) for verdict in verdicts]
    assert not fits(refused(yes), COUNT, REFUSED[look])

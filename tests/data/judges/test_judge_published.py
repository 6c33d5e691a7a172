"""The judge of the Arrow Room agrees with people about published pictures, which stand beside the repository."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.results import Verdict
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.room import MATERIALS, SHAPES
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.judges.arrow_room import ArrowRoomJudge
from gnm_data.judges.labelled import Agreement, LabelledBody, LabelledRoom, agreement, read_labels, tiles
from gnm_data.judges.labelled_corruptions import KINDS, Corruption, LabelledPicture, corrupted
from torch import Tensor

LABELS = Path(__file__).parent / "published_rooms.json"
SHEETS = Path(__file__).parents[4] / "shared" / "arrow-room"
ASPECTS = ("shapes", "materials", "target", "verdict")

published = pytest.mark.skipif(not SHEETS.is_dir(), reason=f"the published sheets are not at {SHEETS}")


def sheet(number: int) -> list[LabelledPicture]:
    images = tiles(SHEETS / f"{number}.png", columns=5, rows=10, size=128)
    labels = [label for label in read_labels(LABELS) if label.sheet == number]
    return [LabelledPicture(images[label.tile], label) for label in labels]


def stacked(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 255


def agreed(number: int) -> list[Agreement]:
    pictures = sheet(number)
    readings = ArrowRoomJudge().read(stacked([picture.image for picture in pictures]))
    return [agreement(picture.room, reading) for picture, reading in zip(pictures, readings, strict=True)]


def refuses(verdicts: list[Verdict]) -> bool:
    """Nearly all are refused; who always says yes fails."""
    return sum(not verdict.accepted for verdict in verdicts) >= 0.96 * len(verdicts)


def obeys(room: LabelledRoom) -> bool:
    names = Counter(body.shape for body in room.bodies)
    objects = [names[shape] for shape in ("cube", "sphere", "cylinder")]
    one_material = len({body.material for body in room.bodies}) == 1
    return (
        sorted(objects) == [0, 1, 2]
        and names["arrow"] == 1
        and one_material
        and room.target is not None
        and names[room.bodies[room.target].shape] == 1
    )


def test_labels_name_every_tile_once_and_say_of_each_whether_the_rule_holds() -> None:
    labels = read_labels(LABELS)
    assert [(label.sheet, label.tile) for label in labels] == [(s, t) for s in (0, 1) for t in range(50)]
    assert all(label.lawful == obeys(label) for label in labels)
    assert sum(not label.lawful for label in labels) == 4


@published
@pytest.mark.parametrize(("number", "tiles_of_50"), [(0, 48), (1, 48)])
@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_judge_agrees_with_a_person(number: int, tiles_of_50: int, aspect: str) -> None:
    """Sheet 0 was looked at while the judge was made; the aim for sheet 1 is 49."""
    assert sum(getattr(one, aspect) for one in agreed(number)) >= tiles_of_50


@published
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_tiles_broken_by_hand_are_refused(number: int, kind: Corruption) -> None:
    verdicts: list[Verdict] = ArrowRoomJudge().judge(stacked(corrupted(kind, sheet(number))))
    assert len(verdicts) >= 15
    assert refuses(verdicts)
    assert not refuses([replace(verdict, accepted=True) for verdict in verdicts])


def test_a_label_that_says_something_else_is_no_agreement() -> None:
    """Without the sheets: the judge's own readings of a painted room, labelled rightly and wrongly."""
    batch = ArrowRoom(Dims(channels=3, size=128), painter=Tracer(antialias=2, shadow=1)).at("test").batch([0])
    assert batch.truth is not None
    (reading,) = ArrowRoomJudge().read(batch.image)
    truth = batch.truth
    material = MATERIALS[int(truth.extra["material"][0])]
    middles = ((truth.visible_boxes[0, :, :2] + truth.visible_boxes[0, :, 2:]) / 2).tolist()
    bodies = tuple(
        LabelledBody(SHAPES[label], (x, y), material, None)
        for label, (x, y) in zip(truth.labels[0].tolist(), middles, strict=True)
    )
    right = LabelledRoom(0, 0, bodies, int(truth.extra["target"][0]), lawful=True)
    assert agreement(right, reading) == Agreement(True, True, True, True)
    other = next(shape for shape in SHAPES[:3] if shape != bodies[0].shape)
    assert not agreement(replace(right, bodies=(replace(bodies[0], shape=other), *bodies[1:])), reading).shapes
    strange = "rubber" if material == "metal" else "metal"
    assert not agreement(replace(right, bodies=(*bodies[:3], replace(bodies[3], material=strange))), reading).materials
    assert not agreement(replace(right, target=None), reading).target
    assert not agreement(replace(right, lawful=False), reading).verdict
    assert not agreement(replace(right, bodies=bodies[:3]), reading).shapes

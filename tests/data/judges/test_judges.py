"""Judges on pictures: real scenes are accepted, broken ones rejected with the reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gnm_core.contracts import Judge
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.plugins import installed
from gnm_core.results import Verdict
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.layout import sample
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.judges import digit_corruptions, room_corruptions
from gnm_data.judges.augmentation import blur, noise
from gnm_data.judges.digit_reader import digit_networks
from gnm_data.judges.summary import kind_of, summarise
from gnm_data.judges.weights import FOLDER, load, provenance
from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410
from gnm_data.scenes.randomness import Randomness
from torch import Tensor

SCENES: tuple[type[DigitScenes], ...] = (Mnist4, Mnist10, Mnist410)
N = 60


def judge(name: str) -> Judge:
    entry = installed().find("judge", name)
    assert entry is not None
    made = entry.load()()
    assert isinstance(made, Judge)
    return made


def scenes(kind: type[DigitScenes], size: int = 128) -> DigitScenes:
    return kind(Dims(channels=1, size=size), digits=EmbeddedDigits(), split="test")


def room(size: int = 128, count: int = 12) -> Tensor:
    return (
        ArrowRoom(Dims(channels=3, size=size), painter=Tracer(antialias=2, shadow=1))
        .at("test")
        .batch(range(count))
        .image
    )


def accepted(verdicts: list[Verdict]) -> int:
    return sum(verdict.accepted for verdict in verdicts)


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("size", [64, 128, 200])
def test_real_scenes_of_any_size_are_accepted(kind: type[DigitScenes], size: int) -> None:
    assert accepted(judge(kind.name).judge(scenes(kind, size).batch(range(N)).image)) >= N - 2


@pytest.mark.parametrize("kind", SCENES)
def test_mild_blur_and_noise_do_not_matter(kind: type[DigitScenes]) -> None:
    image = scenes(kind).batch(range(N)).image
    assert accepted(judge(kind.name).judge(blur(image, torch.ones(N)))) >= N - 3
    grainy = noise(image, torch.full((N,), 0.1), torch.Generator().manual_seed(0))
    assert accepted(judge(kind.name).judge(grainy)) >= N - 3


@pytest.mark.parametrize("size", [64, 128])
def test_faint_ghosts_are_not_digits(size: int) -> None:
    image, other = scenes(Mnist4, size).batch(range(2 * N)).image.chunk(2)
    assert accepted(judge("mnist-4").judge(torch.maximum(image, 0.12 * other))) >= N - 3


@pytest.mark.parametrize("kind", [Mnist4, Mnist10])
def test_broken_strokes_are_still_strokes(kind: type[DigitScenes]) -> None:
    """Every ninth row of pixels is gone: no digit is in one piece."""
    image = scenes(kind).batch(range(N)).image.clone()
    image[:, :, ::9] = 0
    assert accepted(judge(kind.name).judge(image)) >= N - 4


def test_touching_digits_are_two() -> None:
    """Side by side, ink to ink, above and below."""
    glyphs = EmbeddedDigits().glyphs("test", 20)
    labels = np.tile([3, 4, 5, 6], (N, 1))
    picked = glyphs.pick(glyphs.starts[labels] + np.arange(N)[:, None] % glyphs.counts[labels])
    image = torch.zeros(N, 1, 128, 128)
    for scene, (inks, sides) in enumerate(zip(picked.images, picked.sides, strict=True)):
        for place, (ink, (width, height)) in enumerate(zip(inks, sides, strict=True)):
            x = 64 - width if place in (0, 3) else 64
            y = 34 - height // 2 if place < 2 else 94 - height // 2
            image[scene, 0, y : y + height, x : x + width] = torch.from_numpy(ink[:height, :width]) / 255
    names = [sorted(name for name, _, _ in verdict.objects) for verdict in judge("mnist-4").judge(image)]
    assert names.count(["3", "4", "5", "6"]) >= N - 3


@pytest.mark.parametrize(
    ("kind", "breaks"), [(kind, breaks) for kind in SCENES for breaks in digit_corruptions.kinds(scenes(kind))]
)
def test_broken_scenes_are_rejected(kind: type[DigitScenes], breaks: digit_corruptions.Corruption) -> None:
    broken = digit_corruptions.corrupted(scenes(kind), breaks, range(N))
    verdicts = judge(kind.name).judge(broken)
    assert len(verdicts) >= N // 3
    assert accepted(verdicts) <= 2
    assert all(verdict.reason for verdict in verdicts if not verdict.accepted)


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("size", [64, 128])
def test_a_corruption_really_breaks_the_layout(kind: type[DigitScenes], size: int) -> None:
    """By the letter of the rule, without looking at pixels."""
    data = scenes(kind, size)
    for breaks in digit_corruptions.kinds(data):
        random = np.random.default_rng(0)
        layout = data.layout(np.arange(N), Randomness(data.name, 0, "test"))
        for labels, corners in zip(layout.labels, layout.corners, strict=True):
            present = labels >= 0
            if breaks not in (digit_corruptions.FOUR if present.sum() == 4 else digit_corruptions.TEN):
                continue
            before = digit_corruptions.Digits(labels[present], corners[present], size, data.digit)
            after = breaks(before, random)
            assert lawful(before)
            assert not lawful(after)
            assert (after.corners >= 0).all()
            assert (after.corners + data.digit <= size).all()


def lawful(digits: digit_corruptions.Digits) -> bool:
    labels, middle = digits.labels, digits.corners + digits.digit / 2
    right, low = (middle > digits.size / 2).T
    home = np.where(low, 3 - right.astype(int), right)
    if len(labels) == 4:
        order = np.argsort(home)
        folded = np.minimum(middle, digits.size - middle)
        symmetric = np.ptp(folded, axis=0).max() <= 4 * digits.size / 128
        return bool((home[order] == np.arange(4)).all() and (np.diff(labels[order]) == 1).all() and symmetric)
    if sorted(labels) != list(range(10)):
        return False
    at = home[np.argsort(labels)]
    groups = [set(at[a:b].tolist()) for a, b in ((0, 2), (2, 5), (5, 8), (8, 10))]
    return groups in [[{0}, {1}, {3}, {2}], [{2}, {1}, {3}, {0}], [{0}, {3}, {1}, {2}], [{2}, {3}, {1}, {0}]]


def test_the_mixture_accepts_both_and_says_which_rule_came_nearer() -> None:
    both = judge("mnist-4-10")
    assert accepted(both.judge(scenes(Mnist4).batch(range(20)).image)) >= 19
    assert accepted(both.judge(scenes(Mnist10).batch(range(20)).image)) >= 19
    three = both.judge(digit_corruptions.corrupted(scenes(Mnist4), digit_corruptions.removed, range(20)))
    assert sum(verdict.reason.startswith("as mnist-4: three digits, none at") for verdict in three) >= 18
    nine = both.judge(digit_corruptions.corrupted(scenes(Mnist10), digit_corruptions.removed, range(20)))
    assert sum(verdict.reason.startswith("as mnist-10: 9 digits, no ") for verdict in nine) >= 18


def test_objects_are_named_and_placed_in_the_pictures_own_pixels() -> None:
    for size in (64, 128):
        batch = scenes(Mnist4, size).batch(range(20))
        assert batch.truth is not None
        for verdict, labels, boxes in zip(
            judge("mnist-4").judge(batch.image), batch.truth.labels, batch.truth.boxes, strict=True
        ):
            if verdict.accepted:
                middle = (boxes[:, :2] + boxes[:, 2:]) / 2
                found = {name: (x, y) for name, x, y in verdict.objects}
                for label, (x, y) in zip(labels.tolist(), middle.tolist(), strict=True):
                    assert found[str(label)] == pytest.approx((x, y), abs=size / 50)


@pytest.mark.parametrize("name", ["mnist-4", "mnist-10", "mnist-4-10", "arrow-room"])
def test_what_every_verdict_holds(name: str) -> None:
    one = judge(name)
    channels = 3 if name == "arrow-room" else 1
    images = torch.rand(5, channels, 100, 100, generator=torch.Generator().manual_seed(0))
    images[0] = 0
    images[1] = 1
    verdicts = one.judge(images)
    for verdict in verdicts:
        assert not verdict.accepted
        assert verdict.reason
        assert verdict.margin <= 0
        assert verdict.judge == f"{name}/{one.version}"
    assert one.judge(images) == verdicts
    assert one.judge(images[:0]) == []


@pytest.mark.parametrize("name", ["mnist-4", "arrow-room"])
def test_a_verdict_does_not_depend_on_the_other_pictures(name: str) -> None:
    images = room(count=5) if name == "arrow-room" else scenes(Mnist4).batch(range(5)).image
    one = judge(name)
    together = one.judge(images)
    for place, verdict in enumerate(together):
        alone = one.judge(images[place : place + 1])[0]
        assert (alone.accepted, alone.reason) == (verdict.accepted, verdict.reason)
        assert alone.margin == pytest.approx(verdict.margin, abs=1e-3)


def test_grey_pictures_may_come_in_colour() -> None:
    image = scenes(Mnist4).batch(range(10)).image
    grey, colour = judge("mnist-4").judge(image), judge("mnist-4").judge(image.expand(-1, 3, -1, -1))
    assert [verdict.accepted for verdict in grey] == [verdict.accepted for verdict in colour]


def test_pixels_that_are_not_numbers_are_the_reason() -> None:
    image = scenes(Mnist4).batch(range(2)).image
    image[1, 0, 5, 5] = torch.nan
    first, second = judge("mnist-4").judge(image)
    assert first.accepted
    assert not second.accepted
    assert second.reason == "some pixels are not numbers"


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("mnist-4", (1, 1, 64, 32), "square"),
        ("mnist-10", (1, 64, 64), "square"),
        ("arrow-room", (1, 1, 64, 64), "3 channels"),
    ],
)
def test_pictures_that_cannot_be_judged(name: str, shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        judge(name).judge(torch.zeros(shape))


@pytest.mark.parametrize("size", [64, 128])
def test_real_rooms_are_accepted(size: int) -> None:
    assert accepted(judge("arrow-room").judge(room(size))) >= 11


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (room_corruptions.turned, "the arrow points at a"),
        (room_corruptions.astray, "no object under the arrow's line"),
        (room_corruptions.alike, "all three shapes alike"),
        (room_corruptions.different, "all three shapes different"),
        (room_corruptions.removed, "expected"),
    ],
)
def test_broken_rooms_are_rejected_with_the_reason(breaks: room_corruptions.Corruption, said: str) -> None:
    painter = Tracer(antialias=2, shadow=1)
    pictures = painter.paint([room_corruptions.corrupted(breaks, "test", index) for index in range(12)], 96)
    verdicts = judge("arrow-room").judge(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255)
    assert accepted(verdicts) <= 1
    assert sum(said in verdict.reason for verdict in verdicts) >= 10


def test_one_body_of_the_other_material_breaks_the_rule() -> None:
    from gnm_data.judges.room_painting import paint

    made: list[Room] = [sample(0, "test", index) for index in range(12)]
    other = [("metal" if one.material == "rubber" else "rubber", *[one.material] * 3) for one in made]
    painter = Tracer(antialias=2, shadow=1)
    pictures = np.stack([paint(one, own, painter, 128) for one, own in zip(made, other, strict=True)])
    verdicts = judge("arrow-room").judge(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255)
    assert accepted(verdicts) <= 2


def test_a_summary_counts_kinds_of_reasons() -> None:
    good = Verdict(True, "", 0.0, "x/1")
    bad = [replace(good, accepted=False, reason=reason) for reason in ("11 digits", "12 digits", "a is 7; b is 8")]
    summary = summarise([good, *bad])
    assert (summary.judged, summary.accepted, summary.share) == (4, 1, 0.25)
    assert summary.reasons == {"# digits": 2, "a is #": 1}
    low, high = summary.interval
    assert 0 < low < 0.25 < high < 1
    assert str(summary).startswith("accepted 1 of 4: 25.0 %")
    assert summarise([]).interval == (0.0, 1.0)
    assert kind_of("top-left stands 5.2 px aside") == "top-left stands # px aside"
    assert kind_of("as mnist-4: 3 digits") == "as mnist-4: # digits"


def test_weights_are_small_and_know_where_they_come_from() -> None:
    files = list(FOLDER.glob("*.safetensors"))
    assert {file.name for file in files} == {"digits.safetensors", "arrow-room.safetensors"}
    assert sum(file.stat().st_size for file in files) < 2_000_000
    for file in files:
        assert {"trained on", "command", "date"} <= provenance(file).keys()


def test_weights_that_are_not(tmp_path: Path) -> None:
    file = FOLDER / "arrow-room.safetensors"
    with pytest.raises(DataError, match="arrow-room"):
        load(digit_networks(), file)
    broken = tmp_path / "x.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x\.safetensors"):
        load(digit_networks(), broken)
    with pytest.raises(DataError, match=r"none\.safetensors"):
        load(digit_networks(), tmp_path / "none.safetensors")

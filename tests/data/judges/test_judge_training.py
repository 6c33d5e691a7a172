"""The networks behind the judges learn, and weights survive the file."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.judges import learning
from gnm_data.judges.crops import cut
from gnm_data.judges.digit_reader import digit_networks
from gnm_data.judges.digit_training import train_digits
from gnm_data.judges.digit_training_data import NOTHING, DigitTrainingData, _broken, _fragment
from gnm_data.judges.networks import Classifier, Detector
from gnm_data.judges.proposals import STRIDE, cells, propose
from gnm_data.judges.room_painting import PaintedRoom, paint_rooms
from gnm_data.judges.room_reader import directions_on_floor, on_floor, room_networks
from gnm_data.judges.room_store import keep_rooms, kept_rooms
from gnm_data.judges.room_training import train_rooms
from gnm_data.judges.room_training_data import RoomTrainingData, smudge
from gnm_data.judges.room_views import PAINTED
from gnm_data.judges.room_views import views as random_views
from gnm_data.judges.targets import targets
from gnm_data.judges.train import train
from gnm_data.judges.weights import load, provenance, save


def test_training_data_is_a_function_of_its_seed_and_says_what_it_shows() -> None:
    data = DigitTrainingData([EmbeddedDigits()], "train")
    one, same = data.make(8, 5), data.make(8, 5)
    assert torch.equal(one.canvas, same.canvas)
    assert not torch.equal(one.canvas, data.make(8, 6).canvas)
    assert one.canvas.shape == (8, 1, 128, 128)
    assert 0 <= one.canvas.min() <= one.canvas.max() <= 1
    crops = cut(one.canvas, one.scene, one.centres, one.sizes)
    ink = crops.mean((1, 2, 3))
    assert ink[one.labels < NOTHING].mean() > 3 * ink[one.labels == NOTHING].mean()


def test_pictures_of_one_batch_differ_in_size_and_what_is_said_of_each_is_of_that_picture() -> None:
    made = DigitTrainingData([EmbeddedDigits()], "train").make(32, 0)
    assert len(made.canvas) == 32
    assert len(made.sizes.unique()) > 1
    assert made.scene.unique().tolist() == sorted(made.scene.unique().tolist())
    digit = made.labels < NOTHING
    crops = cut(made.canvas, made.scene[digit], made.centres[digit], made.sizes[digit])
    elsewhere = cut(made.canvas, (made.scene[digit] + 16) % 32, made.centres[digit], made.sizes[digit])
    assert crops.mean() > 2 * elsewhere.mean()


def test_a_digit_without_ink_breaks_into_pieces_without_ink() -> None:
    blank, random = np.zeros((3, 20, 20), np.float32), np.random.default_rng(0)
    assert not _fragment(random, blank).any()
    assert not _broken(random, blank, np.full((3, 2), 20)).any()


def test_fragments_are_parts_of_digits_and_broken_digits_keep_most_of_their_ink() -> None:
    glyphs, random = EmbeddedDigits().glyphs("train", 20), np.random.default_rng(0)
    picked = glyphs.pick(np.arange(200))
    ink = picked.images.astype(np.float32) / 255
    pieces, scrambled = _fragment(random, ink), _broken(random, ink, picked.sides)
    whole = ink.sum((1, 2))
    for part in (pieces, scrambled):
        assert (part <= ink).all()
        assert (part.sum((1, 2)) > 0).all()
    assert (pieces.sum((1, 2)) < whole).all()
    assert (scrambled.sum((1, 2)) >= 0.6 * whole - 1e-3).all()
    assert (scrambled.sum((1, 2)) < whole).mean() > 0.9


def test_a_crop_at_its_own_scale_is_the_picture() -> None:
    canvas = torch.rand(3, 2, 128, 128)
    side = Classifier.side
    centre = torch.tensor([[40.0, 60.0], [30.0, 20.0], [14.0, 14.0]])
    scene = torch.tensor([2, 0, 2])
    crops = cut(canvas, scene, centre, torch.full((3,), side / 1.4))
    for crop, which, (x, y) in zip(crops, scene, centre.long().tolist(), strict=True):
        half = side // 2
        torch.testing.assert_close(crop, canvas[which, :, y - half : y + half, x - half : x + half])


def test_a_detector_that_says_its_targets_proposes_the_objects() -> None:
    random = np.random.default_rng(0)
    centres = torch.tensor(random.uniform(4, 124, (6, 2)), dtype=torch.float32)
    centres[5] = centres[4] + 11  # neighbours
    scene = torch.tensor([0, 0, 0, 2, 2, 2])
    target = targets(3, scene, centres)
    output = torch.zeros(3, 4, 16, 16)
    output[:, 0] = torch.logit(target.heat, 1e-6)
    where, row, column = target.positive
    output[where, 1:3, row, column] = target.offset
    found = propose(output, 0.15, lambda rest: torch.full((len(rest),), 6.0))
    assert found.scene.tolist() == sorted(found.scene.tolist())
    for at, centre in zip(scene, centres, strict=True):
        near = (found.scene == at) & ((found.centres - centre).norm(dim=1) < 0.01)
        assert near.sum() == 1
    assert len(found.scene) == 6
    assert cells()[:, 0, 1].tolist() == [1.5 * STRIDE, 0.5 * STRIDE]
    assert Detector.places * STRIDE == 128


def test_training_lowers_every_loss_and_the_file_keeps_the_network(tmp_path: Path) -> None:
    reported: list[dict[str, float]] = []
    networks = train_digits([EmbeddedDigits()], 51, 0, lambda step, losses: reported.append(losses))
    assert len(reported) == 2
    assert all(reported[-1][name] < reported[0][name] for name in reported[0])
    save(networks, tmp_path / "w.safetensors", {"trained on": "a test"})
    loaded = digit_networks()
    load(loaded, tmp_path / "w.safetensors")
    assert provenance(tmp_path / "w.safetensors") == {"trained on": "a test"}
    image, crop = torch.rand(2, 1, 64, 64), torch.rand(2, 1, 28, 28)
    for name, given in (("detector", image), ("classifier", crop)):
        torch.testing.assert_close(loaded[name](given), networks[name](given), rtol=0.02, atol=0.02)


def test_the_room_networks_learn() -> None:
    reported: list[dict[str, float]] = []
    data = RoomTrainingData(paint_rooms(32))
    trained = train_rooms(data, 45, 0, lambda step, losses: reported.append(losses))
    assert trained.keys() == room_networks().keys()
    first, last = reported
    assert all(last[name] < first[name] for name in ("heat", "place", "crop", "heading"))


def test_a_training_of_rooms_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    data, at = RoomTrainingData(paint_rooms(32)), tmp_path / "state.pt"
    whole = train_rooms(data, 6, 0, lambda step, losses: None)

    def stop(step: int, losses: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "_KEEP", 3)
        with pytest.raises(KeyboardInterrupt):
            train_rooms(data, 6, 0, lambda step, losses: stop(step, losses) if step == 5 else None, at)
    reported: list[int] = []
    resumed = train_rooms(data, 6, 0, lambda step, losses: reported.append(step), at)
    assert reported == [5]
    for name, network in whole.items():
        for own, other in zip(network.state_dict().values(), resumed[name].state_dict().values(), strict=True):
            assert torch.equal(own, other)


def test_painted_rooms_survive_the_file(tmp_path: Path) -> None:
    rooms = paint_rooms(8)
    keep_rooms(tmp_path / "rooms.npz", rooms)
    for room, kept in zip(rooms, kept_rooms(tmp_path / "rooms.npz"), strict=True):
        for field in fields(PaintedRoom):
            np.testing.assert_array_equal(getattr(room, field.name), getattr(kept, field.name))


def test_a_mirrored_batch_says_where_things_are_in_it() -> None:
    """The crop about a foot of the mirrored picture is the mirrored crop about the foot."""
    batch = RoomTrainingData(paint_rooms(32)).make(32, 0)
    other = batch.mirrored()
    size = torch.ones(len(batch.scene))
    crops = cut(batch.image, batch.scene, batch.feet, 30 * size)
    torch.testing.assert_close(cut(other.image, other.scene, other.feet, 30 * size), crops.flip(-1), atol=1e-4, rtol=0)
    torch.testing.assert_close(other.heading[:, 0], -batch.heading[:, 0])
    few = batch.first(5)
    assert len(few.image) == 5
    assert few.scene.max() < 5
    assert len(few.feet) == len(few.labels) == (batch.scene < 5).sum()


def test_room_training_data_is_a_function_of_its_seed_and_says_what_it_shows() -> None:
    data = RoomTrainingData(paint_rooms(32))
    made, same = data.make(32, 3), data.make(32, 3)
    assert torch.equal(made.image, same.image)
    assert made.image.shape == (32, 3, 128, 128)
    assert 0 <= made.image.min() <= made.image.max() <= 1
    torch.testing.assert_close(made.heading.norm(dim=1), torch.ones(len(made.heading)))
    for scene, feet in ((made.scene, made.feet), made.ambiguous, made.unrecognisable):
        assert len(scene) == len(feet)
        assert scene.tolist() == sorted(scene.tolist())


def test_a_view_shows_each_body_where_it_says() -> None:
    """A body's mask, seen through the view, has its middle where the view finds the middle of the mask."""
    rooms = paint_rooms(24)
    views = random_views(24, np.random.default_rng(0), torch.Generator().manual_seed(0))
    still = replace(views, displacement=torch.zeros_like(views.displacement))
    masks = torch.from_numpy(np.stack([room.instances == 1 for room in rooms]))[:, None].float()
    line = torch.arange(PAINTED) + 0.5
    where = torch.stack(torch.meshgrid(line, line, indexing="xy"))
    before = (masks * where).sum((2, 3)) / masks.sum((2, 3)).clamp(min=1)
    shown = still.render(masks)
    after = (shown * where[:, :128, :128]).sum((2, 3)) / shown.sum((2, 3)).clamp(min=1e-6)
    found = still.project_points(before, torch.arange(24))
    rim = torch.cat([shown[:, :, [0, -1]].flatten(1), shown[:, :, :, [0, -1]].flatten(1)], 1).amax(1)
    inside = (rim == 0) & (shown.sum((1, 2, 3)) > 20)
    assert inside.sum() > 8
    torch.testing.assert_close(found[inside], after[inside], atol=0.3, rtol=0)
    area = shown.sum((1, 2, 3)) * still.area_scale
    torch.testing.assert_close(area[inside], masks.sum((1, 2, 3))[inside], rtol=0.05, atol=3)


def test_a_line_in_the_picture_is_a_line_on_the_floor() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        start, end = random.uniform(30, 125, (2, 1, 2))
        way = directions_on_floor(start, end - start)
        to = on_floor(end) - on_floor(start)
        np.testing.assert_allclose(way, to / np.linalg.norm(to), atol=2e-3)


def test_a_smudged_body_keeps_its_place_and_loses_its_shape() -> None:
    image = torch.zeros(1, 3, 128, 128)
    image[:, :, 40:80, 50:90] = 1
    bodies = (image[:, 0] > 0).numpy().astype(np.int64)
    scrambled = smudge(image.clone(), bodies, np.array([0]), np.array([0]), torch.Generator().manual_seed(0))
    assert torch.equal(scrambled[:, :, :36], image[:, :, :36])
    assert torch.equal(scrambled[:, :, 84:], image[:, :, 84:])
    inner = scrambled[0, 0, 40:80, 50:90]
    assert 0.2 < inner.mean() < 0.98


@pytest.mark.parametrize("rule", ["mnist-4", "arrow-room"])
def test_the_training_command_writes_weights(tmp_path: Path, rule: str) -> None:
    out = tmp_path / "w.safetensors"
    result = CliRunner().invoke(train, ["--rule", rule, "--steps", "2", "--rooms", "32", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert rule in provenance(out)["command"]

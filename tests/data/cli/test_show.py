"""`gnm data show`: contact sheets and exports of any data set."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core.cli import main
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.results import Batch, Truth
from gnm_data.coco import export_coco, run_lengths
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410
from gnm_data.sheet import GAP, contact_sheet
from PIL import Image


def show(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["data", "show", *map(str, arguments)])


def refused(*arguments: object) -> str:
    """What the command says when it refuses: with exit code 2 and no traceback."""
    result = show(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures without ground truth."""
    (tmp_path / "pictures").mkdir()
    for number in range(40):
        Image.new("RGB", (20, 20), (6 * number, 0, 255)).save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize("name", ["mnist-4", "mnist-10", "mnist-4-10"])
def test_a_sheet_of_any_data_set(name: str, tmp_path: Path) -> None:
    result = show(name, "-n", 5, "--size", 64, "--out", tmp_path / "grid.png")
    assert result.exit_code == 0, result.output
    assert result.output == f"{tmp_path}/grid.png: 5 of 60000 pictures\n"
    assert np.asarray(Image.open(tmp_path / "grid.png")).shape == (2 * 128 + GAP, 3 * 128 + 2 * GAP, 3)


def test_a_sheet_shows_the_pictures(tmp_path: Path) -> None:
    show("mnist-10", "-n", 4, "--split", "test", "--seed", 3, "--out", tmp_path / "grid.png")
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    batch = Mnist10(Dims(), digits=EmbeddedDigits(), seed=3, split="test").batch(range(4))
    for place, image in enumerate(batch.image):
        y, x = (place // 2) * (128 + GAP), (place % 2) * (128 + GAP)
        expected = (image[0] * 255).round().byte().numpy()
        assert (sheet[y : y + 128, x : x + 128] == expected[..., None]).all()


def test_boxes_lie_just_outside_the_ink() -> None:
    batch = Mnist4(Dims(), digits=EmbeddedDigits()).batch([3])
    assert batch.truth is not None
    plain, boxed = (np.asarray(contact_sheet(batch, tuple("0123456789"), boxes=boxes)) for boxes in (False, True))
    assert boxed.shape == (256, 256, 3)
    x0, y0, x1, y1 = (2 * batch.truth.boxes[0, 0].int()).tolist()
    colours = {tuple(pixel.tolist()) for pixel in (*boxed[y0:y1, x0 - 1], *boxed[y0:y1, x1])}
    assert len(colours) == 1
    assert colours != {(0, 0, 0)}
    assert (boxed[y0:y1, x0:x1] == np.kron(plain, np.ones((2, 2, 1)))[y0:y1, x0:x1]).all()


def test_masks_tint_the_ink_alone() -> None:
    batch = Mnist10(Dims(), digits=EmbeddedDigits()).batch([0])
    plain, tinted = (np.asarray(contact_sheet(batch, masks=masks)) for masks in (False, True))
    assert ((plain == 0).all(-1) == (tinted == 0).all(-1)).all()
    assert (tinted[..., 0] != tinted[..., 1]).sum() > 500


def test_the_data_of_a_spec(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("dims: {size: 64}\nmodel: gnm\ndata: {use: mnist-4, digit: 10}\n")
    assert show("--spec", spec, "-n", 1, "--export", tmp_path / "scenes").exit_code == 0
    found = json.loads((tmp_path / "scenes" / "annotations.json").read_text())
    assert found["images"][0]["width"] == 64
    assert max(max(a["bbox"][2:]) for a in found["annotations"]) == 10


def test_a_folder_of_pictures_has_a_sheet_but_no_boxes(folder: Path, tmp_path: Path) -> None:
    name = ("image-folder", "--set", f"data.dir={folder}", "-n", 4, "--size", 32)
    assert show(*name, "--out", tmp_path / "grid.png").exit_code == 0
    assert np.asarray(Image.open(tmp_path / "grid.png"))[0, 0, 2] == 255
    assert "these pictures have no boxes" in refused(*name, "--out", tmp_path / "x.png", "--boxes")
    assert "these pictures have no masks" in refused(*name, "--out", tmp_path / "x.png", "--masks")
    assert show(*name, "--export", tmp_path / "scenes").exit_code == 0
    assert json.loads((tmp_path / "scenes" / "annotations.json").read_text())["annotations"] == []


def test_exported_pictures_and_boxes_are_those_of_the_data_set(tmp_path: Path) -> None:
    result = show("mnist-4-10", "-n", 70, "--size", 64, "--split", "test", "--export", tmp_path)
    assert result.output == f"{tmp_path}/annotations.json: 70 of 6000 pictures\n"
    batch = Mnist410(Dims(size=64), digits=EmbeddedDigits(), split="test").batch(range(70))
    truth = batch.truth
    assert truth is not None
    document = json.loads((tmp_path / "annotations.json").read_text())
    assert [category["name"] for category in document["categories"]] == list("0123456789")
    assert [image["id"] for image in document["images"]] == list(range(1, 71))
    for image, pixels, kind in zip(document["images"], batch.image, truth.extra["rule/set"].tolist(), strict=True):
        picture = np.asarray(Image.open(tmp_path / image["file_name"]))
        assert (picture == (pixels[0] * 255).round().byte().numpy()).all()
        assert image["attributes"]["rule/set"] == kind
    present = truth.present.numpy()
    annotations = document["annotations"]
    assert len({annotation["id"] for annotation in annotations}) == len(annotations) == present.sum()
    assert [a["category_id"] - 1 for a in annotations] == truth.labels.numpy()[present].tolist()
    boxes = np.array([a["bbox"] for a in annotations])
    boxes[:, 2:] += boxes[:, :2]
    assert (boxes == truth.boxes.numpy()[present]).all()
    assert [a["attributes"]["digit"] for a in annotations] == truth.extra["digit"].numpy()[present].tolist()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_export(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    data = Mnist10(Dims(size=64), digits=EmbeddedDigits())
    truth = data.batch(range(20)).truth
    assert truth is not None
    assert truth.instances is not None
    read = coco.COCO(str(export_coco(data, 20, tmp_path)))
    assert read.getImgIds() == list(range(1, 21))
    for image in (1, 7, 20):
        its = read.loadAnns(read.getAnnIds(imgIds=image))
        for thing, annotation in enumerate(its):
            mask = truth.instances[image - 1].numpy() == thing + 1
            assert (read.annToMask(annotation) == mask).all()
            assert annotation["area"] == mask.sum()
            assert read.loadCats(annotation["category_id"])[0]["name"] == str(thing)


def test_hidden_objects_are_exported_as_they_are_seen(tmp_path: Path) -> None:
    """One object half behind another, one wholly hidden, one absent."""

    class Occluded(Mnist10):
        def batch(self, indices: object) -> Batch:
            instances = torch.zeros(1, 8, 8, dtype=torch.uint8)
            instances[0, 2:6, 2:4], instances[0, 2:6, 4:8] = 1, 2
            boxes = torch.tensor([[[2.0, 2, 6, 6], [4, 2, 8, 6], [5, 3, 7, 5], [0, 0, 0, 0]]])
            visible = torch.tensor([[[2.0, 2, 4, 6], [4, 2, 8, 6], [0, 0, 0, 0], [0, 0, 0, 0]]])
            present = torch.tensor([[True, True, True, False]])
            truth = Truth(present, torch.tensor([[1, 2, 3, -1]]), boxes, visible, instances)
            return Batch(torch.zeros(1, 1, 8, 8), truth)

    export_coco(Occluded(Dims(size=16), digits=EmbeddedDigits()), 1, tmp_path)
    first, second = json.loads((tmp_path / "annotations.json").read_text())["annotations"]
    assert first["bbox"] == [2, 2, 2, 4]
    assert first["amodal_bbox"] == [2, 2, 4, 4]
    assert first["area"] == 8
    assert second["bbox"] == second["amodal_bbox"] == [4, 2, 4, 4]


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_describe_the_mask(seed: int) -> None:
    mask = np.random.default_rng(seed).random((5, 7)) < (0, 0.1, 0.5, 0.9, 1)[seed]
    code = run_lengths(mask)
    flat = np.repeat(np.arange(len(code["counts"])) % 2, code["counts"])
    assert code["size"] == [5, 7]
    assert (mask == flat.reshape(7, 5).T).all()


def test_pictures_of_two_channels_cannot_be_shown() -> None:
    with pytest.raises(DataError, match="pictures of 2 channels cannot be shown; only of 1 \\(grey\\) or 3 \\(RGB\\)"):
        contact_sheet(Batch(torch.zeros(1, 2, 8, 8)))


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "x.png")
    assert "Give the NAME of a data set or a --spec" in refused(*out)
    assert "Give the NAME of a data set or a --spec" in refused("mnist-4", "--spec", "s.yaml", *out)
    assert "Give --out FILE or --export DIR" in refused("mnist-4")
    assert "did you mean 'mnist-4'?" in refused("mnist-5", *out)
    assert "2000 pictures do not fit on a sheet; at most 1024 do" in refused("mnist-4", "-n", 2000, *out)
    assert "61000 pictures; the train split has 60000" in refused("mnist-4", "-n", 61_000, "--export", tmp_path / "x")
    assert "-n" in refused("mnist-4", "-n", 0, *out)
    assert "--split" in refused("mnist-4", "--split", "dev", *out)
    assert "dims.size" in refused("mnist-4", "--size", 4, *out)
    assert "data.seed: -1 is out of range" in refused("mnist-4", "--seed", -1, *out)
    assert "channels is 3" in refused("mnist-4", "--set", "dims.channels=3", *out)
    assert "/nowhere: no such folder" in refused("mnist-4", "--digits-dir", "/nowhere", *out)
    assert not (tmp_path / "x.png").exists()


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    assert "x.png: cannot be written: No such file" in refused("mnist-4", "--out", tmp_path / "no" / "x.png")
    assert "x.doc: cannot be written: unknown file extension" in refused("mnist-4", "--out", tmp_path / "x.doc")
    (tmp_path / "file").touch()
    assert "cannot be written" in refused("mnist-4", "-n", 1, "--export", tmp_path / "file")

"""Own annotations, in COCO's format, of pictures in a folder."""

import json
from pathlib import Path

import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.parts.data.image_folder import ImageFolder
from PIL import Image


def coco(pictures: dict[str, list[tuple[int, list[float]]]], crowd: bool = False) -> dict:
    names = list(pictures)
    return {
        "categories": [{"id": 7, "name": "star"}, {"id": 3, "name": "disc"}],
        "images": [{"id": i, "file_name": name, "width": 40, "height": 20} for i, name in enumerate(names)],
        "annotations": [
            {"id": 1, "image_id": i, "category_id": category, "bbox": box, "iscrowd": int(crowd)}
            for i, name in enumerate(names)
            for category, box in pictures[name]
        ],
    }


def folder(tmp_path: Path, pictures: dict[str, list[tuple[int, list[float]]]], **options: object) -> ImageFolder:
    """Pictures of 40 x 20 pixels with boxes (x, y, width, height), seen at 10 x 10."""
    for name in pictures:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(tmp_path / name)
    (tmp_path / "boxes.json").write_text(json.dumps(coco(pictures)))
    options = {"validation": 0.0, "test": 0.0} | options
    return ImageFolder(Dims(channels=3, size=10), dir=tmp_path, annotations=(tmp_path / "boxes.json",), **options)  # type: ignore[arg-type]


def test_boxes_follow_the_picture_into_its_square(tmp_path: Path) -> None:
    objects = {"a.png": [(7, [20.0, 4.0, 6.0, 8.0])]}
    cropped = folder(tmp_path, objects).batch([0]).truth
    stretched = folder(tmp_path, objects, fit="stretch").batch([0]).truth
    padded = folder(tmp_path, objects, fit="pad").batch([0]).truth
    assert cropped is not None
    assert cropped.boxes[0, 0].tolist() == [5, 2, 8, 6]  # the middle 20 of 40 columns, halved
    assert stretched is not None
    assert stretched.boxes[0, 0].tolist() == [5, 2, 6.5, 6]
    assert padded is not None
    torch.testing.assert_close(padded.boxes[0, 0], torch.tensor([5, 3, 6.5, 5]), atol=1, rtol=0)


def test_classes_are_numbered_by_their_ids_and_have_names(tmp_path: Path) -> None:
    data = folder(tmp_path, {"a.png": [(7, [15.0, 1, 5, 5]), (3, [20.0, 4, 6, 8])], "b.png": []})
    truth = data.batch([0, 1]).truth
    assert data.classes == ("disc", "star")
    assert truth is not None
    assert truth.present.tolist() == [[True, True], [False, False]]
    assert truth.labels.tolist() == [[1, 0], [-1, -1]]


def test_what_the_square_does_not_show_is_not_there(tmp_path: Path) -> None:
    truth = folder(tmp_path, {"a.png": [(7, [0.0, 4, 6, 8]), (7, [8.0, 4, 6, 8])]}).batch([0]).truth
    assert truth is not None
    assert truth.present.tolist() == [[True, False]]  # the first ends where the square begins or before


def test_subfolders_are_splits_and_files_are_called_like_them(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for i in range(count):
            (tmp_path / split).mkdir(exist_ok=True)
            Image.new("L", (8, 8), 10 * i).save(tmp_path / split / f"{i}.png")
        known = coco({f"{i}.png": [(3, [1.0, 1, 2 + i, 2])] for i in range(count)})
        known["images"] = [{"id": one["id"], "file_name": one["file_name"]} for one in known["images"]]
        (tmp_path / f"{split}.json").write_text(json.dumps(known))
    files = (tmp_path / "train.json", tmp_path / "test.json")
    data = ImageFolder(Dims(channels=1, size=8), dir=tmp_path, annotations=files, validation=0.0)
    assert (len(data), len(data.at("test"))) == (3, 2)
    truth = data.at("test").batch([1]).truth
    assert truth is not None
    assert truth.boxes[0, 0].tolist() == [1, 1, 4, 3]


def test_without_a_subfolder_for_validation_a_share_of_training_is_held_back(tmp_path: Path) -> None:
    for name in [f"train/{i}.png" for i in range(40)] + ["test/0.png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    data = ImageFolder(Dims(channels=1, size=8), dir=tmp_path, validation=0.25, test=0.5)
    sizes = [len(data.at(split)) for split in ("train", "validation", "test")]
    assert sizes[2] == 1
    assert sizes[0] + sizes[1] == 40
    assert 2 <= sizes[1] <= 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "it holds a list"),
        ('{"images": []}', "'categories' is missing"),
        ("null", "it holds nothing"),
        (json.dumps(coco({"a.png": [(3, [0, 0, -1, 2])]})), "a box of"),
        (
            json.dumps(coco({"a.png": [(9, [0, 0, 1, 2])]})),
            "category 9, which the file does not name .it has 3 disc",
        ),
        (json.dumps(coco({"other.png": []})), r"images\[0\]: there is no picture .*other.png"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    data = folder(tmp_path, {"a.png": []})
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        data.batch([0])
    assert "json" in str(caught.value) or "a.png" in str(caught.value)


def test_crowds_are_left_out(tmp_path: Path) -> None:
    data = folder(tmp_path, {"a.png": []})
    (tmp_path / "boxes.json").write_text(json.dumps(coco({"a.png": [(3, [12, 2, 5, 5])]}, crowd=True)))
    truth = data.batch([0]).truth
    assert truth is not None
    assert not truth.present.any()

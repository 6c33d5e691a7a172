"""COCO, YOLO and CSV say the same thing of the same pictures, and each says where it is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.parts.data.folder_check import check_folder
from gnm_core.parts.data.image_folder import ImageFolder
from gnm_core.run_lengths import from_text, mask_of, run_lengths, to_text
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

WIDTH, HEIGHT = 40, 20
OBJECTS = {
    "a.png": [("star", 20, 4, 6, 8), ("disc", 14, 0, 4, 10)],
    "deep/b.png": [("disc", 12, 2, 10, 10)],
    "c.png": [],
}
"""Class, x, y, width, height in pixels."""
CLASSES = ("disc", "star")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name in OBJECTS:
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    return tmp_path / "pictures"


def data(folder: Path, source: Path, **options: Any) -> ImageFolder:
    options = {"validation": 0.0, "test": 0.0} | options
    return ImageFolder(Dims(channels=3, size=10), dir=folder, annotations=(source,), **options)


def rows() -> list[tuple[str, str, int, int, int, int]]:
    return [(name, *noted) for name, objects in OBJECTS.items() for noted in objects]


def as_coco(file: Path, segmentation: Any = None) -> Path:
    names = list(OBJECTS)
    document = {
        "categories": [{"id": 3, "name": "disc"}, {"id": 7, "name": "star"}],
        "images": [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": names.index(name), "category_id": {"disc": 3, "star": 7}[label], "bbox": box}
            | ({} if segmentation is None else {"segmentation": segmentation(*box)})
            for i, (name, label, *box) in enumerate(rows())
        ],
    }
    file.write_text(json.dumps(document))
    return file


def as_yolo(folder: Path, line: Any, names: str = "names: {0: disc, 1: star}\n") -> Path:
    for name, objects in OBJECTS.items():
        file = (folder / name).with_suffix(".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{CLASSES.index(label)} {line(*box)}\n" for label, *box in objects))
    (folder / "data.yaml").write_text(names)
    return folder


def as_table(file: Path, head: str, row: Any, delimiter: str = ",") -> Path:
    lines = ["file,label," + head, *(",".join(map(str, (name, label, *row(*box)))) for name, label, *box in rows())]
    file.write_text("\n".join([*lines, "c.png,,,,,"]).replace(",", delimiter) + "\n")
    return file


def share(*values: float) -> list[float]:
    return [value / side for value, side in zip(values, (WIDTH, HEIGHT) * 8, strict=False)]


def numbers(values: list[float]) -> str:
    return " ".join(map(str, values))


WAYS = {
    "coco": lambda f: as_coco(f / "x.json"),
    "yolo": lambda f: as_yolo(f / "labels", lambda x, y, w, h: numbers(share(x + w / 2, y + h / 2, w, h))),
    "yolo shapes": lambda f: as_yolo(
        f / "labels", lambda x, y, w, h: numbers(share(x, y, x + w, y, x + w, y + h, x, y + h))
    ),
    "corners": lambda f: as_table(f / "x.csv", "xmin,ymin,xmax,ymax", lambda x, y, w, h: (x, y, x + w, y + h)),
    "sides": lambda f: as_table(f / "x.csv", "x,y,width,height", lambda *box: box, ";"),
    "middles": lambda f: as_table(f / "x.csv", "cx,cy,w,h", lambda x, y, w, h: (x + w / 2, y + h / 2, w, h), "\t"),
    "shares": lambda f: as_table(f / "x.csv", "x0,y0,x1,y1", lambda x, y, w, h: share(x, y, x + w, y + h)),
}


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("way", WAYS)
def test_every_format_says_the_same(way: str, fit: str, pictures: Path, tmp_path: Path) -> None:
    expected = data(pictures, as_coco(tmp_path / "boxes.json"), fit=fit)
    found = data(pictures, WAYS[way](tmp_path), fit=fit)
    ours, theirs = found.batch(range(3)).truth, expected.batch(range(3)).truth
    assert found.classes == expected.classes == CLASSES
    assert ours is not None
    assert theirs is not None
    assert theirs.present.any()
    assert torch.equal(ours.present, theirs.present)
    assert torch.equal(ours.labels, theirs.labels)
    torch.testing.assert_close(ours.boxes, theirs.boxes)
    check = check_folder(pictures, found.annotations)
    assert (check.sound, check.pictures, check.objects) == (True, 3, 3), check


# Masks


def corners(x: int, y: int, w: int, h: int) -> list[list[float]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def lengths(x: int, y: int, w: int, h: int) -> list[int]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + h, x : x + w] = True
    return run_lengths(mask)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("kind", ["corners", "run lengths", "text", "yolo"])
def test_masks_lie_where_the_boxes_do(kind: str, fit: str, pictures: Path, tmp_path: Path) -> None:
    segmentation = {
        "corners": corners,
        "run lengths": lambda *box: {"size": [HEIGHT, WIDTH], "counts": lengths(*box)},
        "text": lambda *box: {"size": [HEIGHT, WIDTH], "counts": to_text(lengths(*box))},
    }
    source = as_coco(tmp_path / "x.json", segmentation[kind]) if kind in segmentation else WAYS["yolo shapes"](tmp_path)
    truth = data(pictures, source, fit=fit).batch([0]).truth
    assert truth is not None
    assert truth.instances is not None
    for i in range(int(truth.present[0].sum())):
        x0, y0, x1, y1 = truth.boxes[0, i]
        middle = torch.arange(10) + 0.5
        inside = ((middle >= y0) & (middle < y1))[:, None] & ((middle >= x0) & (middle < x1))
        assert torch.equal(truth.instances[0] == i + 1, inside)


def test_masks_that_some_objects_lack_are_not_half_used(pictures: Path, tmp_path: Path) -> None:
    given = iter([None, corners(14, 0, 4, 10), None])
    truth = data(pictures, as_coco(tmp_path / "x.json", lambda *box: next(given))).batch([0]).truth
    assert truth is not None
    assert truth.instances is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.randoms(use_true_random=False), st.floats(0, 1))
def test_run_lengths_are_those_of_pycocotools(height: int, width: int, random: Any, density: float) -> None:
    from pycocotools import mask as theirs

    mask = np.array([[random.random() < density for _ in range(width)] for _ in range(height)])
    ours = run_lengths(mask)
    encoded = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert to_text(ours).encode() == encoded["counts"]
    assert from_text(encoded["counts"].decode()) == ours
    assert np.array_equal(mask_of(ours, height, width), mask)


# Which pictures, which classes


def test_names_order_the_classes(pictures: Path, tmp_path: Path) -> None:
    table = WAYS["corners"](tmp_path)
    truth = data(pictures, table, names=("star", "disc", "ring")).batch([0]).truth
    assert truth is not None
    assert truth.labels[0].tolist() == [0, 1]
    with pytest.raises(DataError, match=r"x\.csv, line 2: no class is called 'star'; did you mean 'stars'"):
        data(pictures, table, names=("stars", "disc")).batch([0])


def test_classes_that_nobody_names_go_by_their_numbers(pictures: Path, tmp_path: Path) -> None:
    labels = WAYS["yolo"](tmp_path)
    (labels / "data.yaml").unlink()
    assert data(pictures, labels).classes == ("0", "1")
    (labels / "classes.txt").write_text("disc\nstar\n")
    assert data(pictures, labels).classes == CLASSES


@pytest.mark.parametrize("way", ["yolo", "corners"])
def test_a_picture_that_a_format_need_not_name_is_empty_and_counted(way: str, pictures: Path, tmp_path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT)).save(pictures / "d.png")
    found = data(pictures, WAYS[way](tmp_path))
    truth = found.batch([2]).truth
    assert truth is not None
    assert not truth.present.any()
    assert any("no annotation names 1 of 4 pictures of the train split" in note for note in found.notes())


@pytest.mark.parametrize("way", ["coco", "yolo", "corners"])
def test_annotations_among_the_pictures_are_not_told_as_left_out(way: str, pictures: Path) -> None:
    source = WAYS[way](pictures)
    assert not any("not read" in note for note in data(pictures, source).notes())
    (pictures / "readme.md").touch()
    assert any("not read: 1 .md (" in note for note in data(pictures, source).notes())


def test_a_split_that_nobody_annotated_has_no_truth(pictures: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (pictures / split).mkdir()
        Image.new("RGB", (WIDTH, HEIGHT)).save(pictures / split / "0.png")
    table = tmp_path / "test.csv"
    table.write_text("file,x0,y0,x1,y1\n0.png,15,2,25,12\n")
    found = data(pictures, table)
    assert found.batch([0]).truth is None
    truth = found.at("test").batch([0]).truth
    assert truth is not None
    assert found.classes == ("object",)
    assert truth.boxes[0, 0].tolist() == [2.5, 1, 7.5, 6]


# What is wrong


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label,x0,y0\na.png,disc,1,2\n", r"x\.csv: line 1 names the columns file, label, x0, y0; expected"),
        ("label,x0,y0,x1,y1\n", "expected file, label and a box"),
        ("", r"line 1 names the columns \(none\)"),
        ("file,x0,y0,x1,y1\na.png,1,2,x,4\n", r"line 2: a box of '1', '2', 'x', '4'; expected four numbers"),
        ("file,x0,y0,x1,y1\na.png,1,2,,4\n", "line 2: a box of '1', '2', '', '4'"),
        ("file,x0,y0,x1,y1\n\na.png,nan,2,5,4\n", "line 3: the box is not finite"),
        ("file,x0,y0,x1,y1\na.png,5,2,5,4\n", "line 2: a box of 0 x 2: it has no area"),
        ("file,x0,y0,x1,y1\n,5,2,6,4\n", "line 2: names no picture"),
        ("file,label,x0,y0,x1,y1\na.png,,5,2,6,4\n", "line 2: names no class"),
        ("file,x0,y0,x1,y1\nb.png,5,2,6,4\n", "line 2: there is no picture .*b.png; did you mean"),
        ("file,x0,y0,x1,y1\na.png,41,2,60,4\n", r"line 2: the box \(41, 2, 60, 4\) lies outside .* a.png of 40 x 20"),
        ("file,x0,y0,x1,y1\na.png,-9,2,0,4\n", "line 2: .* lies outside"),
        ("file,x0,y0,x1,y1\na.png,5,2,6,4\na.png,5,2,6,4\n", r"line 3: the same box .* as at .*x\.csv, line 2"),
        ('file,x0,y0,x1,y1\n"a.png,5,2,6,4\n', "x.csv"),
        (b"file,x0,y0,x1,y1\n\xff\xfe", "not a text that can be read"),
    ],
)
def test_a_table_says_in_which_line_it_is_wrong(text: str | bytes, words: str, pictures: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=words):
        data(pictures, source).batch([0])
    check = check_folder(pictures, [source])
    assert check.annotations
    assert not check.sound


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.1", r"a\.txt, line 2: 4 numbers; expected class x y width height"),
        ("0 0.5 0.5 0.1 0.1 0.9", "6 numbers"),
        ("disc 0.5 0.5 0.1 0.1", "line 2: expected numbers"),
        ("0.5 0.5 0.5 0.1 0.1", "'0.5' is no class"),
        ("-1 0.5 0.5 0.1 0.1", "'-1' is no class"),
        ("2 0.5 0.5 0.1 0.1", r"class 2, which nobody names \(there is 0 disc, 1 star\)"),
        ("0 20 10 5 5", "20, where shares of the picture's sides are expected"),
        ("0 0.5 0.5 0 0.1", "has no area"),
        ("0 0.5 nan 0.1 0.1", "not finite"),
        ("0 1.5 0.5 0.1 0.1", "lies outside"),
        ("1 0.575 0.4 0.15 0.4", r"the same box of the same class as at .*a\.txt, line 1"),
    ],
)
def test_a_label_says_in_which_line_it_is_wrong(line: str, words: str, pictures: Path, tmp_path: Path) -> None:
    labels = as_yolo(tmp_path / "labels", lambda x, y, w, h: numbers(share(x + w / 2, y + h / 2, w, h)))
    (labels / "a.txt").write_text(f"1 0.575 0.4 0.15 0.4\n{line}\n")
    with pytest.raises(DataError, match=words):
        data(pictures, labels).batch([0])


def test_labels_of_no_picture_are_named(pictures: Path, tmp_path: Path) -> None:
    labels = WAYS["yolo"](tmp_path)
    (labels / "z.txt").write_text("")
    with pytest.raises(DataError, match=r"z\.txt: no picture has this name"):
        data(pictures, labels).batch([0])
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no labels in this folder"):
        data(pictures, tmp_path / "none").batch([0])
    with pytest.raises(DataError, match="name the folder that these lie in"):
        data(pictures, labels / "a.txt").batch([0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda known: known["images"].append(known["images"][0]), r"images\[3\]: the id 0 a second time"),
        (lambda known: known["images"].append({**known["images"][0], "id": 9}), "a.png a second time; first at"),
        (lambda known: known["annotations"][0].update(image_id=9), r"annotations\[0\]: of image 9"),
        (lambda known: known["annotations"].append(known["annotations"][0]), r"annotations\[3\]: the same box"),
        (lambda known: known["annotations"][1].update(bbox=[50, 0, 4, 4]), r"annotations\[1\]: the box .* outside"),
        (lambda known: known["annotations"][1].update(bbox=[1, 0, 4]), r"annotations\[1\]: a bbox of 3 numbers"),
        (lambda known: known["images"][0].update(width=999), "noted in a picture of 999 x"),
        (lambda known: known["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), "three corners"),
        (lambda known: known["annotations"][0].update(segmentation={"size": [2, 2], "counts": [3]}), "3 pixels in all"),
        (lambda known: known["categories"].append({"id": 8, "name": "disc"}), "two categories"),
    ],
)
def test_a_coco_file_says_which_entry_is_wrong(change: Any, words: str, pictures: Path, tmp_path: Path) -> None:
    file = as_coco(tmp_path / "x.json")
    known = json.loads(file.read_text())
    change(known)
    file.write_text(json.dumps(known))
    with pytest.raises(DataError, match=words):
        data(pictures, file).batch([0])


def test_all_problems_are_told_at_once(pictures: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("file,x0,y0,x1,y1\n" + "".join(f"{i}.png,5,2,6,4\n" for i in range(30)))
    with pytest.raises(DataError, match=r"line 2: .*\n.*line 3: (.*\n)+\.\.\. and 18 more"):
        data(pictures, source).batch([0])

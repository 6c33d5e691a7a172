"""What `gnm reconstruct --export` writes, other programs read: pycocotools and pandas."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import load_run
from gnm_core.cli import main
from gnm_core.dims import Dims
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.metrics.detection import AveragePrecision
from gnm_core.parts.data.image_folder import ImageFolder
from gnm_core.parts.data.picture import read_picture
from PIL import Image

WIDTH, HEIGHT = 60, 40

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own


def reconstruct(run: Path, *options: object) -> Result:
    return CliRunner().invoke(main, ["reconstruct", str(run), *map(str, options)])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("a.png", "deep/b.png", "c.jpg"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def coco_of(file: Path) -> Any:
    from pycocotools.coco import COCO

    return COCO(str(file))


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_every_format_holds_what_the_model_found(
    make_run: Callable[..., Path], pictures: Path, tmp_path: Path, masks: bool, fit: str
) -> None:
    run = make_run(masks=masks, certainty=1.0)
    for kind in ("coco", "csv", "parquet"):
        done = reconstruct(run, pictures, "--out", tmp_path / "out", "--fit", fit, "--export", kind, "--export-only")
        assert done.exit_code == 0, done.output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("predictions.csv", "predictions.json", "predictions.parquet")
    ]
    coco = coco_of(tmp_path / "out/predictions.json")
    table = pd.read_csv(tmp_path / "out/predictions.csv")
    pd.testing.assert_frame_equal(table, pd.read_parquet(tmp_path / "out/predictions.parquet"))
    model = load_run(run).model
    rows = 0
    for image in coco.loadImgs(coco.getImgIds()):
        picture = read_picture(pictures / image["file_name"], model.dims, fit=fit)  # type: ignore[arg-type]
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
        objects = model.objects(torch.from_numpy(picture.pixels)[None] / 255)
        assert objects is not None
        found = coco.loadAnns(coco.getAnnIds(image["id"]))
        here = table[(table.file == image["file_name"]) & table.label.notna()]
        assert len(found) == len(here) == int(objects.present.sum()) > 0
        assert set(here.id) == {image["id"]}
        for one, (_, row), place in zip(found, here.iterrows(), objects.order(0), strict=True):
            box = picture.frame.to_original(objects.boxes[0, place], model.dims.size).tolist()
            x, y, width, height = one["bbox"]
            assert [x, y, x + width, y + height] == pytest.approx(box, abs=1e-3)
            assert [row.x0, row.y0, row.x1, row.y1] == pytest.approx(box, abs=1e-3)
            assert one["score"] == pytest.approx(row.confidence) == pytest.approx(float(objects.confidence[0, place]))
            assert one["depth"] == pytest.approx(row.depth)
            assert coco.annToMask(one).shape == (HEIGHT, WIDTH)
            assert one["segmentation"]["counts"] == row["mask"]
            rows += 1
    assert rows == len(coco.anns)


def test_masks_are_those_of_the_model(make_run: Callable[..., Path], pictures: Path, tmp_path: Path) -> None:
    run = make_run(masks=True, certainty=1.0)
    assert (
        reconstruct(
            run, pictures / "a.png", "--out", tmp_path / "out", "--fit", "stretch", "--export", "coco"
        ).exit_code
        == 0
    )
    coco, model = coco_of(tmp_path / "out/predictions.json"), load_run(run).model
    image = torch.from_numpy(read_picture(pictures / "a.png", model.dims, fit="stretch").pixels)[None] / 255
    objects, parts = model.objects(image), model.components(image)
    assert objects is not None
    assert parts is not None
    shares = parts.visible[0, :, 0]
    middles = [np.floor((np.arange(n) + 0.5) * 32 / n).astype(int) for n in (HEIGHT, WIDTH)]
    for one, place in zip(coco.loadAnns(coco.getAnnIds(1)), objects.order(0), strict=True):
        own = (shares.argmax(0) == place) & (shares.amax(0) >= 0.1)
        assert np.array_equal(coco.annToMask(one), own.numpy()[middles[0]][:, middles[1]])
    assert (tmp_path / "out/a.png").exists()  # the panels come as well


def test_pycocotools_gives_our_average_precision(
    make_run: Callable[..., Path], pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pycocotools.cocoeval import COCOeval

    run = make_run(masks=True, certainty=1.0)
    model, random = load_run(run).model, np.random.default_rng(1)
    names, annotations = ["a.png", "c.jpg", "deep/b.png"], []
    for i, name in enumerate(names):
        picture = read_picture(pictures / name, model.dims, fit="stretch")
        objects = model.objects(torch.from_numpy(picture.pixels)[None] / 255)
        assert objects is not None
        for place in objects.order(0)[1:3]:  # true boxes are some of those found, a little aside
            x0, y0, x1, y1 = picture.frame.to_original(objects.boxes[0, place], 32).tolist()
            dx, dy = random.uniform(-0.15, 0.15, 2) * (x1 - x0, y1 - y0)
            box = [x0 + dx, y0 + dy, x1 - x0, y1 - y0]
            number = len(annotations) + 1
            annotations.append(
                {
                    **{"id": number, "image_id": 10 + i, "category_id": 1 + place % 2, "bbox": box},
                    "area": 1,
                    "iscrowd": 0,
                }
            )
    truth = tmp_path / "truth.json"
    truth.write_text(
        json.dumps(
            {
                "images": [
                    {"id": 10 + i, "file_name": n, "width": WIDTH, "height": HEIGHT} for i, n in enumerate(names)
                ],
                "annotations": annotations,
                "categories": [{"id": 1, "name": "odd"}, {"id": 2, "name": "even"}],
            }
        )
    )
    done = reconstruct(
        run,
        pictures,
        "--out",
        tmp_path / "out",
        "--fit",
        "stretch",
        "--export",
        "coco",
        "--export-only",
        "--ids",
        truth,
    )
    assert done.exit_code == 0, done.output
    known = coco_of(truth)
    found = known.loadRes(json.loads((tmp_path / "out/predictions.json").read_text())["annotations"])
    judged = COCOeval(known, found, "bbox")
    judged.params.useCats = 0  # the model names no classes
    judged.params.areaRng, judged.params.areaRngLbl = [[0, 1e10]], ["all"]
    judged.evaluate()
    judged.accumulate()
    precision = judged.eval["precision"]  # (thresholds, recalls, classes, areas, most)
    data = ImageFolder(
        Dims(channels=3, size=32),
        dir=pictures,
        annotations=(truth,),
        fit="stretch",
        validation=0.0,
        test=1.0,
        split="test",
    )
    context, metric = EvaluationContext(model, data), AveragePrecision(resamples=0)
    ours = metric.measure(context, [metric.update(view) for view in context.batches(None)]).values
    assert ours[2].name == "AP@0.5 (all-point)"
    assert float(precision[0, :, 0, 0, -1].mean()) == pytest.approx(ours[2].value, abs=0.02)  # 101 recalls, not all
    assert float(precision[..., 0, 0, -1].mean()) == pytest.approx(ours[3].value, abs=0.02)
    assert 0.1 < ours[2].value < 1


def test_a_table_of_predictions_is_a_table_of_annotations(
    make_run: Callable[..., Path], pictures: Path, tmp_path: Path
) -> None:
    run = make_run(masks=True, certainty=1.0)
    reconstruct(run, pictures, "--out", tmp_path / "out", "--fit", "pad", "--export", "csv", "--export-only")
    data = ImageFolder(
        Dims(channels=3, size=32),
        dir=pictures,
        annotations=(tmp_path / "out/predictions.csv",),
        fit="pad",
        validation=0,
        test=0,
    )
    truth, model = data.batch(range(3)).truth, load_run(run).model
    assert truth is not None
    found = model.objects(data.batch(range(3)).image)
    assert found is not None
    for i in range(3):
        torch.testing.assert_close(truth.boxes[i][truth.present[i]], found.boxes[i][found.order(i)], atol=1e-3, rtol=0)


def test_pictures_without_objects_are_listed_too(make_run: Callable[..., Path], pictures: Path, tmp_path: Path) -> None:
    run = make_run(certainty=-20)
    for kind in ("coco", "csv", "parquet"):
        assert reconstruct(run, pictures, "--out", tmp_path, "--export", kind, "--export-only").exit_code == 0
    coco = coco_of(tmp_path / "predictions.json")
    assert (len(coco.imgs), len(coco.anns)) == (3, 0)
    for table in (pd.read_csv(tmp_path / "predictions.csv"), pd.read_parquet(tmp_path / "predictions.parquet")):
        assert table.file.tolist() == ["a.png", "c.jpg", "deep/b.png"]
        assert table.id.tolist() == [1, 2, 3]
        assert table.x0.isna().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--export", "xml"], "--export"),
        (["--export-only"], "--export-only and --ids go with --export"),
        (["--ids", "x.json"], "--export-only and --ids go with --export"),
        (["--export", "coco", "--ids", "missing.json"], "missing.json: there is no such file"),
        (["--export", "coco", "--ids", "few.json"], "has no image whose file_name is a.png, nor 2 others"),
        (["--export", "coco", "--background", "wite"], "--background: 'wite' is no colour"),
    ],
)
def test_what_cannot_be_exported_ends_with_2(
    make_run: Callable[..., Path],
    pictures: Path,
    tmp_path: Path,
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.json").write_text('{"images": []}')
    done = reconstruct(make_run(), pictures, "--out", tmp_path / "out", *options)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_parquet_without_its_package_is_told_first(
    make_run: Callable[..., Path], pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = reconstruct(make_run(), pictures, "--out", tmp_path / "out", "--export", "parquet")
    assert (done.exit_code, "pip install 'gnm-render[parquet]'" in done.output) == (2, True)

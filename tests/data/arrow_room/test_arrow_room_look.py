"""The looks of the Arrow Room: fitted to the published scenes, recorded, and the former one where none is recorded."""

import hashlib
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from gnm_core import load_run
from gnm_core.cli import main
from gnm_core.dims import Dims
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec
from gnm_data.arrow_room import layout
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.look import Look
from gnm_data.arrow_room.looks import LOOKS, PUBLISHED, STUDIO
from gnm_data.arrow_room.room import Body, Room
from gnm_data.arrow_room.tracer import Tracer
from gnm_data.arrow_room.truth import look_at
from gnm_data.storage import Source, build, recipe_of
from gnm_data.storage.manifest import MANIFEST, read_manifest, write_manifest
from scipy.ndimage import gaussian_filter

DATA = {"use": "arrow-room", "painter": {"use": "tracer", "antialias": 1}}
SIZES = {"channels": 3, "size": 32, "grid": 2, "features": 8, "scene": 4, "what": 4, "background": 2}
SPEC = {"dims": SIZES, "data": DATA}


def softened(pictures: np.ndarray) -> np.ndarray:
    """(B, S, S, 3) in [0, 1]: as soft as what a trained model draws."""
    return np.asarray(gaussian_filter(pictures / 255.0, (0, 0.55, 0.55, 0)))


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    rooms = [layout.sample(0, "test", index, PUBLISHED) for index in range(400)]
    return softened(Tracer().paint(rooms, 128))


def objects(pictures: np.ndarray) -> np.ndarray:
    """(B, S, S): pixels unlike the median picture."""
    return np.asarray(np.abs(pictures - np.median(pictures, axis=0)).max(-1) > 0.12)


def test_the_background_is_that_of_the_published_scenes(scenes: np.ndarray) -> None:
    rows = np.median(scenes, axis=0)[[4, 32, 64, 96, 124]].mean((1, 2))
    assert np.abs(rows - [0.547, 0.577, 0.579, 0.658, 0.656]).max() < 0.03


def test_objects_are_as_large_and_lie_as_in_the_published_scenes(scenes: np.ndarray) -> None:
    found = objects(scenes)
    assert found.mean() == pytest.approx(0.147, rel=0.06)
    eighths = found.mean((0, 1)).reshape(8, 16).mean(1)
    published = np.array([0.071, 0.188, 0.145, 0.195, 0.179, 0.142, 0.187, 0.071])
    assert np.abs(eighths / published - 1).max() < 0.2
    touching = (found[:, :, 0].any(1) | found[:, :, -1].any(1)).mean()
    assert 0.2 < touching < 0.36


def test_colours_are_as_strong_as_in_the_published_scenes(scenes: np.ndarray) -> None:
    found, top, low = objects(scenes), scenes.max(-1), scenes.min(-1)
    saturation = (top - low) / (top + 1e-6)
    means = [one[mask].mean() for one, mask in zip(saturation, found, strict=True)]
    assert np.mean(means) == pytest.approx(0.394, abs=0.02)
    assert np.quantile(saturation[found], 0.9) == pytest.approx(0.574, rel=0.1)


def test_metal_mirrors_the_dark_on_its_tops() -> None:
    def top_to_all(look: Look) -> float:
        """Brightness of the middle of a cube's top, as a share of the whole cube's."""
        room = Room((Body("cube", "gray", 0.0, -0.5, 0.6),), "metal", look.light.lamps, look=look)
        picture, seen = Tracer().paint([room], 128)[0].mean(-1), look_at([room], 128)[0]
        x, y = look.camera.project(np.array([[0.0], [-0.5], [2 * look.sizes.cube]]), 128)
        middle = picture[int(y[0]) - 1 : int(y[0]) + 2, int(x[0]) - 3 : int(x[0]) + 4]
        return float(middle.mean() / picture[seen.instances > 0].mean())

    assert top_to_all(PUBLISHED) < 0.92 * top_to_all(STUDIO)


@pytest.mark.parametrize("name", list(LOOKS))
def test_rules_and_truth_hold_in_every_look(name: str) -> None:
    data = ArrowRoom(Dims(channels=3, size=64), painter=Tracer(antialias=1), look=name)  # type: ignore[arg-type]
    for room in data.rooms(range(40)):
        assert room.look == LOOKS[name]  # type: ignore[index]
        assert layout.spaced(room)
        assert layout.pointed_at(room, room.look.places.clearance) == room.target
        assert layout.recognisable(room)
    truth = data.batch(range(4)).truth
    assert truth is not None
    assert truth.instances is not None
    assert truth.visible_boxes is not None
    for b in range(4):
        for i in range(4):
            rows, columns = np.nonzero(truth.instances[b].numpy() == i + 1)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert truth.visible_boxes[b, i].tolist() == box


def test_looks_paint_compiled_what_they_paint_in_numpy() -> None:
    rooms = [layout.sample(2, "train", index, PUBLISHED) for index in range(4)]
    assert {room.material for room in rooms} == {"rubber", "metal"}
    assert (Tracer().paint(rooms, 40) == Tracer().paint_in_numpy(rooms, 40)).all()


def test_a_spec_has_the_published_look_and_a_recorded_one_without_it_the_former() -> None:
    assert load_spec(SPEC, top=DataSpec).resolved()["data"]["look"] == "published"  # type: ignore[index]
    recorded = load_spec(SPEC, top=DataSpec, recorded=True)
    assert recorded.resolved()["data"]["look"] == "studio"  # type: ignore[index]
    rooms = recorded.data("test").rooms([0])  # type: ignore[attr-defined]
    assert rooms == [layout.sample(0, "test", 0, STUDIO)]
    named = {**SPEC, "data": {**DATA, "look": "published"}}
    assert load_spec(named, top=DataSpec, recorded=True).resolved()["data"]["look"] == "published"  # type: ignore[index]


def test_a_run_from_before_there_were_looks_goes_on_and_is_evaluated_in_the_former(tmp_path: Path) -> None:
    spec = {
        **SPEC,
        "model": {"use": "gnm", "core": {"use": "structdraw", "steps": 2}},
        "train": {"steps": 2, "batch": 2, "log_every": 1, "picture_every": 0},
    }
    path, run = tmp_path / "spec.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(spec))
    call = CliRunner().invoke(main, ["train", "--spec", str(path), "--out", str(run), "--steps", "1"])
    assert call.exit_code == 0, call.output
    assert yaml.safe_load((run / "spec.yaml").read_text())["data"]["look"] == "published"
    for folder in (run, *run.glob("checkpoints/*")):
        forget_the_look(folder)
    assert load_run(run).spec.resolved()["data"]["look"] == "studio"  # type: ignore[index]
    call = CliRunner().invoke(main, ["evaluate", str(run), "--metrics", "speed"])
    assert call.exit_code == 0, call.output
    report = html.unescape((run / "evaluation" / "report.html").read_text())
    assert re.search(r"gnm train --spec \S+ --out again --steps 1 --set data\.look=studio", report)
    assert not re.search(r"gnm evaluate [^<]*data\.look", report)
    call = CliRunner().invoke(main, ["train", "--resume", str(run)])
    assert call.exit_code == 0, call.output
    assert yaml.safe_load((run / "spec.yaml").read_text())["data"]["look"] == "studio"
    call = CliRunner().invoke(main, ["evaluate", str(run), "--metrics", "speed", "--no-report"])
    assert call.exit_code == 0, call.output


def forget_the_look(folder: Path) -> None:
    """Make a run's folder, or a checkpoint's, one from before there were looks."""
    record = yaml.safe_load((folder / "spec.yaml").read_text())
    assert record["data"].pop("look") == "published"
    (folder / "spec.yaml").write_text(yaml.safe_dump(record))
    if (folder / "meta.json").exists():
        meta, content = json.loads((folder / "meta.json").read_text()), (folder / "spec.yaml").read_bytes()
        meta["files"]["spec.yaml"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / "meta.json").write_text(json.dumps(meta))


def test_a_stored_set_records_its_look_and_one_without_it_goes_on_in_the_former(tmp_path: Path) -> None:
    def store(look: str, split: str) -> None:
        spec = load_spec({**SPEC, "data": {**DATA, "look": look}}, top=DataSpec)
        build(Source(spec.resolved(), split), recipe_of(spec), tmp_path / "set", count=2)

    store("studio", "test")
    manifest = read_manifest(tmp_path / "set")
    assert manifest.recipe.spec["data"].pop("look") == "studio"
    write_manifest(tmp_path / "set", manifest)
    assert '"look"' not in (tmp_path / "set" / MANIFEST).read_text()
    with pytest.raises(Exception, match="look: studio there, published asked for"):
        store("published", "validation")
    store("studio", "validation")
    assert json.loads((tmp_path / "set" / MANIFEST).read_text())["splits"].keys() == {"test", "validation"}
    call = CliRunner().invoke(main, ["data", "verify", str(tmp_path / "set")])
    assert call.exit_code == 0, call.output

"""What the studio's server answers, and what it refuses."""

import asyncio
import base64
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gnm_render.studio.guard import LARGEST_BODY
from gnm_render.studio.models import Loaded
from gnm_render.studio.newest import Overtaken, Worker
from PIL import Image
from starlette.testclient import TestClient

Ask = Callable[..., Any]
TOKEN, PORT = "a-token-of-these-tests", 8123  # those of conftest


def pixels(url: str) -> np.ndarray:
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image).astype(int)


def picture(width: int = 40, height: int = 30) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_models_say_what_they_can_do(client: TestClient) -> None:
    masks, plain = client.get(f"/{TOKEN}/api/models").json()
    assert (masks["name"], masks["kind"], masks["size"], masks["channels"]) == ("masks", "gnm", 32, 3)
    assert masks["abilities"] == {
        **dict.fromkeys(("edit", "front", "complete", "interpolate", "steps", "from_code"), True),
        "judge": False,
    }
    assert not plain["abilities"]["front"]


def test_the_same_seed_gives_the_same_samples_and_each_is_a_scene_of_its_own(ask: Ask) -> None:
    first, again = (ask("sample", model=0, count=3, seed=5) for _ in range(2))
    assert [one["image"] for one in first] == [one["image"] for one in again]
    assert len({one["scene"] for one in (*first, *again)}) == 6


def test_a_box_that_is_set_is_the_objects_box_and_pixels_change_there_alone(ask: Ask) -> None:
    scene = ask("sample", model=0, count=1, seed=1)[0]
    old = scene["objects"][0]["box"]
    new = [old[0] + 2, old[1] - 1, old[2] + 6, old[3] - 1]
    after = ask("edit", scene=scene["scene"], edit={"do": "box", "number": 0, "box": new})
    assert np.allclose(after["objects"][0]["box"], new, atol=2e-3)
    changed = np.abs(pixels(after["image"]) - pixels(scene["image"])).max(-1)
    size = changed.shape[0]
    inside = np.zeros((size, size), bool)
    for x0, y0, x1, y1 in (old, new):
        inside[max(0, int(y0) - 2) : int(y1) + 3, max(0, int(x0) - 2) : int(x1) + 3] = True
    assert changed[~inside].max(initial=0) == 0
    assert changed.max() > 0
    assert pixels(
        ask("edit", scene=after["scene"], edit={"do": "box", "number": 0, "box": old})["image"]
    ) == pytest.approx(pixels(scene["image"]), abs=1)


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        ({"do": "remove", "number": 0}, -1),
        ({"do": "swap", "number": 0, "other": 1}, 0),
        ({"do": "front", "number": 1}, 0),
        ({"do": "depth", "number": 1, "depth": 2.5}, 0),
    ],
)
def test_every_edit_gives_a_new_scene_and_leaves_the_old_one(ask: Ask, edit: dict[str, Any], count: int) -> None:
    scenes = ask("sample", model=0, count=8, seed=2)
    scene = max(scenes, key=lambda one: len(one["objects"]))
    after = ask("edit", scene=scene["scene"], edit=edit)
    assert after["scene"] != scene["scene"]
    assert len(after["objects"]) == len(scene["objects"]) + count
    same = ask("edit", scene=scene["scene"], edit=edit)
    assert same["image"] == after["image"]


def test_copies_and_objects_of_other_scenes_come_in(ask: Ask) -> None:
    scenes = ask("sample", model=0, count=16, seed=2)
    fewest = min((one for one in scenes if one["objects"]), key=lambda one: len(one["objects"]))
    one_less = ask("edit", scene=fewest["scene"], edit={"do": "remove", "number": 0})
    pasted = ask("edit", scene=one_less["scene"], edit={"do": "paste", "source": fewest["scene"], "number": 0})
    assert pasted["image"] == fewest["image"]
    copied = (
        ask("edit", scene=one_less["scene"], edit={"do": "remove", "number": 0}) if one_less["objects"] else one_less
    )
    if copied["objects"]:
        doubled = ask("edit", scene=copied["scene"], edit={"do": "duplicate", "number": 0, "dx": 3, "dy": 1})
        assert len(doubled["objects"]) == len(copied["objects"]) + 1


def test_sliders_of_appearance_stand_where_the_object_is_and_go_back(ask: Ask) -> None:
    scene = ask("sample", model=0, count=1, seed=1)[0]
    amounts = ask("directions", scene=scene["scene"], number=0)["amounts"]
    assert len(amounts) == 4
    edit = {"do": "appearance", "number": 0, "amounts": [amounts[0] + 3, *amounts[1:]]}
    moved = ask("edit", scene=scene["scene"], edit=edit)
    there = ask("directions", scene=moved["scene"], number=0)["amounts"]
    assert np.allclose(there, edit["amounts"], atol=1e-3)
    back = ask("edit", scene=moved["scene"], edit={**edit, "amounts": amounts})
    assert np.abs(pixels(back["image"]) - pixels(scene["image"])).max() <= 1


def test_the_rest_is_samplet_between_two_there_are_more_and_drawings_have_steps(ask: Ask) -> None:
    first, last = ask("sample", model=1, count=2, seed=3)
    done = ask("complete", scene=first["scene"], keep=[0] if first["objects"] else [], seed=1)
    assert 1 <= done["effective"] <= done["proposals"] + 1e-6
    between = ask("between", first=first["scene"], last=last["scene"], count=4)
    assert np.abs(pixels(between[0]["image"]) - pixels(first["image"])).max() <= 1
    steps = ask("steps", scene=first["scene"])
    assert len(steps) == 3
    assert steps[-1]["image"] == first["image"]


def test_a_picture_of_ones_own_is_taken_apart_by_every_model(client: TestClient) -> None:
    answer = client.post(f"/{TOKEN}/api/see", content=picture())
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert [one["model"] for one in seen] == [0, 1]
    assert all(one["input"].startswith("data:image/png") and one["from_code"] for one in seen)
    one = client.post(f"/{TOKEN}/api/see?model=1", content=picture()).json()
    assert [scene["model"] for scene in one] == [1]


def test_a_scene_goes_into_a_file_and_comes_back(ask: Ask, client: TestClient) -> None:
    scene = ask("sample", model=0, count=1, seed=4)[0]
    edited = ask("edit", scene=scene["scene"], edit={"do": "remove", "number": 0})
    base = f"/{TOKEN}/api/scene/{edited['scene']}"
    file = client.get(f"{base}.json")
    assert "attachment" in file.headers["content-disposition"]
    again = client.post(f"/{TOKEN}/api/open?model=0", content=file.content).json()
    assert again["image"] == edited["image"]
    assert again["objects"] == edited["objects"]
    with Image.open(io.BytesIO(client.get(f"{base}.png").content)) as image:
        assert image.size == (32, 32)
    with zipfile.ZipFile(io.BytesIO(client.get(f"{base}.zip").content)) as archive:
        names = archive.namelist()
        assert len(names) == 2 + len(edited["objects"])
        for name in names:
            Image.open(io.BytesIO(archive.read(name))).load()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: [], "is no scene that the studio saved"),
        (lambda d: {**d, "gnm-scene": 2}, "is no scene that the studio saved"),
        (lambda d: {**d, "latents": {**d["latents"], "what": [[1]]}}, "is of another model"),
        (lambda d: {**d, "latents": {**d["latents"], "where": "x"}}, "has no sound 'where'"),
        (lambda d: {**d, "latents": {**d["latents"], "depth": [[[1e300]] * 2] * 2}}, "not finite, or is very large"),
        (lambda d: {**d, "background": None}, "has no sound 'background'"),
    ],
)
def test_a_broken_file_brings_nothing_back(
    ask: Ask, client: TestClient, change: Callable[[Any], Any], says: str
) -> None:
    number = ask("sample", model=0, count=1, seed=4)[0]["scene"]
    data = client.get(f"/{TOKEN}/api/scene/{number}.json").json()
    answer = client.post(f"/{TOKEN}/api/open?model=0", content=json.dumps(change(data)))
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert client.post(f"/{TOKEN}/api/open?model=0", content=b"[" * 100_000).status_code == 400


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 404),
        ("/api/models", {}, 404),
        ("/wrong/api/models", {}, 404),
        (f"/{TOKEN[:-1]}/api/models", {}, 404),
        (f"/{TOKEN}/api/models", {"host": "evil.example:8123"}, 421),
        (f"/{TOKEN}/api/models", {"host": "127.0.0.1:9"}, 421),
        (f"/{TOKEN}/api/models", {"origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/api/models", {"origin": "null"}, 403),
        (f"/{TOKEN}/api/models", {"sec-fetch-site": "cross-site"}, 403),
        (f"/{TOKEN}/api/models", {"origin": f"http://127.0.0.1:{PORT}"}, 200),
        (f"/{TOKEN}/api/models", {"host": f"localhost:{PORT}"}, 200),
        (f"/{TOKEN}/../{TOKEN}/../../etc/passwd", {}, 404),
        (f"/{TOKEN}/%2e%2e/%2e%2e/app.py", {}, 404),
        (f"/{TOKEN}/../app.py", {}, 404),
        (f"/{TOKEN}/api/scene/99.png", {}, 404),
        (f"/{TOKEN}/api/scene/0.exe", {}, 404),
    ],
)
def test_only_our_own_page_with_the_token_is_answered(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    assert client.get(path, headers=headers).status_code == status


def test_answers_forbid_everything_from_elsewhere(client: TestClient) -> None:
    headers = client.get(f"/{TOKEN}/api/models").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def bomb() -> bytes:
    """A small PNG that says it is 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"not a picture", "not a picture that can be read"),
        (bomb(), "60000 x 60000 pixels, more than"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\nshowpage\n%%EOF\n", "not a picture that can be read"),
        (picture()[:200], "not a picture that can be read"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(client: TestClient, body: bytes, says: str) -> None:
    answer = client.post(f"/{TOKEN}/api/see", content=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert "/tmp" not in answer.json()["error"]


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client: TestClient) -> None:
    declared = {"content-length": str(2 * 2**30)}
    assert client.post(f"/{TOKEN}/api/see", content=b"x", headers=declared).status_code == 413

    def endless() -> Any:
        for _ in range(LARGEST_BODY // 2**20 + 2):
            yield b"\0" * 2**20

    assert client.post(f"/{TOKEN}/api/see", content=endless()).status_code == 413


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("edit", '{"scene": 0, "edit": {"do": "box", "number": 0, "box": [NaN, 0, 1, 1]}}'),
        ("edit", '{"scene": 0, "edit": {"do": "box", "number": 0, "box": [0, 0, 1e308, 1]}}'),
        ("edit", '{"scene": 0, "edit": {"do": "explode", "number": 0}}'),
        ("edit", '{"scene": -1, "edit": {"do": "remove", "number": 0}}'),
        ("edit", '{"scene": 0, "edit": {"do": "remove", "number": "0"}}'),
        ("edit", '{"scene": 0}'),
        ("sample", '{"model": 0, "count": 1000000, "seed": 0}'),
        ("sample", '{"model": 0, "count": 1, "seed": 0, "also": 1}'),
        ("between", '{"first": 0, "last": 0, "count": 100000}'),
        ("complete", "[" * 10_000),
    ],
)
def test_requests_that_make_no_sense_are_refused_by_name(client: TestClient, path: str, body: str) -> None:
    answer = client.post(f"/{TOKEN}/api/{path}", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_what_cannot_be_edited_is_said(ask: Ask, client: TestClient) -> None:
    scene = ask("sample", model=1, count=1, seed=4)[0]["scene"]
    for edit, says in (
        ({"do": "remove", "number": 99}, "there is no object 99"),
        ({"do": "front", "number": 0}, "no masks"),
        ({"do": "box", "number": 0, "box": [3, 3, 3.1, 9]}, "0.5 pixels wide"),
        ({"do": "appearance", "number": 0, "amounts": [1]}, "no such directions"),
        ({"do": "paste", "source": 12345, "number": 0}, "is not known any more"),
    ):
        answer = client.post(f"/{TOKEN}/api/edit", json={"scene": scene, "edit": edit})
        assert answer.status_code == 400, answer.text
        assert says in answer.json()["error"]


def test_of_two_hundred_drags_at_once_the_newest_is_answered_and_nothing_piles_up() -> None:
    made: list[int] = []

    def work(number: int) -> Callable[[], int]:
        def run() -> int:
            made.append(number)
            torch.randn(300, 300) @ torch.randn(300, 300)
            return number

        return run

    async def many() -> list[Any]:
        worker = Worker()
        answers = await asyncio.gather(
            *(worker.do("drag", work(number)) for number in range(200)), return_exceptions=True
        )
        kept = await asyncio.gather(*(worker.do("", work(1000 + number)) for number in range(3)))
        worker.close()
        return [*answers, *kept]

    *drags, first, second, third = asyncio.run(many())
    assert drags[-1] == 199
    assert sum(isinstance(answer, Overtaken) for answer in drags) >= 198
    assert len(made) <= 2 + 3
    assert (first, second, third) == (1000, 1001, 1002)


def test_old_scenes_are_forgotten_and_that_is_said(client: TestClient, models: list[Loaded]) -> None:
    from gnm_render.studio.scenes import MOST, Scenes

    scenes = Scenes()
    scene = models[0].model.sample(1)
    for _ in range(MOST + 1):
        scenes.add(0, scene)
    with pytest.raises(Exception, match="scene 0 is not known any more"):
        scenes.get(0)
    assert scenes.get(MOST).scene is scene

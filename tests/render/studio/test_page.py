"""The studio's page in a real browser: by pointer, by keys, two models, a picture of one's own, the server's end."""

import base64
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from PIL import Image

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no browser on this system")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
PATIENT = 120_000
"""Milliseconds; a limit for hangs, not a measure."""


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=[*FLAGS, "--no-first-run", "--disable-sync"])
        yield browser
        browser.close()


class Served:
    """`gnm studio` in a process of its own."""

    def __init__(self, *runs: Path) -> None:
        command = [sys.executable, "-m", "gnm_core", "studio", *map(str, runs), "--threads", "1"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=-1, stderr=subprocess.STDOUT, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{30,}/", line)
        assert found, line + self.process.stdout.read()
        self.address = found[0]

    def end(self) -> int:
        """By Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=PATIENT / 1000)
        assert "Traceback" not in said
        return self.process.returncode

    def kill(self) -> None:
        """Whatever state it is in."""
        self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()


@pytest.fixture
def served(make_run: Callable[..., Path]) -> Iterator[Served]:
    served = Served(make_run(masks=True, certainty=1.0, name="masks"))
    yield served
    served.kill()


@pytest.fixture
def page(browser: playwright.Browser, served: Served) -> Iterator[playwright.Page]:
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENT)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(served.address)
    page.wait_for_selector("#samples img")
    page.wait_for_selector(".stage img[src]")
    yield page
    context.close()
    assert not [text for text in errors if "Failed to load resource" not in text]


def shown(page: playwright.Page, stage: int = 0) -> np.ndarray:
    url = page.locator(".stage img").nth(stage).get_attribute("src")
    content = base64.b64decode(url.partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def boxes(page: playwright.Page) -> list[list[float]]:
    script = "all => all.map(one => JSON.parse(one.dataset.box))"
    found: list[list[float]] = page.locator(".object").evaluate_all(script)
    return found


def press(page: playwright.Page, key: str) -> np.ndarray:
    """Press a key on the selected object, and wait for the answer."""
    before = page.locator(".stage img").first.get_attribute("src")
    with page.expect_response(lambda response: "/api/edit" in response.url):
        page.keyboard.press(key)
    page.wait_for_function("old => document.querySelector('.stage img').src !== old", arg=before)
    return shown(page)


def test_a_dragged_box_changes_its_own_pixels_and_nothing_else_and_undo_brings_it_back(page: playwright.Page) -> None:
    before, old = shown(page), boxes(page)[0]
    first = page.locator(".object").first.locator(".box")
    frame = first.bounding_box()
    assert frame
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    scale = page.locator(".stage").bounding_box()["width"] / 32
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 3 * scale, y - 2 * scale, steps=8)
    with page.expect_response(lambda r: "/api/edit" in r.url and '"drag"' not in (r.request.post_data or "")):
        page.mouse.up()
    page.wait_for_selector("button:text('Undo'):enabled")
    after, new = shown(page), boxes(page)[0]
    assert np.allclose(np.subtract(new, old), [3, -2, 3, -2], atol=0.35)
    inside = np.zeros((32, 32), bool)
    for x0, y0, x1, y1 in (old, new):
        inside[max(0, int(y0) - 2) : int(y1) + 3, max(0, int(x0) - 2) : int(x1) + 3] = True
    difference = np.abs(after - before).max(-1)
    assert difference[inside].max() > 0
    assert difference[~inside].max(initial=0) == 0
    page.keyboard.press("Control+z")
    page.wait_for_selector("button:text('Undo'):disabled")
    assert (shown(page) == before).all()


def test_everything_can_be_done_by_keys(page: playwright.Page) -> None:
    start, count = shown(page), len(boxes(page))
    page.locator(".object").first.focus()
    old = boxes(page)[0]
    press(page, "ArrowRight")
    assert np.allclose(np.subtract(boxes(page)[0], old), [1, 0, 1, 0], atol=1e-2)
    press(page, "Shift+ArrowDown")
    assert np.allclose(np.subtract(boxes(page)[0], old), [1, 5, 1, 5], atol=1e-2)
    press(page, "+")
    assert boxes(page)[0][2] - boxes(page)[0][0] > old[2] - old[0] + 0.5
    page.keyboard.press("k")
    page.wait_for_selector(".object[data-kept='true']")
    press(page, "Delete")
    assert len(boxes(page)) == count - 1
    for _ in range(4):
        page.keyboard.press("Control+z")
    page.wait_for_selector("button:text('Undo'):disabled")
    assert (shown(page) == start).all()
    page.keyboard.press("Control+y")
    page.wait_for_selector("button:text('Redo'):enabled")
    page.keyboard.press("Escape")
    assert page.locator(".object[aria-pressed='true']").count() == 0
    page.locator(".object").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.number") == "1"
    assert "object 1, from" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_the_rest_is_sampled_anew_around_what_is_kept(page: playwright.Page) -> None:
    kept = boxes(page)[0]
    page.get_by_label("keep object 0").check()
    page.get_by_role("button", name="Sample the rest anew").click()
    page.wait_for_selector("#notice:has-text('effective sample size')")
    assert any(np.allclose(kept, box, atol=1e-3) for box in boxes(page))


def test_sliders_change_the_appearance_of_the_selected_object(page: playwright.Page) -> None:
    page.locator(".object").first.focus()
    slider = page.get_by_label("look 1", exact=True)
    slider.wait_for()
    before = page.locator(".stage img").first.get_attribute("src")
    slider.evaluate("i => { i.value = 3; i.dispatchEvent(new Event('input')); i.dispatchEvent(new Event('change')); }")
    page.wait_for_function("old => document.querySelector('.stage img').src !== old", arg=before)


def test_a_picture_of_ones_own_is_taken_apart_and_garbage_is_refused_in_words(
    page: playwright.Page, tmp_path: Path
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 40, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    page.set_input_files("#picture", tmp_path / "a.png")
    page.wait_for_selector(".views figcaption:text('reconstruction')")
    assert page.locator(".views img").count() == 3
    (tmp_path / "b.png").write_bytes(b"%!PS-Adobe-3.0")
    page.set_input_files("#picture", tmp_path / "b.png")
    page.wait_for_selector("#failure:has-text('not a picture that can be read')")


def test_the_servers_end_and_a_second_tab_are_said(page: playwright.Page, served: Served) -> None:
    second = page.context.new_page()
    second.goto(served.address)
    second.wait_for_selector("#samples img")
    second.wait_for_selector("#notice:has-text('another tab')")
    second.close()
    assert served.end() == 0
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#failure:has-text('cannot be reached')")


def test_two_models_stand_side_by_side_on_a_phone_below_one_another_and_in_the_dark(
    browser: playwright.Browser, make_run: Callable[..., Path]
) -> None:
    served = Served(make_run(masks=True, certainty=1.0, name="one"), make_run(certainty=1.0, name="two"))
    try:
        page = browser.new_page(viewport={"width": 1300, "height": 900}, color_scheme="dark")
        page.set_default_timeout(PATIENT)
        page.goto(served.address)
        page.wait_for_selector("#samples img")
        file = io.BytesIO()
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(file, "PNG")
        page.set_input_files("#picture", [{"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()}])
        page.wait_for_function("() => document.querySelectorAll('.views figure').length === 6")
        left, right = (page.locator(".scene").nth(i).bounding_box() for i in (0, 1))
        assert left["y"] == right["y"]
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 26)"
        page.set_viewport_size({"width": 390, "height": 800})
        above, below = (page.locator(".scene").nth(i).bounding_box() for i in (0, 1))
        assert below["y"] >= above["y"] + above["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('button, input, select, img, a')]"
            ".filter(e => !(e.ariaLabel || e.alt !== undefined || e.textContent.trim() || e.labels?.length))"
            ".map(e => e.outerHTML)"
        )
        assert unlabelled == []
        page.close()
    finally:
        served.kill()


def test_the_exported_page_needs_nothing_else(
    browser: playwright.Browser, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run(masks=True, certainty=1.0, name="<!--<script>b")
    done = CliRunner().invoke(main, ["studio", str(run), "--export", str(tmp_path / "page")])
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]
    page = browser.new_page()
    page.set_default_timeout(PATIENT)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page/index.html").as_uri())
    page.wait_for_selector(".samples img")
    assert "<!--<script>b: gnm" in page.locator("h2").first.inner_text()
    large = page.locator(".scene > img")
    before = large.get_attribute("src")
    page.get_by_label("object 0: left and right").evaluate("i => { i.value = 6; i.dispatchEvent(new Event('input')); }")
    assert large.get_attribute("src") != before
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.close()

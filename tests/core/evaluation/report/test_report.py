"""The report says all that is known, shows nothing from elsewhere, and opens in a browser."""

import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from gnm_core import RunError, Value, load_spec
from gnm_core.evaluation.evaluation import Evaluation, Outcome, write_evaluation
from gnm_core.evaluation.figures import Drawn
from gnm_core.evaluation.report.html import render, write_report
from PIL import Image

SPEC = {
    "dims": {"channels": 1, "size": 32, "grid": 2, "features": 6, "scene": 3, "what": 4},
    "model": {
        "use": "gnm",
        "core": {"use": "structdraw", "steps": 3, "interaction": [8], "decoder": [8]},
        "renderer": {
            "use": "separable",
            "glimpse": {"use": "subpixel", "masks": False, "channels": [6], "kernels": [1, 3], "upscales": [4, 2]},
        },
        "head": [8],
    },
    "train": {"steps": 300},
}
LL = Value("LL", 10_634.0, 10_600.5, 10_667.5, "nats", 500)
ACCURACY = Value("S-Acc", 0.75, 0.693, 0.8, count=250)
REASONS = {"top-left is 7, expected <6>": 40, "three digits": 20, "no digits": 2}


def outcome(*values: Value, **more: object) -> Outcome:
    return Outcome(tuple(values), **more)


EVALUATION = Evaluation(
    run="",
    label="GNM",
    model="gnm",
    data="mnist-4-10",
    size=128,
    step=300,
    parameters=2_930_708,
    seed=7,
    split="test",
    weights="0123456789abcdef",
    seconds_trained=7500.0,
    packages={"gnm-core": "0.1.0", "gnm-render": "0.1.9"},
    metrics={
        "s-acc": outcome(ACCURACY, details={"judge": "mnist-4-10/1", "accepted": 188, "reasons": REASONS}),
        "ll": outcome(LL, options={"use": "ll", "particles": 12}),
        "ap": outcome(skipped="the data set knows no boxes"),
    },
)


def png(seed: int, size: tuple[int, int] = (160, 120)) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that was trained and evaluated."""
    return make_run(tmp_path / "runs" / "gnm", EVALUATION)


def make_run(folder: Path, evaluation: Evaluation) -> Path:
    figures = folder / "evaluation" / "figures"
    figures.mkdir(parents=True)
    (folder / "spec.yaml").write_text(load_spec(SPEC).to_yaml())
    rows = [
        {"step": s, "stage": "stage 1", "elbo": 5000.0 + s, "kl.scene": 3.0, "kl.what": 200.0 / s, "objects": 4.0}
        for s in range(10, 310, 10)
    ]
    warning = {"step": 20, "warning": "no object is ever present"}
    structure = [
        {
            "step": s,
            "stage": "stage 1",
            "core_seconds": s,
            "structure": {"data": 1.0, "symbols": 0.9, "generated": s / 500},
        }
        for s in (100, 200, 300)
    ]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, [*rows, warning, *structure])))
    (figures / "samples.png").write_bytes(png(1))
    drawn = [Drawn("samples", "A grid.", "samples.png"), Drawn("resample", "Again.", reason="GNM lacks <symbols>")]
    (figures / "figures.json").write_text(json.dumps({"seed": 0, "figures": [vars(one) for one in drawn]}))
    write_evaluation(replace(evaluation, run=str(folder)), folder / "evaluation")
    return folder


def pair(run: Path, evaluation: Evaluation = EVALUATION) -> tuple[Evaluation, Path]:
    return replace(evaluation, run=str(run)), run / "evaluation"


class Page(HTMLParser):
    """Text, tags and attributes of a page; whether its tags are balanced."""

    VOID = frozenset({"meta", "link", "img", "br", "line", "path"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a beginning"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self.open[-1] if self.open else ""
        self.inside.get(where, self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_the_page_tells_all_that_is_known(run: Path) -> None:
    text = Page(render([pair(run)])).text
    for known in (
        *("mnist‑4‑10, 128 px", "seed 7", "2,930,708", "300 steps", "2 h 5 min", "0123456789ab"),
        *("0.7500", "0.6930 to 0.8000", "published 0.6920", "250", "10,634", "nats", "10,600 to 10,668", "10,693"),
        *("the data set knows no boxes", "188 of 250 scenes accepted; judge mnist-4-10/1"),
        *("top-left is 7, expected <6>", "40", "three digits", "20"),
        *("A grid.", "GNM lacks <symbols>", "no object is ever present"),
        *("Scenes that obey, by level", "Scenes that obey, by time", "symbols 0.9000"),
        "At step 300 most is lost at the prior: 33 % of what the symbols still had; work on the prior",
        *("core: structdraw", "gnm-render 0.1.9", "steps 3, kernel 1", "use: structdraw"),
        f"gnm train --spec {run}/spec.yaml --out again --steps 300",
        f"gnm evaluate {run} --split test --seed 7 --metrics ",
        "--set metrics.ll.particles=12",
        f"gnm figure {run}",
    ):
        assert known in text, known


def test_parameters_of_parts_are_counted(run: Path) -> None:
    model = load_spec(SPEC).model()
    text = Page(render([pair(run)])).text
    for part in (model, model.core, model.core.prior, model.renderer.glimpse):
        assert f"{sum(p.numel() for p in part.parameters()):,}" in text


@pytest.mark.parametrize("several", [False, True])
def test_the_page_is_whole_and_refers_to_nothing_outside_itself(run: Path, several: bool) -> None:
    pairs = [pair(run), pair(run, replace(EVALUATION, label="VAE <b>"))] if several else [pair(run)]
    page = Page(render(pairs))
    assert page.open == [], "every tag is closed"
    ids = {value for _, name, value in page.attributes if name == "id"}
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"):
            assert value.startswith("data:") or value.removeprefix("#") in ids, (tag, name, value[:80])
        assert tag not in ("iframe", "object", "embed", "base", "form")
        assert not name.startswith("on"), "no scripts in attributes"
    style = "".join(page.inside["style"])
    assert not re.search(r"@import|url\(|//[a-z]", style)
    script = "".join(page.inside["script"])
    assert not re.search(r"https?:|fetch|XMLHttp|import\b|WebSocket|\beval\b", script)


def test_what_was_measured_cannot_change_the_page(run: Path) -> None:
    bad = "</script><img src=http://example.org/x onerror=alert(1)>"
    metrics = {bad: outcome(replace(ACCURACY, name=bad, unit=bad), details={"reasons": {bad: 1}, "judge": bad})}
    (run / "metrics.jsonl").write_text(
        "\n".join(json.dumps({"step": s, "stage": bad, bad: 1.0, "elbo": 1.0}) for s in (1, 2, 3))
    )
    html = render([pair(run, replace(EVALUATION, label=bad, data=bad, metrics=metrics))])
    page = Page(html)
    assert page.open == []
    assert not [value for _, name, value in page.attributes if name == "src" and "example" in value]
    assert bad in page.text


def test_runs_of_one_data_set_stand_in_one_table(run: Path, tmp_path: Path) -> None:
    worse = replace(
        EVALUATION,
        label="ConvDRAW",
        metrics={"s-acc": outcome(Value("S-Acc", 0.0, 0.0, 0.015, count=250)), "ll": outcome(skipped="no time")},
    )
    other = replace(EVALUATION, label="GNM-8", data="mnist-4")
    convdraw = make_run(tmp_path / "runs" / "convdraw", worse)
    html = render([pair(run), pair(convdraw, worse), pair(run, other)])
    tables = re.findall(r'<table class="comparison">(.*?)</table>', html, re.DOTALL)
    assert len(tables) == 2
    first, second = (Page(table).text for table in tables)
    assert "GNM gnm 0.7500" in first
    assert "published 0.6920" in first
    assert "ConvDRAW convdraw 0.0000 0.0000 to 0.0150 published 0.0000 – no time" in first
    assert "GNM-8" in second
    assert "published" not in second, "the source reports nothing for that data set"
    assert first.index("GNM") < first.index("ConvDRAW")
    best = re.findall(r'class="wide best"><span class="value">([\d.,]+)<', tables[0])
    assert best == ["0.7500"], "a column with one value has no best"
    assert "Samples side by side" in html


def test_intervals_and_published_values_lie_on_one_scale(run: Path) -> None:
    html = render([pair(run)])
    strip = re.search(r'<span class="strip" aria-hidden="true">(.*?)</span>', html)
    assert strip is not None
    places = [float(x) for x in re.findall(r"(?:left|right):([\d.]+)%", strip[1])]
    assert places == [69.3, 20.0, 69.2, 75.0]


def test_a_run_that_is_gone_is_said_so(tmp_path: Path) -> None:
    html = render([(replace(EVALUATION, run=str(tmp_path / "gone")), tmp_path / "evaluation")])
    text = Page(html).text
    assert "the run is not here any more" in text
    assert "There are no records of the training" in text
    assert "None were drawn. gnm-render brings figures" in text
    assert "0.7500" in text


def test_a_run_that_moved_with_its_evaluation_is_found(run: Path) -> None:
    evaluation = replace(EVALUATION, run="somewhere/else")
    assert "core:" in Page(render([(evaluation, run / "evaluation")])).text


def test_parts_that_are_not_installed_are_said_so(run: Path) -> None:
    path = run / "spec.yaml"
    path.write_text(path.read_text().replace("use: structdraw", "use: martian"))
    text = Page(render([pair(run)])).text
    assert "Its parts cannot be listed" in text
    assert "martian" in text


def test_a_picture_that_is_gone_is_said_so(run: Path) -> None:
    (run / "evaluation" / "figures" / "samples.png").unlink()
    assert "samples.png is gone" in Page(render([pair(run)])).text


def test_a_damaged_index_of_figures_is_an_error(run: Path) -> None:
    (run / "evaluation" / "figures" / "figures.json").write_text("{")
    with pytest.raises(RunError, match=r"figures\.json is damaged"):
        render([pair(run)])


def test_an_evaluation_without_any_metric_has_a_page(run: Path) -> None:
    page = Page(render([pair(run, replace(EVALUATION, metrics={}))]))
    assert "Nothing was measured" in page.text
    assert page.open == []


def test_a_page_that_cannot_be_written_is_an_error(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        write_report([pair(run)], tmp_path / "file" / "folder")


def test_the_python_in_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[4] / "docs" / "report.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for name in ("gnm", "vae"):
        make_run(tmp_path / "runs" / name, EVALUATION)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/report.md", "exec"), {})
    assert "2 runs of GNM on" in (tmp_path / "comparison" / "report.html").read_text()


# In a browser

PROBE = """
<script>
document.querySelector(".picture").click();
const plot = document.querySelector(".plot").getBoundingClientRect();
document.querySelector(".plot").dispatchEvent(
  new PointerEvent("pointermove", { clientX: plot.right, clientY: plot.top, bubbles: true }));
const probe = document.createElement("output");
probe.id = "probe";
probe.textContent = JSON.stringify({
  wide: document.documentElement.scrollWidth, window: innerWidth,
  zoom: document.querySelector("dialog").open, size: document.querySelector("dialog img").naturalWidth,
  heading: document.querySelector(".chart h4").textContent.trim(),
  images: [...document.images].filter((image) => image.src).every((image) => image.naturalWidth > 0),
});
document.body.append(probe);
</script>
"""


def browse(page: Path, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page in Chromium, without a network."""
    browser = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if browser is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    command = [
        browser,
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
        *("--proxy-server=127.0.0.1:9", "--enable-logging=stderr", f"--user-data-dir={profile}"),
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=1200)


@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_shows_it(run: Path, tmp_path: Path, width: int) -> None:
    page = write_report([pair(run), pair(run, replace(EVALUATION, label="GNM-8"))], tmp_path / "page")
    seen = browse(page, tmp_path / "profile", f"--window-size={width},2400", f"--screenshot={tmp_path / 'shot.png'}")
    assert "CONSOLE" not in seen.stderr, seen.stderr
    with Image.open(tmp_path / "shot.png") as shot:
        assert shot.width == width
        pixels = np.asarray(shot.convert("RGB")).reshape(-1, 3)
    colours = len(np.unique(pixels, axis=0))
    assert colours > 1000, "the picture of samples is a thousand colours"


def test_pictures_open_and_curves_answer_the_pointer(run: Path, tmp_path: Path) -> None:
    page = tmp_path / "probed.html"
    page.write_text(render([pair(run)]).replace("</body>", f"{PROBE}</body>"))
    seen = browse(page, tmp_path / "profile", "--window-size=500,900", "--dump-dom")
    assert "CONSOLE" not in seen.stderr, seen.stderr
    found = re.search(r'<output id="probe">(.*?)</output>', seen.stdout)
    assert found is not None
    probe = json.loads(found[1])
    assert probe["wide"] <= probe["window"], "the page itself never scrolls sideways"
    assert probe["zoom"]
    assert probe["size"] == 160
    assert probe["images"]
    assert probe["heading"] == "Scenes that obey, by level at step 300"


DOES = "document.documentElement.dataset.attacked='1'"
ATTACK = f'</pre></title></script><script>{DOES}</script><img src=x onerror="{DOES}">'


HOW_WIDE = """
<script>
const page = document.documentElement;
page.dataset.beyond = Math.max(0, page.scrollWidth - innerWidth);
</script>
"""


def test_no_name_in_a_run_becomes_code_in_a_browser(tmp_path: Path) -> None:
    attacked = replace(
        EVALUATION,
        label=ATTACK,
        model=ATTACK,
        data=ATTACK,
        packages={ATTACK: ATTACK},
        data_options={ATTACK: ATTACK},
        metrics={
            ATTACK: Outcome((Value(ATTACK, 1.0, unit=ATTACK),), {ATTACK: ATTACK}, options={ATTACK: ATTACK}),
            "skipped": Outcome((), skipped=ATTACK),
        },
    )
    run = make_run(tmp_path / "<img src=x onerror=alert(1)>", attacked)
    rows = [
        {"step": s, "stage": ATTACK, "elbo": 5000.0 + s, f"kl.{ATTACK}": 3.0, ATTACK: 4.0 + s}
        for s in range(10, 100, 10)
    ]
    rows.append({"step": 20, "warning": ATTACK})
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    drawn = [Drawn(ATTACK, ATTACK, "samples.png"), Drawn("resample", ATTACK, reason=ATTACK)]
    (run / "evaluation/figures/figures.json").write_text(
        json.dumps({"seed": 0, "figures": [vars(one) for one in drawn]})
    )
    (run / "spec.yaml").write_text(f"# {ATTACK}\n" + (run / "spec.yaml").read_text())
    page = write_report([pair(run, attacked), pair(run, replace(attacked, label="other"))], tmp_path / "page")
    page.write_text(page.read_text().replace("</body>", f"{HOW_WIDE}</body>"))
    seen = browse(page, tmp_path / "profile", "--window-size=500,900", "--dump-dom")
    assert "data-attacked" not in seen.stdout
    assert 'data-beyond="0"' in seen.stdout, "nor does it push anything over the page's edge"
    assert "&lt;script&gt;document" in seen.stdout
    assert "CONSOLE" not in seen.stderr, seen.stderr

"""Every option of every part, changed on resume: it trains with the new value, or is refused with the reason.

With the new value means: exactly as a fresh object of the new options would, given the checkpoint's weights, the
numbers that the objective has moved, and what the optimiser has kept for each parameter. The reference below is
written out by hand; it shares no code with the trainer but the parts, the order of the images and the seeding.
"""

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core.errors import GnmError, SpecError
from gnm_core.plugins import installed
from gnm_core.randomness import seed_from
from gnm_core.runs.state import LearnerState
from gnm_core.schema import DataSpec
from gnm_core.signatures import signature_of
from gnm_core.spec import load_spec
from gnm_core.training.learner import Learner
from gnm_core.training.order import Order
from gnm_core.training.resume_checks import require_same_past
from PIL import Image

MADE, MORE = 5, 3
"""Steps before and after the resumption."""

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for i in range(30):
        Image.fromarray(random.integers(0, 255, (12, 16), np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def annotated(pictures: Path) -> Path:
    """A square on each of the pictures, in COCO's format."""
    images = [{"id": i, "file_name": f"{i}.png", "width": 16, "height": 12} for i in range(30)]
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [2, 2, 6, 6], "iscrowd": 0} for i in range(30)]
    file = pictures.with_suffix(".json")
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "square"}]}))
    return file


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from gnm_data.storage import Source, build, recipe_of

    folder = tmp_path_factory.mktemp("stored") / "set"
    recipe = {"dims": {"channels": 1, "size": 16, "grid": 2}, "data": {"use": "mnist-4", "train": 20}}
    spec = load_spec(recipe, top=DataSpec)
    build(Source(spec.resolved(), "train"), recipe_of(spec), folder, processes=1)
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of MNIST's four files: 120 squares of ten sizes to train and to validate, 20 to test."""
    folder = tmp_path_factory.mktemp("digits")
    for part, count in (("train", 120), ("t10k", 20)):
        labels = (np.arange(count) // 6 % 10).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 : 12 + label, 4:12] = 255
        for what, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            (folder / f"{part}-{what}-ubyte").write_bytes(header + array.tobytes())
    return folder


def base(section: str, value: Any) -> Spec:
    spec: Spec = {
        "dims": {"channels": 1, "size": 8, "grid": 2, "what": 4},
        "model": {"use": "toy", "noise": True},
        "objective": {"use": "elbo"},
        "data": {"use": "toy"},
        "train": {"steps": MADE + MORE, "batch": 4, "picture_every": 0, "optimizer": [{"use": "adam", "lr": 1e-2}]},
    }
    if section == "optimizer":
        spec["train"]["optimizer"] = [value]
    elif section:
        spec[section] = value
    return spec


BASES = {
    ("optimizer", "sgd"): {"lr": 1e-2, "momentum": 0.5},
    ("objective", "geco"): {"goal": 0.1, "rate": 0.1},
    ("data", "mnist-4"): {"train": 20},
    ("data", "mnist-10"): {"train": 20},
    ("data", "mnist-4-10"): {"train": 20},
    ("data", "arrow-room"): {"train": 3, "validation": 3, "test": 3},
    ("data", "turned"): {"data": {"use": "toy"}},
}
"""Options that a part needs, or that give its other options something to do."""

ELSE: dict[tuple[str, str], list[Any]] = {
    ("arrow-room", "painter"): [{"use": "tracer", "antialias": 1}],
    ("arrow-room", "look"): ["studio"],
    ("image-folder", "background"): ["white"],
    ("image-folder", "on_broken"): ["skip"],
    ("mnist-10", "digit"): [4],
    ("mnist-4-10", "digit"): [4],
    ("turned", "data"): [{"use": "toy", "length": 36}],
}
"""Values of options that nothing is guessed for."""

REFUSED = {("objective", "geco", "beta")}
"""What must be refused, besides the split of a data set; every other option must be honoured, for some value."""


def options_of(kind: str) -> Iterator[tuple[str, str]]:
    """Of every registered part."""
    for entry in installed().of_kind(kind):
        for option in signature_of(entry.target).options:
            yield entry.name, option.name


def others(value: Any) -> list[Any]:
    """Values to try instead of `value`, until the spec takes one."""
    found: list[Any] = []
    match value:
        case bool():
            found = [not value]
        case int():
            found = [value + 1, value - 1, value * 2]
        case float():
            found = [value * 0.5, 0.5, 0.3, 0.01]
        case dict() if "value" in value:
            found = [{**value, "value": value["value"] * 0.5}]
        case str() if Path(value).is_dir():
            found = [shutil.copytree(value, f"{value}-copy", dirs_exist_ok=True)]
        case str():
            found = [c for c in ("crop", "stretch", "validation", "test", "stop", "all") if c != value]
        case [float(), *_]:
            found = [[number * 0.5 for number in value]]
        case [int(), *_]:
            found = [[number + 1 for number in value], [value[0], *(number + 1 for number in value[1:])]]
        case list():
            found = [["encoder"], ["code"]]
        case None:
            elbo = {"use": "elbo", "weights": {"code": 0.2}}
            found = [5, 0.5, {"code": 0.5}, {"size": 0.25}, ["encoder"], elbo, "code"]
    return found


def changed(spec: Spec, path: list[str], values: list[Any]) -> Iterator[Spec]:
    """The resolved spec with the value at `path` changed to something else that it takes; `values` are tried first."""
    resolved: Any = load_spec(spec).resolved()
    at: Any = resolved
    for key in path[:-1]:
        at = at[int(key) if isinstance(at, list) else key]
    for value in [*values, *others(at[path[-1]])]:
        new = deepcopy(resolved)
        inner: Any = new
        for key in path[:-1]:
            inner = inner[int(key) if isinstance(inner, list) else key]
        inner[path[-1]] = value
        try:
            load_spec(new)
        except SpecError:
            continue
        yield new


@cache
def _state(text: str) -> LearnerState:
    learner = _learner(eval(text))
    while learner.step < MADE:
        learner.advance()
    learner.close()
    return learner.state()


def state_of(spec: Spec) -> LearnerState:
    """The state of a training of the spec after so many steps."""
    return deepcopy(_state(repr(spec)))


def _learner(spec: Spec) -> Learner:
    checked = load_spec(spec)
    seed_from(0, 0, 1)
    return Learner(checked.model(), checked.objective(), checked.data(), checked.training())


def resumed(old: Spec, new: Spec) -> list[torch.Tensor]:
    require_same_past(load_spec(old), load_spec(new), MADE)
    learner = _learner(new)
    learner.load(state_of(old))
    for _ in range(MORE):
        learner.advance()
    learner.close()
    return list(learner.model.state_dict().values())


def by_hand(old: Spec, new: Spec) -> list[torch.Tensor]:
    """Fresh objects of the new options, given what was learned under the old."""
    checked, state = load_spec(new), state_of(old)
    model, objective, data, training = (
        checked.model().train(),
        checked.objective().train(),
        checked.data(),
        checked.training(),
    )
    model.load_state_dict(state.now.model)
    stage = training.schedule()[0]
    objective.load_state_dict({k.removeprefix("0."): v for k, v in state.now.objectives.items() if k.startswith("0.")})
    objective = (stage.objective or objective).train()
    kept = {
        name: saved["state"]["state"].get(i) for saved in state.now.optimizers for i, name in enumerate(saved["names"])
    }
    learning = {
        name: p
        for name, p in model.named_parameters()
        if (not stage.train or any(name.startswith(f"{part}.") for part in stage.train))
        and not any(name.startswith(f"{part}.") for part in stage.freeze or ())
    }
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in learning)
    (recipe,) = stage.optimizer or ()
    optimizer = recipe.build(learning.values())
    for name, parameter in learning.items():
        if kept.get(name):
            optimizer.state[parameter] = kept[name]
    order = Order(data, training.seed)
    for step in range(MADE, MADE + MORE):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        image = data.batch(order.indices(step * stage.batch, stage.batch)).image
        seed_from(training.seed, step, 0)
        if stage.level == "code":
            with torch.no_grad():
                inputs = torch.cat([model.eval().encoder(image), image.flatten(1)], dim=1)
            terms = model.train().level_terms("code", inputs, step)
        else:
            terms = model.terms(image, step)
        loss = objective(terms, step)
        optimizer.zero_grad()
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(list(learning.values()), stage.clip)
        if all(bool(term.isfinite().all()) for term in (loss.total, *terms.kl.values())):
            optimizer.step()
    return list(model.state_dict().values())


def check(kind: str, name: str, option: str, old: Spec, path: list[str], values: list[Any] | None = None) -> None:
    """Change one option until a value is honoured; no value may be taken in silence and not be honoured."""
    tried, refusals = 0, []
    for new in changed(old, path, values or []):
        tried += 1
        try:
            found = resumed(old, new)
        except GnmError as error:
            refusals.append(str(error))
            continue
        expected = by_hand(old, new)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True)), new
        break
    assert tried, f"nothing else that {name} takes for {option} is at hand"
    if option == "split" or (kind, name, option) in REFUSED:
        assert len(refusals) == tried, f"{option} is said to have changed, and has not"
    elif option not in ("parts", "include"):  # the only optimiser leaves nothing out; a pattern must fit a picture
        assert len(refusals) < tried, refusals


@pytest.mark.parametrize(("name", "option"), [*options_of("optimizer")])
def test_an_option_of_an_optimiser(name: str, option: str) -> None:
    old = base("optimizer", {"use": name, **BASES.get(("optimizer", name), {})})
    check("optimizer", name, option, old, ["train", "optimizer", "0", option])


@pytest.mark.parametrize(("name", "option"), [*options_of("objective")])
def test_an_option_of_an_objective(name: str, option: str) -> None:
    old = base("objective", {"use": name, **BASES.get(("objective", name), {})})
    check("objective", name, option, old, ["objective", option.rstrip("_")])


@pytest.mark.parametrize(("name", "option"), [*options_of("schedule")])
def test_an_option_of_a_schedule(name: str, option: str) -> None:
    required = {
        "constant": {"value": 1e-2},
        "linear": {"from": 1e-2, "to": 1e-3, "since": 2, "until": 20},
        "cosine": {"from": 1e-2, "to": 1e-3, "until": 20},
        "steps": {"values": [1e-2, 1e-3], "at": [6]},
        "piecewise": {"values": [1e-2, 1e-3], "at": [0, 9]},
    }
    old = base("optimizer", {"use": "adam", "lr": {"use": name, **required[name]}})
    check("schedule", name, option, old, ["train", "optimizer", "0", "lr", option.rstrip("_")])


STAGED = ["steps", "batch", "train", "freeze", "clip", "seed", "checkpoint_every", "keep", "log_every", "on_nonfinite"]


@pytest.mark.parametrize("option", STAGED)
def test_an_option_of_the_training(option: str) -> None:
    check("train", "train", option, base("", None), ["train", option])


@pytest.mark.parametrize("option", ["name", "steps", "batch", "train", "freeze", "clip", "objective", "level"])
def test_an_option_of_the_stage_at_work(option: str) -> None:
    old = base("", None)
    stage = {"steps": old["train"].pop("steps"), "batch": old["train"].pop("batch"), "name": "one"}
    old["train"]["stages"] = [stage]
    check("stage", "stage", option, old, ["train", "stages", "0", option])


@pytest.mark.parametrize(("name", "option"), [*options_of("data")])
def test_an_option_of_a_data_set(name: str, option: str, request: pytest.FixtureRequest) -> None:
    old = base("data", {"use": name, **BASES.get(("data", name), {})})
    if name in ("image-folder", "parquet"):
        old["data"]["dir"] = str(request.getfixturevalue("pictures" if name == "image-folder" else "stored"))
    if name not in ("toy", "image-folder"):
        old["dims"]["size"] = 16
    if name == "arrow-room":
        old["dims"]["channels"] = 3
    values = ELSE.get((name, option), [])
    if option == "annotations":
        values = [[str(request.getfixturevalue("annotated"))]]
    if option == "digits":
        values = [{"use": "mnist", "dir": str(request.getfixturevalue("digits"))}]
    check("data", name, option, old, ["data", option], values)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_rollback_keeps_the_options_that_the_resumption_brought(kind: str) -> None:
    old = base("optimizer", {"use": kind, "lr": 1e-2})
    old["model"] |= {"noise": False, "nan_at": [MADE]}
    state = state_of(old)
    for changed_value in (0.0, 0.5):
        new = deepcopy(old)
        new["train"]["optimizer"][0]["weight_decay"] = changed_value
        learner = _learner(new)
        learner.load(deepcopy(state))
        assert learner.advance().trouble is not None
        learner.advance()
        learner.close()
        (optimizer,) = learner.state().now.optimizers
        assert [group["weight_decay"] for group in optimizer["state"]["param_groups"]] == [changed_value]


def test_momentum_asked_for_on_the_way_begins_from_rest() -> None:
    for kind in ("rmsprop", "sgd"):
        old, new = (base("optimizer", {"use": kind, "lr": 1e-2, "momentum": momentum}) for momentum in (0.0, 0.9))
        assert all(torch.equal(a, b) for a, b in zip(resumed(old, new), by_hand(old, new), strict=True))

"""A spec on top of another one: what merges, what replaces, and who is to blame for a mistake."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from gnm_core.element_names import keys_of
from gnm_core.errors import SpecError
from gnm_core.plugins import installed
from gnm_core.schema import DataSpec
from gnm_core.spec import CheckedSpec, load_spec
from gnm_core.spec.bases import LONGEST

Write = Callable[..., Path]
MODEL = (
    "{use: gnm, core: {use: structdraw, steps: 8, prior: mixture}, head: [32, 32],"
    " temperature: {use: cosine, from: 1, to: 0.5, until: 100}}"
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `name.yaml` for each name, and gives the last one's path."""

    def files(**texts: str) -> Path:
        for name, text in texts.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(text)
        return path

    return files


def model(spec: CheckedSpec) -> Any:
    return spec.resolved()["model"]


def refused(path: Path, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        load_spec(path, overrides)
    return str(caught.value).replace(f"{path.parent}/", "")


# What merges


@pytest.mark.parametrize(
    ("child", "there", "value"),
    [
        ("{head: [16]}", "head", [16]),  # a list replaces
        ("{core: {steps: 2}}", "core.steps", 2),  # a mapping merges
        ("{core: {steps: 2}}", "core.prior.use", "mixture"),
        ("{core: {use: structdraw, steps: 2}}", "core.prior.use", "mixture"),  # so does a part of the same name
        ("{core: structdraw}", "core.steps", 8),  # a name is a part with nothing but its name
        ("{core: {use: convdraw}}", "core.steps", 4),  # a part of another name replaces the whole
        ("{core: convdraw}", "core.use", "convdraw"),
        ("{core: {prior: autoregressive}}", "core.prior.use", "autoregressive"),
        ("{core: {prior: autoregressive}}", "core.steps", 8),
        ("gnm", "core.steps", 8),
        ("{temperature: 0.7}", "temperature", {"use": "constant", "value": 0.7}),
        (
            "{temperature: {to: 0.1}}",
            "temperature",
            {"use": "cosine", "from": 1.0, "to": 0.1, "until": 100, "since": 0},
        ),
        ("{temperature: {use: steps, values: [1, 2], at: [5]}}", "temperature.use", "steps"),
        ("{curriculum: box-mask}", "curriculum.use", "box-mask"),
    ],
)
def test_mappings_merge_and_everything_else_replaces(child: str, there: str, value: object, write: Write) -> None:
    path = write(under=f"model: {MODEL}\n", spec=f"base: under.yaml\nmodel: {child}\n")
    found = model(load_spec(path))
    for key in there.split("."):
        found = found[key]
    assert found == value


def test_null_empties(write: Write) -> None:
    path = write(
        under="model: {use: gnm, curriculum: box-mask}\ndata: mnist-4\n", spec="base: under.yaml\ndata: null\n"
    )
    assert not load_spec(path).has_data
    assert model(load_spec(path, ["model.curriculum=null"]))["curriculum"] is None


def test_null_takes_back_what_cannot_be_empty(write: Write) -> None:
    path = write(
        under="model: gnm\ntrain: {optimizer: {use: adam, lr: 0.1}, batch: 7, steps: 9}\n",
        spec="base: under.yaml\n"
        "train: {optimizer: null, batch: null, stages: [{optimizer: adamw, steps: 3}, {optimizer: sgd, steps: 4}],"
        " steps: null}\n",
    )
    train = load_spec(path).training()
    assert (train.optimizer, train.batch, train.steps) == ((), 32, 100_000)


def test_a_part_that_is_only_understood_is_the_same_as_one_that_is_named(write: Write) -> None:
    path = write(
        under="model: {use: gnm, core: {steps: 8}, presence_prior: {rate: {from: 0.2, to: 0.1, until: 9}}}\n",
        spec="base: under.yaml\nmodel: {core: {use: structdraw, kernel: 3},"
        " presence_prior: {use: bernoulli, rate: {use: linear, to: 0.05}}}\n",
    )
    found = model(load_spec(path))
    assert (found["core"]["steps"], found["core"]["kernel"]) == (8, 3)
    assert found["presence_prior"]["rate"] == {"use": "linear", "from": 0.2, "to": 0.05, "until": 9, "since": 0}


def test_a_schedule_by_default_keeps_what_a_child_does_not_say(write: Write) -> None:
    path = write(
        under="model: {use: gnm, temperature: {until: 5000}}\n",
        spec="base: under\nmodel: {temperature: {use: linear, to: 0.1}}\n",
    )
    (path.parent / "under").write_text((path.parent / "under.yaml").read_text())
    found = model(load_spec(path))["temperature"]
    assert (found["to"], found["until"]) == (0.1, 5000)


def test_an_optimizer_replaces_a_list_of_them_and_merges_with_one(write: Write) -> None:
    one = write(
        under="model: gnm\ntrain: {optimizer: {use: adam, lr: 1e-3, beta1: 0.5}}\n",
        spec="base: under.yaml\ntrain: {optimizer: {lr: 1e-4}}\n",
    )
    (adam,) = load_spec(one).resolved()["train"]["optimizer"]  # type: ignore[index]
    assert (adam["beta1"], adam["lr"]["value"]) == (0.5, 1e-4)
    several = write(
        under="model: gnm\ntrain: {optimizer: [{use: adam, lr: 1e-3}, {use: sgd, lr: 1e-3, parts: [core]}]}\n",
        spec="base: under.yaml\ntrain: {optimizer: rmsprop}\n",
    )
    (rmsprop,) = load_spec(several).resolved()["train"]["optimizer"]  # type: ignore[index]
    assert rmsprop["use"] == "rmsprop"


STAGES = (
    "model: gnm\ntrain:\n  stages:\n"
    "    - {name: symbols, steps: 9, optimizer: {use: adam, lr: 0.1}}\n    - {name: scene, steps: 8}\n"
)


def test_a_stage_is_changed_by_its_name_and_taken_out_by_null(write: Write) -> None:
    path = write(
        under=STAGES,
        spec="base: under.yaml\ntrain: {stages: {symbols: {steps: 3, optimizer: {lr: 0.2}}, scene: null}}\n",
    )
    (only,) = load_spec(path).training().stages
    assert (only.name, only.steps, only.optimizer[0].rate(0)) == ("symbols", 3, 0.2)
    grandchild = write(again="base: spec.yaml\ntrain: {stages: {symbols: {batch: 5}}}\n")
    (again,) = load_spec(grandchild).training().stages
    assert (again.batch, again.steps) == (5, 3)


def test_one_stage_in_the_place_of_several_is_the_only_one(write: Write) -> None:
    path = write(under=STAGES, spec="base: under.yaml\ntrain: {stages: {name: scene, steps: 2}}\n")
    (only,) = load_spec(path).training().stages
    assert (only.name, only.steps) == ("scene", 2)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("{symbol: {steps: 3}}", "spec.yaml:3:12: train.stages: the list of the base has no 'symbol' to change"),
        ("{prior: {steps: 3}}", "names: symbols, scene; a list in this place replaces all of it"),
        ("{scene: 3}", "spec.yaml:3:12: train.stages.scene: 3 is an integer; expected what changes"),
        ("{scene: {stepz: 3}}", "spec.yaml:3:20: train.stages.scene.stepz: unknown key 'stepz'"),
    ],
)
def test_a_mistake_in_the_name_of_a_stage_is_told_with_its_line(stages: str, message: str, write: Write) -> None:
    path = write(under=STAGES, spec=f"base: under.yaml\ntrain:\n  stages: {stages}\n")
    assert message in refused(path)


def test_weights_of_terms_merge_by_name(write: Write) -> None:
    path = write(
        under="model: gnm\nobjective: {weights: {scene: 2, what: 3}}\n",
        spec="base: under.yaml\nobjective: {weights: {what: {from: 0, to: 1, until: 5}}}\n",
    )
    weights = load_spec(path).resolved()["objective"]["weights"]  # type: ignore[index]
    assert (weights["scene"]["value"], weights["what"]["to"]) == (2, 1)


# Where bases are


def test_a_base_may_have_a_base_and_each_path_is_relative_to_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/deep.yaml").write_text("model: {use: gnm, sigma: 0.3}\ndata: {use: image-folder, dir: pictures}\n")
    (tmp_path / "a/b/middle.yaml").write_text("base: ../deep.yaml\nmodel: {head: [8]}\n")
    (tmp_path / "top.yaml").write_text("base: a/b/middle.yaml\ndims: {size: 32}\n")
    spec = load_spec(tmp_path / "top.yaml")
    assert (model(spec)["sigma"], model(spec)["head"], spec.dims.size) == (0.3, [8], 32)
    assert spec.resolved()["data"]["dir"] == str(tmp_path / "a/pictures")  # type: ignore[index]


@pytest.mark.parametrize("named", ["under.yaml", "{folder}/under.yaml", "./under.yaml"])
def test_a_base_is_a_file_beside_or_anywhere(named: str, write: Write) -> None:
    path = write(under="model: {use: gnm, sigma: 0.3}\n", spec="")
    path.write_text(f"base: {named.format(folder=path.parent)}\n")
    assert model(load_spec(path))["sigma"] == 0.3


def test_a_base_is_the_name_of_a_shipped_spec(write: Write) -> None:
    path = write(spec="base: mnist-4-64\nmodel: {sigma: 0.3}\n")
    assert load_spec(path).resolved() == load_spec("mnist-4-64", ["model.sigma=0.3"]).resolved()


def test_mappings_and_the_command_line_have_bases_too(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write(under="model: {use: gnm, sigma: 0.3}\n").parent)
    assert model(load_spec({"base": "under.yaml"}))["sigma"] == 0.3
    assert model(load_spec({"base": "mnist-4"}, ["base=under.yaml", "model.head=[8]"]))["sigma"] == 0.3


def test_a_resolved_spec_stands_by_itself(write: Write) -> None:
    path = write(under=f"model: {MODEL}\n", spec="base: under.yaml\nmodel: {core: {steps: 2}}\n")
    spec = load_spec(path)
    assert "base" not in spec.resolved()
    assert load_spec(spec.resolved()).resolved() == spec.resolved()


def test_where_only_data_is_wanted_bases_hold_as_well(write: Write) -> None:
    path = write(
        under="dims: {size: 32}\ndata: {use: mnist-4, train: 5}\n", spec="base: under.yaml\ndata: {train: 7}\n"
    )
    assert len(load_spec(path, top=DataSpec).data()) == 7


# Mistakes


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"spec": "base: gone.yaml\nmodel: gnm\n"}, "spec.yaml:1:7: base: 'gone.yaml': no such file"),
        (
            {"spec": "base: mnist-4.yaml\n"},
            "spec.yaml:1:7: base: 'mnist-4.yaml': no such file\n"
            "    gnm-data 0.1.0 ships a spec 'mnist-4': name it without folder and ending",
        ),
        (
            {"spec": "base: mnist-5\n"},
            "spec.yaml:1:7: base: 'mnist-5': no such file, nor does an installed package ship a spec of this name\n"
            "    did you mean 'mnist-",
        ),
        ({"spec": "base: 3\n"}, "spec.yaml:1:7: base: 3 is an integer; expected a spec file, or the name of a shipped"),
        ({"spec": "base: [a, b]\n"}, "spec.yaml:1:7: base: ['a', 'b'] is a list; expected"),
        ({"spec": "base: ''\n"}, "spec.yaml:1:7: base: '' is text; expected"),
        ({"spec": 'base: "a\\0b"\n'}, "spec.yaml:1:7: base: 'a\\x00b' is text; expected"),
        ({"spec": "base: .\n"}, ": is a directory; expected a spec file"),
        ({"spec": "base: spec.yaml\n"}, "spec.yaml:1:7: base: goes in a circle: spec.yaml -> spec.yaml"),
        (
            {"a": "base: b.yaml\n", "b": "model: gnm\nbase: a.yaml\n", "spec": "base: a.yaml\n"},
            "b.yaml:2:7: base: goes in a circle: a.yaml -> b.yaml -> a.yaml",
        ),
        ({"under": "model: [\n", "spec": "base: under.yaml\n"}, "under.yaml:2:1: is not YAML"),
        ({"under": "", "spec": "base: under.yaml\n"}, "under.yaml: is empty"),
        (
            {"under": "model: {use: gnm, sigam: 1}\n", "spec": "base: under.yaml\nmodel: {head: [8]}\n"},
            "under.yaml:1:19: model.sigam: unknown option 'sigam' of model 'gnm'",
        ),
        (
            {"under": "model: {use: gnm, sigma: 1}\n", "spec": "base: under.yaml\nmodel: {haed: [8]}\n"},
            "spec.yaml:2:9: model.haed: unknown option 'haed' of model 'gnm'",
        ),
        (
            {"under": "model: {use: gnm, core: {steps: 0}}\n", "spec": "base: under.yaml\nmodel: {core: {}}\n"},
            "under.yaml:1:33: model.core.steps: 0 is out of range",
        ),
        (
            {"under": "dims: {size: 100}\nmodel: gnm\n", "spec": "base: under.yaml\n"},
            "under.yaml:1:7: dims: a 100 px image",
        ),
        ({"spec": "base: under.yaml\n", "under": "train: {steps: 5}\n"}, "model: is missing"),
    ],
)
def test_every_mistake_is_told_with_the_file_that_holds_it(files: dict[str, str], message: str, write: Write) -> None:
    write(**files)
    path = write(spec=files["spec"])
    assert message in refused(path)


def test_mistakes_of_both_files_are_told_at_once(write: Write) -> None:
    path = write(under="model: {use: gnm, sigam: 1}\n", spec="base: under.yaml\ntrian: 3\nmodel: {core: {stepz: 3}}\n")
    found = [line.split(": ")[0] for line in refused(path).splitlines() if not line.startswith(" ")]
    assert found == ["spec.yaml:2:1", "spec.yaml:3:16", "under.yaml:1:19"]


def test_a_chain_has_an_end(tmp_path: Path) -> None:
    for i in range(LONGEST + 1):
        (tmp_path / f"{i}.yaml").write_text(f"base: {i + 1}.yaml\n")
    (tmp_path / f"{LONGEST + 1}.yaml").write_text("model: gnm\n")
    assert load_spec(tmp_path / "1.yaml")
    assert f"has more than {LONGEST} bases" in refused(tmp_path / "0.yaml")


# Origins


def test_compose_says_where_every_value_came_from(write: Write, gnm: Callable[..., CompletedProcess[str]]) -> None:
    path = write(
        under="dims: {size: 32}\nmodel: {use: gnm, core: {steps: 8}}\ntrain: {optimizer: {use: adam, lr: 1e-3}}\n",
        spec="base: under.yaml\nmodel: {core: {kernel: 3}}\n",
    )
    result = gnm("compose", "--spec", path, "--set", "model.sigma=0.3", "--origins", COLUMNS="400")
    lines = dict(line.rsplit("  ", 1) for line in result.stdout.splitlines())
    came = {line.strip().split(": ")[0]: where.replace(f"{path.parent}/", "") for line, where in lines.items()}
    assert came["dims.size"] == "under.yaml:1:14"
    assert came["model.core.steps"] == "under.yaml:2:33"
    assert came["model.core.kernel"] == "spec.yaml:2:24"
    assert came["model.core.use"] == "default"
    assert came["model.sigma"] == "--set"
    assert came["train.optimizer.0.lr.value"] == "under.yaml:3:36"
    assert came["train.clip"] == "default"


def test_origins_name_every_value_of_the_resolved_spec(gnm: Callable[..., CompletedProcess[str]]) -> None:
    result = gnm("compose", "--spec", "space-mnist-4-64-short", "--origins", "--json")
    found = json.loads(result.stdout)
    for entry in found:
        value: Any = load_spec("space-mnist-4-64-short").resolved()
        for key in entry["path"].split("."):
            if isinstance(value, list):
                value = dict(zip(keys_of(value), value, strict=True))
            value = value[key]
        assert entry["value"] == value, entry["path"]
    shipped = {str(entry.path) for entry in installed().specs.values()}
    assert {entry["from"] for entry in found} <= {*shipped, "default"}


def test_differences_work_with_names_and_bases(write: Write, gnm: Callable[..., CompletedProcess[str]]) -> None:
    path = write(spec="base: mnist-4-64\nmodel: {sigma: 0.3}\n")
    result = gnm("compose", "--spec", "mnist-4-64", "--diff", path)
    assert "model.sigma:\n  - 0.1\n  + 0.3" in result.stdout

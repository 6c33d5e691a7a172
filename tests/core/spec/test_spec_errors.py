"""Every mistake in a spec has its message: the place, the path, the value, what was expected, a suggestion."""

import json
import re
from pathlib import Path

import pytest
from gnm_core.errors import SpecError
from gnm_core.offers import TABLE, offered_by, offers, packages_with, text_of
from gnm_core.plugins import installed
from gnm_core.registry import Registry
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import LARGEST

from .problems import HEAD, problems_of

# The file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "spec.yaml: is empty; expected at least `model:`"),
        ("# only a comment\n", "spec.yaml: is empty; expected at least `model:`"),
        ("- gnm\n", "spec.yaml:1:1: holds no mapping; expected keys such as `dims:`, `model:` and `train:`"),
        ("gnm\n", "spec.yaml:1:1: holds no mapping; expected keys such as `dims:`, `model:` and `train:`"),
        ("model: [gnm\n", "spec.yaml:2:1: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("model: a: b\n", "spec.yaml:1:9: is not YAML: mapping values are not allowed here"),
        ("model:\n\tuse: gnm\n", "spec.yaml:2:1: is not YAML: found character '\\t' that cannot start any token"),
        ("model: *gone\n", "spec.yaml:1:8: is not YAML: found undefined alias 'gone'"),
        ("model: gnm\n---\nmodel: gnm\n", "spec.yaml:2:1: is not YAML: but found another document"),
        ("model: gnm\x07\n", "spec.yaml: is not YAML: unacceptable character #x0007"),
        (b"model: gnm \xff\n", "spec.yaml:1: is not UTF-8: byte 0xff at offset 11"),
        ("model: gnm\n".encode("utf-16"), "spec.yaml:1: is not UTF-8: byte 0xff at offset 0"),
        ("model: !!python/object:os.system ls\n", "spec.yaml:1:8: model: the tag !!python/object:os.system is not"),
        ("model: !gnm {}\n", "spec.yaml:1:8: model: the tag !gnm is not supported; write plain values"),
        ("model: gnm\n3: x\n", "spec.yaml:2:1: the key 3 is not text (!!int)\n    put it in quotes: '3'"),
        ("model: gnm\n? [a]\n: x\n", "spec.yaml:2:3: a key must be text, not a list or a mapping"),
        ("model: gnm\nnull: x\n", "spec.yaml:2:1: the key null is not text (!!null)"),
        ("model: &a {use: gnm}\ndata:\n  <<: *a\n", "spec.yaml:3:3: data: merge keys (<<) are not part of YAML 1.2"),
        ("model: gnm\nmodel: gnm\n", "spec.yaml:2:1: model: 'model' is given twice; first on line 1, column 1"),
        ("[" * 3000, "spec.yaml: is nested deeper than 60 levels"),
        ("model: " + "[" * 80 + "]" * 80, "spec.yaml: is nested deeper than 60 levels (aliases included)"),
        ("model: &a [*a]\n", "spec.yaml: is nested deeper than 60 levels (aliases included)"),
        ("x: " + "9" * 5000, "spec.yaml:1:4: x: '9999999999999999999999999999999999999999' cannot be read as int"),
    ],
)
def test_files_that_hold_no_spec(text: str | bytes, message: str, tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(message)


def test_an_anchor_bomb_is_stopped(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (problem,) = problems_of(tmp_path, "\n".join(lines))
    assert problem == "spec.yaml: unfolds to more than 20000 values (aliases included)"


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    with file.open("wb") as out:
        out.truncate(50 * 1024**3)  # a sparse file: reading it whole could not end well
    with pytest.raises(SpecError, match=rf"is larger than {LARGEST // 1024} KiB"):
        load_spec(file)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(str(tmp_path))}: is a directory; expected a spec file$"):
        load_spec(tmp_path)


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "mnist-4.yaml").touch()
    with pytest.raises(SpecError, match=r"mnist4\.yaml: no such file\n    did you mean 'mnist-4\.yaml'\?$"):
        load_spec(tmp_path / "mnist4.yaml")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "no/such/folder/spec.yaml"])
def test_paths_that_cannot_be_opened(path: str) -> None:
    with pytest.raises(SpecError, match=r"cannot be read|no such file"):
        load_spec(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"\xef\xbb\xbfmodel: gnm\n")
    assert load_spec(file).resolved()["model"]["use"] == "gnm"  # type: ignore[index]


# What it says


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dims: {size: 32}\n",
            "spec.yaml:1:1: model: is missing; expected a model\n    fits here: ",
        ),
        (
            "model: gnm\ntrian: {}\n",
            "spec.yaml:2:1: trian: unknown key 'trian' at the top of a spec\n    did you mean 'train'? keys: ",
        ),
        (
            "model: gnm\ndims: {colour: 3}\n",
            "spec.yaml:2:8: dims.colour: unknown key 'colour' in dims\n    keys: background, channels, ",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, stepz: 8}\n",
            "spec.yaml:4:27: model.core.stepz: unknown option 'stepz' of core 'structdraw'\n"
            "    did you mean 'steps'? options: decoder, interaction, kernel, ",
        ),
        (
            HEAD + "  use: gnm\n  size: 64\n",
            "spec.yaml:4:3: model.size: unknown option 'size' of model 'gnm'\n"
            "    sizes are given once, in `dims` at the top of the spec; options: ",
        ),
        (
            HEAD + "  use: gnm\n  core: structdrw\n",
            "spec.yaml:4:9: model.core: no core named 'structdrw' is installed\n    did you mean 'structdraw'?\n"
            "    fits here: ",
        ),
        (
            HEAD + "  use: gnm\n  core: conv\n",
            "spec.yaml:4:9: model.core: 'conv' is an encoder (gnm-core 0.1.0); expected a Core (scene code, drawn step "
            "by step)\n    fits here: ",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, prior: bernoulli}\n",
            "spec.yaml:4:34: model.core.prior: 'bernoulli' (gnm-core 0.1.0) is a PresencePrior (reference distribution "
            "of z^pres); expected a ScenePrior (distribution of the scene latent z^g)\n"
            "    fits here: autoregressive, ",
        ),
        (
            HEAD + "  use: gnm\n  presence_prior: standard-normal\n",
            "spec.yaml:4:19: model.presence_prior: 'standard-normal' (gnm-core 0.1.0) is a ScenePrior (distribution of "
            "the scene latent z^g) and a LatentPrior (reference distribution of a continuous latent); expected a "
            "PresencePrior (reference distribution of z^pres)\n    fits here: bernoulli",
        ),
        (
            HEAD + "  encoder: conv\n",
            "spec.yaml:3:3: model: has no 'use'; expected the name of a model\n    fits here: ",
        ),
        (
            HEAD + "  use: 4\n",
            "spec.yaml:3:8: model.use: 4 is an integer; expected the name of a model",
        ),
        (
            "model:\n",
            "spec.yaml:2:1: model: is null; expected a model: a name, or a mapping with 'use'\n    fits here: ",
        ),
        (
            "model: [gnm]\n",
            "spec.yaml:1:8: model: ['gnm'] is a list; expected a model: a name, or a mapping with 'use'",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: four}\n",
            "spec.yaml:4:34: model.core.steps: 'four' is text; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: '4'}\n",
            "spec.yaml:4:34: model.core.steps: '4' is text; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: true}\n",
            "spec.yaml:4:34: model.core.steps: true is a boolean; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: 4.5}\n",
            "spec.yaml:4:34: model.core.steps: 4.5 is a number; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: 1e1}\n",
            "spec.yaml:4:34: model.core.steps: 10.0 is a number; "
            "expected an integer of at least 1 and of at most 1024\n    write 10",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: 0}\n",
            "spec.yaml:4:34: model.core.steps: 0 is out of range; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: null}\n",
            "spec.yaml:4:34: model.core.steps: is null; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, steps: [4]}\n",
            "spec.yaml:4:34: model.core.steps: [4] is a list; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  sigma: .nan\n",
            "spec.yaml:4:10: model.sigma: nan is not finite; expected a number above 0",
        ),
        (
            HEAD + "  use: gnm\n  sigma: .inf\n",
            "spec.yaml:4:10: model.sigma: inf is not finite; expected a number above 0",
        ),
        (
            HEAD + "  use: gnm\n  head: [64, -1]\n",
            "spec.yaml:4:14: model.head.1: -1 is out of range; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  head: []\n",
            "spec.yaml:4:9: model.head: has 0 elements; expected a list, each an integer of at least 1 and of at "
            "most 65536 with at least 1 element",
        ),
        (
            HEAD + "  use: gnm\n  temperature: {from: 1, to: 0.5, since: 3}\n",
            "spec.yaml:4:16: model.temperature.until: is missing; expected an integer of at least 1",
        ),
        (
            HEAD + "  use: gnm\n  temperature: true\n",
            "spec.yaml:4:16: model.temperature: true is a boolean; expected a schedule: a name, or a mapping with ",
        ),
        (
            "model: gnm\ndata: {use: image-folder, dir: 3}\n",
            "spec.yaml:2:32: data.dir: 3 is an integer; expected a path",
        ),
        (
            "model: gnm\ndata: {use: image-folder, dir: ''}\n",
            "spec.yaml:2:32: data.dir: '' is no path; expected a path",
        ),
        (
            "model: gnm\ndata: {use: image-folder, dir: x, fit: corp}\n",
            "spec.yaml:2:40: data.fit: 'corp' is no choice; expected one of 'crop', 'pad', 'stretch'\n"
            "    did you mean 'crop'?",
        ),
        (
            "model: gnm\nobjective: {use: elbo, weights: 3}\n",
            "spec.yaml:2:33: objective.weights: 3 is an integer; expected a mapping, each value a schedule or null",
        ),
        (
            "model: gnm\ntrain: 3\n",
            "spec.yaml:2:8: train: 3 is an integer; expected a mapping with keys out of stages, ",
        ),
        (
            "model: gnm\ntrain: {batch: 0}\n",
            "spec.yaml:2:16: train.batch: 0 is out of range; expected an integer of at least 1",
        ),
        (
            "model: gnm\ndims: {size: 99999999999999999999999}\n",
            "spec.yaml:2:14: dims.size: 99999999999999999999999 is out of range; expected an integer of at least 8 and "
            "of at most 4096",
        ),
    ],
)
def test_one_mistake_one_message(text: str, message: str, tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dims: {size: 100, grid: 4}\nmodel: gnm\n",
            "spec.yaml:1:7: dims: a 100 px image cannot be halved down to a grid of 4",
        ),
        (
            HEAD + "  use: gnm\n  core: {use: structdraw, kernel: 2}\n",
            "spec.yaml:4:35: model.core.kernel: 2 is even",
        ),
        (
            HEAD + "  use: gnm\n  encoder: {use: conv, widths: [1, 2, 3, 4, 5]}\n",
            "spec.yaml:4:32: model.encoder.widths: 5 widths, but 32 px to a grid of 4 has 2",
        ),
        (
            "model: gnm\nobjective: {use: elbo, weights: {scene: {from: 0, to: 1, until: 5, since: 9}}}\n",
            "spec.yaml:2:65: objective.weights.scene.until: 5 is not after since = 9",
        ),
        (
            "model: gnm\ntrain: {optimizer: [{use: rmsprop, lr: {from: 1, to: 0, until: 5, since: 9}}]}\n",
            "spec.yaml:2:64: train.optimizer.0.lr.until: 5 is not after since = 9",
        ),
        (
            "model: gnm\ndata: {use: image-folder, dir: nowhere, validation: 0.5, test: 0.5}\n",
            "spec.yaml:2:53: data.validation: 0.5 and test = 0.5 leave no picture to train on",
        ),
    ],
)
def test_what_only_constructors_know_is_found_before_anything_is_allocated(
    text: str, message: str, tmp_path: Path
) -> None:
    assert any(problem.startswith(message) for problem in problems_of(tmp_path, text))


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
dims: {size: 32, colour: 3}
model:
  use: gnm
  encoder: conf
  core: {use: structdraw, steps: 0, prior: bernoulli}
  where_prior: {use: normal, mean: [0, 0, 0]}
  temperature: fast
train: {batch: none, on_nonfinite: rolback}
trian: 3
"""
    found = problems_of(tmp_path, text)
    assert [tuple(problem.split(": ")[:2]) for problem in found] == [
        ("spec.yaml:1:18", "dims.colour"),
        ("spec.yaml:4:12", "model.encoder"),
        ("spec.yaml:5:34", "model.core.steps"),
        ("spec.yaml:5:44", "model.core.prior"),
        ("spec.yaml:6:16", "model.where_prior.std"),
        ("spec.yaml:7:16", "model.temperature"),
        ("spec.yaml:8:16", "train.batch"),
        ("spec.yaml:8:36", "train.on_nonfinite"),
        ("spec.yaml:9:1", "trian"),
    ]


def test_a_part_of_a_package_that_is_not_installed_says_what_to_install(tmp_path: Path) -> None:
    only_core = Registry()
    only_core.plugins = [plugin for plugin in installed().plugins if plugin.provider.distribution == "gnm-core"]
    only_core.parts = {key: e for key, e in installed().parts.items() if e.provider.distribution == "gnm-core"}
    found = problems_of(tmp_path, "model: genesis\ndata: mnist-4\n", registry=only_core)
    assert found[0].startswith(
        "spec.yaml:1:8: model: no model named 'genesis' is installed\n"
        "    it comes with gnm-baselines: pip install gnm-baselines\n"
    )
    assert found[1].startswith(
        "spec.yaml:2:7: data: no data named 'mnist-4' is installed\n    it comes with gnm-data: pip install gnm-data\n"
    )


def test_the_table_of_packages_tells_the_truth() -> None:
    for package, kinds in offers().items():
        for kind, names in kinds.items():
            for name in names:
                entry = installed().find(kind, name)
                assert entry is not None, f"{kind} '{name}' of {package}; `make offers` writes the table afresh"
                assert entry.provider.distribution == package


def test_the_table_of_packages_is_written_from_what_they_register() -> None:
    written = offered_by(installed(), offers())
    assert json.loads(text_of(written)) == {p: {k: sorted(n) for k, n in kinds.items()} for p, kinds in written.items()}
    assert text_of(offers()) == TABLE.read_text()
    assert packages_with("model", "genesis") == ["gnm-baselines"]
    assert packages_with("model", "gnm") == []  # gnm-core needs no telling

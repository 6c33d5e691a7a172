"""Trainings that begin with another model's weights."""

import html
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import RunError, SpecError, load_run
from gnm_core.cli import main
from gnm_core.runs.checkpoint import Checkpoints
from gnm_core.runs.origins import beginnings
from gnm_core.training.initial_weights import Origin, begin_from
from ruamel.yaml import YAML
from torch import nn

Toy = Callable[..., dict[str, Any]]


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def file(path: Path, spec: dict[str, Any]) -> Path:
    YAML().dump(spec, path)
    return path


@pytest.fixture
def first(tmp_path: Path, toy: Toy) -> Path:
    done = gnm("train", "--spec", file(tmp_path / "toy.yaml", toy()), "--out", tmp_path / "first")
    assert done.exit_code == 0, done.output
    return tmp_path / "first"


def state(run: Path, step: int | None = None) -> dict[str, torch.Tensor]:
    return load_run(run, step).model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_a_training_begins_where_another_ended_and_says_so(first: Path, tmp_path: Path) -> None:
    done = gnm("train", "--from", first, "--out", tmp_path / "next", "--set", "train.keep=9")
    assert done.exit_code == 0, done.output
    assert f"from {first}, step 12" in done.output
    assert same(state(first), state(tmp_path / "next", 0))
    assert not same(state(first), state(tmp_path / "next"))
    about = json.loads((tmp_path / "next/origin.json").read_text())
    assert (about["from"], about["step"], about["left"], about["unused"]) == (str(first), 12, {}, [])
    assert sorted(about["taken"]) == sorted(state(first))


def test_stopped_before_its_first_step_it_still_begins_there(first: Path, tmp_path: Path) -> None:
    options = ("train", "--from", first, "--out")
    assert gnm(*options, tmp_path / "whole").exit_code == 0
    done = gnm(*options, tmp_path / "cut", "--seconds", 0)
    assert done.exit_code == 0, done.output
    assert Checkpoints(tmp_path / "cut").steps() == [0]
    assert gnm("train", "--resume", tmp_path / "cut").exit_code == 0
    assert same(state(tmp_path / "whole"), state(tmp_path / "cut"))


def test_only_takes_what_is_asked_for_and_another_part_keeps_its_own_beginning(first: Path, tmp_path: Path) -> None:
    parts = list(dict.fromkeys(name.split(".")[0] for name in state(first)))
    done = gnm(*("train", "--from", first, "--only", parts[0], "--out", tmp_path / "b"), "--steps", 1, "--seconds", 0)
    assert done.exit_code == 0, done.output
    for name, tensor in state(tmp_path / "b", 0).items():
        if name.split(".")[0] == parts[0]:
            assert torch.equal(tensor, state(first)[name])
    about = json.loads((tmp_path / "b/origin.json").read_text())
    assert set(about["left"].values()) <= {"not asked for"}
    assert all(name.split(".")[0] == parts[0] for name in about["taken"])


def test_what_does_not_fit_is_listed_by_reason() -> None:
    here = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Linear(3, 3), "c": nn.Linear(1, 1)})
    there = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.Linear(4, 3), "d": nn.Linear(1, 1)})
    taken = begin_from(here, Origin("there", 7, "", there.state_dict()))
    assert taken.taken == ("a.weight", "a.bias", "b.bias")
    assert taken.left["b.weight"] == "shape (3, 4) there and (3, 3) here"
    assert taken.left["c.weight"] == "not there"
    assert taken.unused == ("d.weight", "d.bias")
    assert torch.equal(here["a"].weight, there["a"].weight)
    with pytest.raises(RunError, match="nothing in there fits"):
        begin_from(nn.ModuleDict({"z": nn.Linear(2, 3)}), Origin("there", 7, "", there.state_dict()))


def test_a_minus_leaves_out_and_tensors_of_the_whole_go_by_their_names() -> None:
    def model() -> nn.Module:
        core = nn.ModuleDict({"read": nn.Linear(2, 3), "prior": nn.Linear(2, 3)})
        core.register_parameter("place", nn.Parameter(torch.randn(3)))
        return nn.ModuleDict({"core": core, "head": nn.Linear(1, 1)})

    there = model().state_dict()
    for only, left in (
        (("-core.prior",), {"core.prior.weight", "core.prior.bias"}),
        (("core", "-core.prior"), {"core.prior.weight", "core.prior.bias", "head.weight", "head.bias"}),
        (("-core",), {name for name in there if name.startswith("core.")}),
    ):
        origin = Origin("there", 7, "", there, only)
        taken = begin_from(model(), origin)
        assert taken.left.keys() == left
    origin = Origin("there", 7, "", there, ("core.read",))
    said = begin_from(model(), origin).summary(origin)
    assert "took 2 of 7 tensors from there, step 7: core.read" in said
    assert "not taken, not asked for: core.place, core.prior, head" in said
    with pytest.raises(SpecError, match=r"no parameters under 'core\.priors'"):
        begin_from(model(), Origin("there", 7, "", there, ("-core.priors",)))


def test_all_but_some_is_asked_for_on_the_command_line(first: Path, tmp_path: Path) -> None:
    part = next(iter(state(first))).split(".")[0]
    done = gnm("train", "--from", first, "--only", f"-{part}", "--out", tmp_path / "b", "--steps", 1, "--seconds", 0)
    assert done.exit_code == 0, done.output
    about = json.loads((tmp_path / "b/origin.json").read_text())
    assert about["left"].keys() == {name for name in state(first) if name.split(".")[0] == part}
    (noted,) = beginnings(tmp_path / "b")
    assert f"of all but {part} from" in str(noted)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "encoder"), "--only goes with --from"),
        (("--from", "nowhere"), "no pretrained model and no folder 'nowhere'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, toy: Toy, options: tuple[str, ...], says: str) -> None:
    done = gnm("train", "--spec", file(tmp_path / "toy.yaml", toy()), "--out", tmp_path / "run", *options)
    assert done.exit_code == 2
    assert says in done.output
    assert not (tmp_path / "run/spec.yaml").exists()


def test_a_prefix_that_names_nothing_is_told_with_the_nearest(first: Path, tmp_path: Path) -> None:
    part = next(iter(state(first))).split(".")[0]
    done = gnm("train", "--from", first, "--only", f"{part}x", "--out", tmp_path / "b")
    assert done.exit_code == 2
    assert f"the model has no parameters under '{part}x'" in done.output
    assert f"did you mean '{part}'?" in done.output
    done = gnm("train", "--resume", first, "--from", first)
    assert done.exit_code == 2
    assert "leave out" in done.output


def test_a_stage_begins_where_another_run_ended_and_notes_it_when_it_does(
    first: Path, tmp_path: Path, toy: Toy
) -> None:
    stages = [{"steps": 2}, {"steps": 2, "from": str(first), "only": ["encoder"]}]
    spec = toy(stages=stages, checkpoint_every=2, keep=9)
    run = tmp_path / "staged"
    done = gnm("train", "--spec", file(tmp_path / "staged.yaml", spec), "--out", run, "--steps", 2)
    assert done.exit_code == 0, done.output
    assert beginnings(run) == ()
    done = gnm("train", "--resume", run, "--steps", 3)
    assert done.exit_code == 0, done.output
    assert f"from {first}, step 12" in done.output
    about = json.loads((run / "origin-1.json").read_text())
    assert (about["from"], about["step"], about["only"]) == (str(first), 12, ["encoder"])
    assert about["sha256"] == sha256((first / "checkpoints/step-00000012/model.safetensors").read_bytes()).hexdigest()
    assert about["taken"] == [name for name in state(first) if name.startswith("encoder.")]
    assert set(about["left"].values()) == {"not asked for"}
    assert set(about["taken"]) | set(about["left"]) == set(state(first))
    (noted,) = beginnings(run)
    assert (noted.stage, noted.taken, noted.total) == (1, len(about["taken"]), len(state(first)))


def test_the_report_tells_where_weights_began_and_trains_again_from_there(first: Path, tmp_path: Path) -> None:
    run = tmp_path / "next"
    assert gnm("train", "--from", first, "--only", "encoder", "--out", run).exit_code == 0
    done = gnm("evaluate", run, "--metrics", "reconstruction", "-n", 8)
    assert done.exit_code == 0, done.output
    page = html.unescape((run / "evaluation/report.html").read_text())
    (noted,) = beginnings(run)
    assert f"encoder from {first}, step 12 (sha256 {noted.sha256[:12]})" in page
    assert f"--from {first} --only encoder" in page


def test_notes_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    for name, text in (("origin.json", "{"), ("origin-1.json", "[]"), ("origin-x.json", "{}"), ("origins.json", "")):
        (tmp_path / name).write_text(text)
    assert beginnings(tmp_path) == ()

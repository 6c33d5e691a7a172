"""Optimisers that train other weights than the model is used with: who looks sees these, and those go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from gnm_core.runs.checkpoint import Checkpoint, load_run
from gnm_core.spec import load_spec
from gnm_core.training.device import Settings
from gnm_core.training.learner import Learner
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]
FREE = {"use": "toy-schedule-free"}
STAGES = [
    {"name": "one", "steps": 6, "optimizer": [FREE]},
    {"name": "two", "steps": 6, "optimizer": [FREE]},
]


def learner_of(spec: dict[str, Any]) -> Learner:
    checked = load_spec(spec)
    torch.manual_seed(0)
    return Learner(checked.model(), checked.objective(), checked.data("train"), checked.training())


def whole(run: Path, step: int) -> tuple[bytes, dict[str, Any]]:
    folder = run / f"checkpoints/step-{step:08d}"
    return (folder / "model.safetensors").read_bytes(), vars(Checkpoint(folder).state().now)


def test_who_looks_sees_the_weights_to_use_and_leaves_those_that_train(toy: Toy) -> None:
    learner = learner_of(toy(optimizer=[FREE]))
    for _ in range(4):
        learner.advance()
    optimizer: Any = learner._optimizers[0]
    trained = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    with learner.looking() as model:
        assert any(not torch.equal(p, trained[name]) for name, p in model.named_parameters())
        for name, parameter in model.named_parameters():
            z = optimizer.state[parameter]["z"]
            torch.testing.assert_close(parameter, trained[name].lerp(z, 1 - 1 / 0.9))
    assert all(torch.equal(p, trained[name]) for name, p in learner.model.named_parameters())
    learner.advance()  # it is training again


def test_a_checkpoint_has_the_weights_to_use(tmp_path: Path, toy: Toy) -> None:
    start(load_spec(toy(optimizer=[FREE])), tmp_path / "run", Settings(), Silent())
    folder = tmp_path / "run/checkpoints/step-00000012"
    file = safetensors.torch.load_file(folder / "model.safetensors")
    state = Checkpoint(folder).state()
    assert state.used.keys() == {name for name, _ in load_run(folder).model.named_parameters()}
    assert all(torch.equal(state.used[name], file[name]) for name in state.used)
    assert any(not torch.equal(state.now.model[name], file[name]) for name in state.used)
    assert all(torch.equal(file[name], value) for name, value in load_run(folder).model.state_dict().items())


@pytest.mark.parametrize("stop", [1, 5, 6, 7, 11])
def test_resumed_it_ends_with_the_same_weights_bit_for_bit(tmp_path: Path, toy: Toy, stop: int) -> None:
    spec = load_spec(toy(stages=STAGES))
    start(spec, tmp_path / "straight", Settings(), Silent())
    start(spec, tmp_path / "run", Settings(steps=stop), Silent())
    resume(tmp_path / "run", Settings(), Silent())
    (one, mine), (other, theirs) = whole(tmp_path / "straight", 12), whole(tmp_path / "run", 12)
    assert one == other
    assert all(torch.equal(mine["model"][name], theirs["model"][name]) for name in mine["model"])
    for name, value in mine["optimizers"][0]["state"]["state"].items():
        assert torch.equal(value["z"], theirs["optimizers"][0]["state"]["state"][name]["z"])


def test_pictures_change_no_bit(tmp_path: Path, toy: Toy, toy_figure: None) -> None:
    for name, every in (("without", 0), ("with", 1)):
        start(load_spec(toy(stages=STAGES, picture_every=every)), tmp_path / name, Settings(), Silent())
    assert whole(tmp_path / "without", 12)[0] == whole(tmp_path / "with", 12)[0]


def test_a_stage_begins_with_what_the_last_one_has_learned(toy: Toy) -> None:
    learner = learner_of(toy(stages=STAGES))
    for _ in range(6):
        learner.advance()
    used = learner.state().used
    learner._enter(learner.plan.at(6))
    assert all(torch.equal(p, used[name]) for name, p in learner.model.named_parameters())


def test_a_step_that_is_not_finite_rolls_back_to_the_weights_that_train(toy: Toy) -> None:
    learner = learner_of(toy(model={"nan_at": [3]}, optimizer=[FREE]))
    first = {name: p.detach().clone() for name, p in learner.model.named_parameters()}
    for _ in range(4):
        report = learner.advance()
    assert report.trouble is not None
    assert all(torch.equal(p, first[name]) for name, p in learner.model.named_parameters())
    assert learner.advance().trouble is None

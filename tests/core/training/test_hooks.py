"""A training tells its hooks and callbacks how it goes; whatever they do, it goes as without them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core import hookimpl
from gnm_core.errors import PluginError, RunError
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import dump
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]
STAGES = [{"name": "one", "steps": 5}, {"name": "two", "steps": 4}]


class Diary:
    """Notes all that it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    @hookimpl
    def gnm_training_started(self, training: Any) -> None:
        self.told.append(("started", training.step, training.total, training.stage))

    @hookimpl
    def gnm_training_step(self, report: Any) -> None:
        self.told.append(("step", report.step))

    @hookimpl
    def gnm_training_record(self, record: dict[str, Any]) -> None:
        self.told.append(("record", record["step"], record["stage"]))

    @hookimpl
    def gnm_training_checkpoint(self, training: Any, checkpoint: Path) -> None:
        self.told.append(("checkpoint", training.step, (checkpoint / "model.safetensors").exists()))

    @hookimpl
    def gnm_training_stage(self, stage: str) -> None:
        self.told.append(("stage", stage))

    @hookimpl
    def gnm_training_ended(self, outcome: Any, error: Any) -> None:
        self.told.append(("ended", outcome and outcome.step, error))


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_run(run).model.state_dict()


def same(one: Path, other: Path) -> bool:
    mine, theirs = weights(one), weights(other)
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_listener_is_told_everything_in_order(tmp_path: Path, toy: Toy) -> None:
    diary = Diary()
    start(load_spec(toy(stages=STAGES)), tmp_path / "run", Settings(), Silent(), callbacks=[diary])
    assert diary.told == [
        ("started", 0, 9, "one"),
        *[("step", step) for step in range(4)],
        ("checkpoint", 4, True),
        ("step", 4),
        ("record", 5, "one"),
        ("stage", "one"),
        *[("step", step) for step in range(5, 8)],
        ("checkpoint", 8, True),
        ("step", 8),
        ("record", 9, "two"),
        ("stage", "two"),
        ("checkpoint", 9, True),
        ("ended", 9, None),
    ]


def test_a_function_is_called_after_each_step(tmp_path: Path, toy: Toy) -> None:
    losses: list[float] = []
    start(
        load_spec(toy()),
        tmp_path / "run",
        Settings(),
        Silent(),
        callbacks=[lambda training, report: losses.append(report.values["loss"])],
    )
    assert len(losses) == 12
    assert losses[-1] < losses[0]


class Vandal:
    """Does at every occasion what a listener must not."""

    @hookimpl
    def gnm_training_step(self, training: Any) -> None:
        print("what a plugin prints is not the command's output")
        torch.manual_seed(0)
        torch.rand(10)
        training.model.eval()

    @hookimpl
    def gnm_training_checkpoint(self, training: Any) -> None:
        with training.looking(seed=3) as model:
            assert not model.training
            assert not torch.is_grad_enabled()
            model.sample(2)
        raise SystemExit("a fault")


def test_what_listeners_do_changes_no_bit_of_the_training(
    tmp_path: Path, toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    start(load_spec(toy()), tmp_path / "alone", Settings(), Silent())
    start(load_spec(toy()), tmp_path / "watched", Settings(), Silent(), callbacks=[Vandal()])
    assert same(tmp_path / "alone", tmp_path / "watched")
    assert capsys.readouterr().out == ""


def test_a_hook_that_fails_is_named_once_and_ends_nothing(tmp_path: Path, toy: Toy) -> None:
    diary = Diary()
    outcome = start(load_spec(toy()), tmp_path / "run", Settings(), Silent(), callbacks=[Vandal(), diary])
    assert outcome.step == 12
    warnings = [line for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert "hook gnm_training_checkpoint of the callback Vandal is not called any more" in warnings[0]
    assert "a fault" in warnings[0]
    assert ("checkpoint", 12, True) in diary.told  # those who come after it are told


def test_a_listener_can_stop_the_training_which_then_goes_on(tmp_path: Path, toy: Toy) -> None:
    def patience(training: Any, report: Any) -> None:
        if report.step == 6:
            training.stop("seven are enough")

    start(load_spec(toy()), tmp_path / "straight", Settings(), Silent())
    stopped = start(load_spec(toy()), tmp_path / "run", Settings(), Silent(), callbacks=[patience])
    assert (stopped.step, stopped.stopped) == (7, "seven are enough")
    diary = Diary()
    outcome = resume(tmp_path / "run", Settings(), Silent(), callbacks=[diary])
    assert (outcome.step, outcome.stopped, diary.told[0][:2]) == (12, None, ("started", 7))
    assert same(tmp_path / "straight", tmp_path / "run")


def test_a_training_that_fails_says_so_to_its_listeners(tmp_path: Path, toy: Toy) -> None:
    diary = Diary()
    with pytest.raises(RunError):
        start(
            load_spec(toy(model={"nan_at": [3]}, on_nonfinite="stop")),
            tmp_path / "run",
            Settings(),
            Silent(),
            callbacks=[diary],
        )
    what, outcome, error = diary.told[-1]
    assert (what, outcome) == ("ended", None)
    assert "step 3: not finite" in str(error)


class Misspelt:
    @hookimpl
    def gnm_training_stpe(self, training: Any) -> None: ...


@pytest.mark.parametrize(
    ("callback", "said"),
    [
        (Misspelt(), "gnm_training_stpe"),
        (object(), "the callback object has no method marked with @hookimpl; hooks: gnm_training_started"),
    ],
)
def test_a_callback_that_cannot_be_told_is_refused_before_anything_is_written(
    tmp_path: Path, toy: Toy, callback: object, said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        start(load_spec(toy()), tmp_path / "run", Settings(), Silent(), callbacks=[callback])
    assert not (tmp_path / "run").exists()


PLUGIN = """
from gnm_core import hookimpl

@hookimpl
def gnm_training_started(training):
    training.say(f"hello from step {training.step}")

@hookimpl
def gnm_training_step(training, report):
    raise ValueError("oh")
"""


def test_a_plugin_that_only_listens_is_told_and_listed(tmp_path: Path, toy: Toy, distribution: Any, gnm: Any) -> None:
    (tmp_path / "spec.yaml").write_text(dump(toy()))
    site = distribution("acme", {"acme.py": PLUGIN})
    listed = gnm("plugins", site=site)
    assert "acme 1.0  (acme)\n  hooks: gnm_training_started, gnm_training_step" in listed.stdout
    trained = gnm("train", "--spec", "spec.yaml", "--out", "run", site=site)
    assert trained.returncode == 0, trained.stderr
    assert "hello from step 0" in trained.stdout
    assert trained.stdout.count("gnm_training_step of acme 1.0 is not called any more") == 1

"""`gnm_core.train` from a script or a notebook: the same training as `gnm train`, without its exits and signals."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gnm_core
import pytest
import torch
from click.testing import CliRunner
from gnm_core import GnmError, PartError, RunError, SpecError, hookimpl
from gnm_core.cli import main
from gnm_core.runs.checkpoint import Checkpoints
from gnm_core.spec.yaml import dump

Toy = Callable[..., dict[str, Any]]


def weights(run: gnm_core.Run) -> dict[str, torch.Tensor]:
    return run.model.state_dict()


def same(one: gnm_core.Run, other: gnm_core.Run) -> bool:
    return all(torch.equal(weights(one)[name], tensor) for name, tensor in weights(other).items())


def test_a_spec_is_a_path_a_mapping_a_text_or_a_checked_one(tmp_path: Path, toy: Toy) -> None:
    text = dump(toy())
    (tmp_path / "spec.yaml").write_text(text)
    sources = [tmp_path / "spec.yaml", str(tmp_path / "spec.yaml"), toy(), text, gnm_core.load_spec(toy())]
    runs = [gnm_core.train(source, tmp_path / f"run{i}", quiet=True) for i, source in enumerate(sources)]
    assert [run.step for run in runs] == [12] * 5
    assert all(same(runs[0], run) for run in runs[1:])
    assert not runs[0].model.training


def test_it_is_the_training_of_the_command(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "spec.yaml").write_text(dump(toy()))
    done = CliRunner().invoke(main, ["train", "--spec", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "a")])
    assert done.exit_code == 0, done.output
    ours = gnm_core.train(tmp_path / "spec.yaml", tmp_path / "b", overrides=["train.log_every=1"], quiet=True, steps=7)
    assert ours.step == 7
    assert same(gnm_core.resume(tmp_path / "b", quiet=True), gnm_core.load(tmp_path / "a"))


def test_it_leaves_the_callers_random_numbers_alone(tmp_path: Path, toy: Toy) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    gnm_core.train(toy(), tmp_path / "run", quiet=True, steps=2)
    assert torch.equal(torch.rand(3), expected)


def test_quiet_says_nothing_and_otherwise_it_does(tmp_path: Path, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    gnm_core.train(toy(), tmp_path / "a", quiet=True)
    assert capsys.readouterr() == ("", "")
    gnm_core.train(toy(), tmp_path / "b")
    assert "step 12/12" in capsys.readouterr().out


# Callbacks


def test_a_callback_sees_every_step_and_may_end_the_training(tmp_path: Path, toy: Toy) -> None:
    seen: list[tuple[int, str, bool]] = []

    def watch(training: Any, report: Any) -> None:
        seen.append((report.step, report.stage, "loss" in report.values))
        if report.step == 4:
            training.stop("enough")

    run = gnm_core.train(toy(), tmp_path / "run", watch, quiet=True)
    assert seen == [(step, "stage 1", True) for step in range(5)]
    assert run.step == 5
    assert Checkpoints(tmp_path / "run").steps()[-1] == 5
    assert gnm_core.resume(tmp_path / "run", [watch], quiet=True).step == 12
    assert [step for step, *_ in seen] == list(range(12))
    whole = gnm_core.train(toy(), tmp_path / "whole", quiet=True)
    assert same(gnm_core.load(tmp_path / "run"), whole)


def test_an_object_with_hooks_gets_each_record(tmp_path: Path, toy: Toy) -> None:
    steps: list[int] = []

    class Records:
        @hookimpl
        def gnm_training_record(self, record: dict[str, Any]) -> None:
            steps.append(record["step"])

    gnm_core.train(toy(), tmp_path / "run", [Records()], quiet=True)
    assert steps == [5, 10, 12]


def test_a_keyboard_interrupt_of_a_callback_leaves_the_training_saved(tmp_path: Path, toy: Toy) -> None:
    def impatient(training: Any, report: Any) -> None:
        if report.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gnm_core.train(toy(), tmp_path / "run", impatient, quiet=True)
    assert Checkpoints(tmp_path / "run").steps()[-1] == 7
    whole = gnm_core.train(toy(), tmp_path / "whole", quiet=True)
    assert same(gnm_core.resume(tmp_path / "run", quiet=True), whole)


# Signals


def test_ctrl_c_is_a_keyboard_interrupt_once_all_is_saved(tmp_path: Path, toy: Toy) -> None:
    def pressed(training: Any, report: Any) -> None:
        if report.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    theirs = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            gnm_core.train(toy(), tmp_path / "run", pressed, quiet=True)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, theirs)
    assert Checkpoints(tmp_path / "run").steps() == [3]


def test_a_callers_own_handler_hears_of_the_signal(tmp_path: Path, toy: Toy) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        run = gnm_core.train(
            toy(), tmp_path / "run", lambda training, report: os.kill(os.getpid(), signal.SIGTERM), quiet=True
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (run.step, heard) == (1, [signal.SIGTERM])


def test_in_another_thread_no_signal_is_touched(tmp_path: Path, toy: Toy) -> None:
    found: list[Any] = []
    mine = signal.getsignal(signal.SIGINT)

    def work() -> None:
        try:
            run = gnm_core.train(
                toy(), tmp_path / "run", lambda *_: found.append(signal.getsignal(signal.SIGINT)), quiet=True
            )
            found.append(run.step)
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [mine] * 12 + [12]


# Errors


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"model": "toyy"}, SpecError, "did you mean 'toy'"),
        ({"model": {"use": "toy", "noize": 1}}, SpecError, "noize"),
        ({"data": {"use": "toy", "length": 0}}, GnmError, "no images in its train split"),
    ],
)
def test_errors_are_the_librarys_with_the_commands_message(
    change: dict[str, Any], kind: type[GnmError], words: str, tmp_path: Path, toy: Toy
) -> None:
    spec = toy() | change
    (tmp_path / "spec.yaml").write_text(dump(spec))
    with pytest.raises(kind, match=words) as caught:
        gnm_core.train(tmp_path / "spec.yaml", tmp_path / "a", quiet=True)
    done = CliRunner().invoke(main, ["train", "--spec", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "b")])
    assert done.exit_code == 2
    assert str(caught.value) in done.output


def test_what_a_part_raises_is_the_parts_error(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    import toy_training

    def leave(self: Any, image: torch.Tensor, step: int) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(toy_training.ToyModel, "terms", leave)
    with pytest.raises(PartError, match="model 'toy'"):
        gnm_core.train(toy(), tmp_path / "run", quiet=True)


def test_a_folder_that_holds_a_run_and_settings_that_do_not_exist_are_refused(tmp_path: Path, toy: Toy) -> None:
    gnm_core.train(toy(), tmp_path / "run", quiet=True, steps=1)
    with pytest.raises(RunError, match="already holds a run"):
        gnm_core.train(toy(), tmp_path / "run", quiet=True)
    with pytest.raises(RunError, match="there is no such folder"):
        gnm_core.resume(tmp_path / "none", quiet=True)
    with pytest.raises(RunError, match="there is no device 'toaster'"):
        gnm_core.train(toy(), tmp_path / "other", quiet=True, device="toaster")
    with pytest.raises(TypeError, match="stepz"):
        gnm_core.train(toy(), tmp_path / "other", stepz=3)
    with pytest.raises(SpecError, match="no such file"):
        gnm_core.train("no-such-spec.yaml", tmp_path / "other", quiet=True)
    with pytest.raises(SpecError, match=r"the spec's text:2:"):
        gnm_core.train("model: toy\nmodell: toy\n", tmp_path / "other", quiet=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steps": "12"}, "steps: '12'; expected a whole number from 1 on"),
        ({"threads": 0}, "threads: 0; expected a whole number"),
        ({"seconds": float("nan")}, "seconds: nan; expected a number from 0 on"),
        ({"precision": "fp16"}, "precision: 'fp16'; expected float32 or bf16"),
    ],
)
def test_settings_are_checked_before_anything_is_made(
    settings: dict[str, Any], words: str, tmp_path: Path, toy: Toy
) -> None:
    with pytest.raises(GnmError, match=words):
        gnm_core.train(toy(), tmp_path / "run", quiet=True, **settings)
    assert not (tmp_path / "run").exists()


def test_a_run_and_a_spec_show_themselves_in_a_line(tmp_path: Path, toy: Toy) -> None:
    run = gnm_core.train(toy(), tmp_path / "run", quiet=True)
    folder = tmp_path / "run/checkpoints/step-00000012"
    count = sum(parameter.numel() for parameter in run.model.parameters())
    assert repr(run) == f"Run(ToyModel of {count:,} parameters, step 12, '{folder}')"
    assert repr(run.spec).endswith("spec.yaml: ToyModel, toy)")
    assert repr(gnm_core.load_spec(toy())) == "CheckedSpec(a mapping: ToyModel, toy)"


def test_a_checkpoint_has_no_other_steps(tmp_path: Path, toy: Toy) -> None:
    folder = gnm_core.train(toy(), tmp_path / "run", quiet=True).folder
    assert gnm_core.load(folder, 12).step == 12
    with pytest.raises(RunError, match="there is no step 5 in it; it holds the weights of step 12 alone"):
        gnm_core.load(folder, 5)

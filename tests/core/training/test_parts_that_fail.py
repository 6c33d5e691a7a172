"""A part that fails while a training goes on: its name, the step, and what is still safe."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.errors import PartError, RunError, ShortageError
from gnm_core.results import Terms
from gnm_core.runs.checkpoint import load_run
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import dump
from gnm_core.training import loop
from gnm_core.training.device import Settings
from gnm_core.training.loop import resume, start
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]


class Outcome(BaseException):
    """As test frameworks raise them."""


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[Terms], object]], None]:
    """From step N on, the toy model answers what is given instead of its terms."""

    def make(step: int, answer: Callable[[Terms], object]) -> None:
        import toy_training

        whole = toy_training.ToyModel._terms

        def terms(self: Any, features: torch.Tensor, target: torch.Tensor, now: int) -> object:
            found = whole(self, features, target, now)
            return answer(found) if now >= step else found

        monkeypatch.setattr(toy_training.ToyModel, "_terms", terms)

    return make


def raising(error: BaseException) -> Callable[[Terms], object]:
    def answer(terms: Terms) -> object:
        raise error

    return answer


def first_of(terms: Terms) -> Terms:
    return Terms(terms.log_likelihood[:1], terms.kl)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (raising(ValueError("odd")), "fails: ValueError: odd"),
        (raising(SystemExit(0)), "fails: SystemExit: 0"),
        (raising(Outcome("skipped")), "fails: Outcome: skipped"),
        (lambda terms: None, "returns NoneType, expected Terms"),
        (lambda terms: "text", "returns str, expected Terms"),
        (first_of, r"'log_likelihood' has shape \(1,\); expected \(B,\) = \(8,\)"),
        (lambda terms: Terms(terms.log_likelihood, {"code": 0.5}), r"'kl.code' has shape float"),  # type: ignore[dict-item]
    ],
)
def test_it_is_named_with_the_step_and_what_is_safe(
    tmp_path: Path, toy: Toy, fail: Any, answer: Callable[[Terms], object], message: str
) -> None:
    fail(5, answer)
    with pytest.raises(PartError, match=rf"^step 5: .*model 'toy' \(toy 1\.0\)(.|\n)*{message}") as caught:
        start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    assert str(caught.value).endswith("the checkpoint of step 4 is intact")
    assert load_run(tmp_path / "run").step == 4


def test_the_command_ends_with_two_and_names_the_file_of_the_traceback(
    tmp_path: Path, toy: Toy, fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fail(5, raising(SystemExit(0)))
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump(toy()))
    done = CliRunner().invoke(main, ["train", "--spec", str(spec), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "model: model 'toy' (toy 1.0) fails: SystemExit" in done.output
    assert "for whoever wrote the part" in done.output
    assert "Traceback (most" not in done.output
    assert list(tmp_path.glob("gnm-traceback-*.txt"))


def test_without_a_checkpoint_nothing_is_said_to_be_safe(tmp_path: Path, toy: Toy, fail: Any) -> None:
    fail(1, raising(ValueError("odd")))
    with pytest.raises(PartError, match=r"there is no checkpoint$"):
        start(load_spec(toy()), tmp_path / "run", Settings(), Silent())


def test_a_shape_that_is_wrong_at_once_is_told_before_the_first_step(tmp_path: Path, toy: Toy, fail: Any) -> None:
    fail(0, first_of)
    with pytest.raises(PartError, match="'log_likelihood' has shape"):
        start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    assert not (tmp_path / "run/spec.yaml").exists()


@pytest.mark.parametrize("term", ["log_likelihood", "kl", "auxiliary"])
def test_every_term_that_is_not_finite_is_named_and_rolled_back(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    import toy_training

    whole = toy_training.ToyModel._terms

    def terms(self: Any, features: torch.Tensor, target: torch.Tensor, step: int) -> Terms:
        found: Terms = whole(self, features, target, step)
        value: Any = getattr(found, term)
        bad = {k: v * float("nan") for k, v in value.items()} if isinstance(value, dict) else value * float("nan")
        fields = {name: getattr(found, name) for name in ("log_likelihood", "kl", "auxiliary", "monitor")}
        return Terms(**fields | {term: bad}) if step == 5 else found

    monkeypatch.setattr(toy_training.ToyModel, "_terms", terms)
    outcome = start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    assert outcome.step == 12
    warning = next(line for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines() if "warning" in line)
    assert f"step 5: not finite: {term}" in warning
    assert all(tensor.isfinite().all() for tensor in load_run(tmp_path / "run").model.state_dict().values())


def test_falling_back_is_counted_across_a_resumption(tmp_path: Path, toy: Toy) -> None:
    bad = list(range(1, 21, 2))
    spec = load_spec(toy(model={"nan_at": bad}, steps=60))
    with pytest.raises(RunError, match=r"step 19: .*for the 10th time"):
        start(spec, tmp_path / "straight", Settings(), Silent())
    start(spec, tmp_path / "run", Settings(steps=8), Silent())
    with pytest.raises(RunError, match=r"step 19: .*for the 10th time"):
        resume(tmp_path / "run", Settings(), Silent())


# The folder


def test_a_folder_that_is_removed_ends_the_training_and_does_not_come_back(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    step = loop._Loop._after

    def after(self: Any, report: Any) -> None:
        if report.step == 5:
            shutil.rmtree(run)
        step(self, report)

    monkeypatch.setattr(loop._Loop, "_after", after)
    with pytest.raises(RunError, match=r"step-00000008: cannot be written: .*\nthere is no checkpoint$"):
        start(load_spec(toy()), run, Settings(), Silent())
    assert not run.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_written_any_more_ends_the_training_with_what_was_saved(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    step = loop._Loop._after

    def after(self: Any, report: Any) -> None:
        if report.step == 5:
            os.seteuid(65534)
        step(self, report)

    monkeypatch.setattr(loop._Loop, "_after", after)
    try:
        with pytest.raises(RunError, match=r"cannot be written: permission denied(.|\n)*step 4 is intact"):
            start(load_spec(toy(log_every=100)), place / "run", Settings(), Silent())
    finally:
        os.seteuid(0)
    assert load_run(place / "run").step == 4
    shutil.rmtree(place)


def test_of_two_that_begin_at_once_in_one_folder_one_trains(tmp_path: Path, toy: Toy) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump(toy(model={"pause": 0.2})))
    command = [sys.executable, "-c", "from gnm_core.cli import main; main()", "train", "--spec", spec, "--out"]
    both = [
        subprocess.Popen([*command, tmp_path / "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 2], said
    assert "another training is at work" in said[codes.index(2)] or "already holds a run" in said[codes.index(2)]
    assert load_run(tmp_path / "run").step == 12


def test_records_that_are_torn_cost_their_lines_and_nothing_else(tmp_path: Path, toy: Toy) -> None:
    run = tmp_path / "run"
    start(load_spec(toy(log_every=1)), run, Settings(steps=6), Silent())
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    junk = [b"\xff\xfe\n", b"{}\n", b"1\n", b'{"step": 1e999}\n', b"[" * 100_000 + b"\n", lines[5][:20]]
    (run / "metrics.jsonl").write_bytes(b"".join([lines[0], *junk[:3], *lines[1:5], *junk[3:]]))
    assert resume(run, Settings(), Silent()).step == 12
    assert [
        b'"step": %d,' % step in line for step, line in enumerate((run / "metrics.jsonl").read_bytes().splitlines(), 1)
    ][:5] == [True] * 5


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    start(load_spec(toy()), run, Settings(), Silent())
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr("time.time_ns", lambda: 0)
    for _ in range(3):
        assert resume(run, Settings(), Silent(), at=4).step == 12
    assert len(list((run / "set-aside").iterdir())) == 6


# Memory and numbers


def test_memory_is_asked_for_before_it_is_taken(tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gnm_core.memory.memory", lambda: (2_000_000, 1000))
    with pytest.raises(ShortageError, match=r"training this model would need about .* GB.*this machine has 0\.0 GB"):
        start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    with pytest.raises(ShortageError, match="the model's weights would need"):
        load_spec(toy()).model()


def test_a_batch_that_no_machine_holds_is_refused_at_once(tmp_path: Path, toy: Toy) -> None:
    spec = {**toy(batch=10**6), "dims": {"channels": 3, "size": 4096}}
    with pytest.raises(ShortageError, match="training this model would need about"):
        start(load_spec(spec), tmp_path / "run", Settings(), Silent())


@pytest.mark.parametrize("level", [None, "likelihood alone"])
def test_the_elbo_is_shown_where_it_is_a_bound(
    tmp_path: Path, toy: Toy, level: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import toy_training

    whole = toy_training.ToyModel._terms
    if level:
        monkeypatch.setattr(
            toy_training.ToyModel, "_terms", lambda *arguments: Terms(whole(*arguments).log_likelihood, {})
        )
    start(load_spec(toy()), tmp_path / "run", Settings(), Silent())
    records = (tmp_path / "run/metrics.jsonl").read_text()
    assert '"log_likelihood"' in records
    assert ('"elbo"' in records) == (level is None)

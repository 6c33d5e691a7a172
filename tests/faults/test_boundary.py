"""Whatever is raised inside a command becomes text that says whose fault it is."""

import copy
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest
import torch
from gnm_core.cli.boundary import Failure, boundary
from gnm_core.contracts import Encoder
from gnm_core.dims import Dims
from gnm_core.errors import DataError, GnmError, InternalError, PartError, RunError, ShortageError
from gnm_core.failures import blamed, owner_of, told
from gnm_core.parts.encoders.conv import ConvEncoder
from gnm_core.plugins import installed
from gnm_core.registry import Provider, Register, Registry
from gnm_core.spec import load_spec
from torch import Tensor


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Wordless(Exception):
    __str__: Any = lambda self: None


class Outcome(BaseException):
    """As test frameworks raise them."""


class Failing(Encoder):
    """Raises what it is told to."""

    error: BaseException | None = None

    def __init__(self, dims: Dims) -> None:
        super().__init__()

    def forward(self, image: Tensor) -> Tensor:
        assert self.error is not None
        raise self.error


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracebacks stay with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def registry() -> Registry:
    """Everything that is installed, and the failing encoder of a package `theirs`."""
    register = Register(Provider("theirs", "2.0"))
    register.encoder("failing", Failing)
    found = copy.copy(installed())
    found.parts, found.commands = dict(found.parts), dict(found.commands)
    found.add(register)
    return found


def caught(action: Callable[[], object]) -> Failure:
    with pytest.raises(Failure) as failure, boundary():
        action()
    return failure.value


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def action() -> NoReturn:
        raise error

    return action


@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd"),
        SystemExit(3),
        Outcome("skipped"),
        GeneratorExit(),
        Silent(),
        Wordless(),
        RecursionError("deep"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_part_raises_is_told_with_its_name_its_package_and_its_place(
    error: BaseException, registry: Registry, tmp_path: Path
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("dims: {size: 32}\nmodel:\n  use: gnm\n  encoder: failing\n")
    model = load_spec(file, registry=registry).model()
    model.encoder.error = error
    failure = caught(lambda: model.terms(torch.zeros(1, 3, 32, 32), 0))
    assert failure.exit_code == 2
    first = failure.message.splitlines()[0]
    assert first.startswith(f"{file}:4:12: model.encoder: encoder 'failing' (theirs 2.0) fails: {type(error).__name__}")
    kept = re.search(r"kept in (\S+gnm-traceback-\S+\.txt),", failure.message)
    assert kept
    text = Path(kept[1]).read_text()
    assert "in forward" in text
    assert "gnm-core" in text


def test_a_part_made_in_python_is_known_by_its_class() -> None:
    encoder = ConvEncoder(Dims(size=32))
    failure = caught(lambda: encoder(torch.zeros(1, 5, 32, 32)))
    assert failure.message.startswith("encoder 'conv' (gnm-core ")


def test_a_copy_of_a_part_keeps_its_owner(registry: Registry) -> None:
    spec = load_spec({"dims": {"size": 32}, "model": {"use": "gnm", "encoder": "failing"}}, registry=registry)
    encoder = copy.deepcopy(spec.model()).encoder
    encoder.error = ValueError("odd")
    with pytest.raises(ValueError, match="odd") as raised:
        encoder(torch.zeros(1))
    assert str(owner_of(raised.value)) == "model.encoder: encoder 'failing' (theirs 2.0)"


def test_our_own_fault_says_how_to_report_it() -> None:
    failure = caught(raising(KeyError("x")))
    assert "KeyError" in failure.message
    assert "fault of gnm itself" in failure.message
    assert "please report it" in failure.message


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 40 GB")])
def test_memory_that_does_not_suffice_is_no_fault_of_ours(error: BaseException) -> None:
    told_error = told(error)
    assert isinstance(told_error, ShortageError)
    assert "the memory does not suffice" in caught(raising(error)).message


def test_what_the_system_refuses_names_the_file() -> None:
    assert caught(lambda: Path("/nowhere/at/all").read_text()).message == "/nowhere/at/all: No such file or directory"


def test_errors_of_ours_are_shown_as_they_are() -> None:
    assert caught(raising(RunError("runs/x: not a run"))).message == "runs/x: not a run"


def test_no_control_character_and_no_megabyte_reaches_the_terminal() -> None:
    message = caught(raising(GnmError("\x1b[2J\x07 " + "x" * 1_000_000))).message
    assert message.startswith("\\x1b[2J\\x07 xx")
    assert len(message) < 21_000


@pytest.mark.parametrize("error", [click.UsageError("how"), click.exceptions.Exit(3), SystemExit(3)])
def test_what_click_understands_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as passed, boundary():
        raise error
    assert passed.value is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_ends_every_command_with_130(error: BaseException) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, boundary():
        raise error
    assert ended.value.exit_code == 130


def test_the_comfort_is_part_of_every_kind_of_error() -> None:
    for error, kind in ((DataError("torn"), DataError), (KeyError("x"), InternalError), (MemoryError(), ShortageError)):
        with (
            pytest.raises(kind, match="the checkpoint of step 4 is intact"),
            blamed("step 5", "the checkpoint of step 4 is intact"),
        ):
            raise error


def test_a_fault_is_named_with_what_was_being_done(registry: Registry) -> None:
    encoder = Failing(Dims())
    encoder.error = ValueError("odd")
    with pytest.raises(InternalError, match=r"^step 5: ValueError: odd"), blamed("step 5"):
        encoder(torch.zeros(1))  # registered nowhere: nobody to blame
    spec = load_spec({"dims": {"size": 32}, "model": {"use": "gnm", "encoder": "failing"}}, registry=registry)
    known = spec.model().encoder
    known.error = ValueError("odd")
    with pytest.raises(PartError, match=r"^step 5: model.encoder: encoder 'failing'"), blamed("step 5"):
        known(torch.zeros(1))

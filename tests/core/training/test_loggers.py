"""Loggers: MLflow and TensorBoard get the same numbers, and one that fails costs nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gnm_core import RunError, load_run, load_spec
from gnm_core.contracts import Logger
from gnm_core.plugins import installed
from gnm_core.registry import Entry, Provider
from gnm_core.testing import check_part
from gnm_core.training import loop
from gnm_core.training.device import Settings
from gnm_core.training.progress import Silent

Toy = Callable[..., dict[str, Any]]


class Spy(Logger):
    """Notes what it is told.

    Args:
        fails: the method that raises.
    """

    told: list[str] = []  # noqa: RUF012 (of all of them)

    def __init__(self, *, fails: str = "") -> None:
        self.fails = fails

    def _tell(self, method: str) -> None:
        torch.rand(7)
        Spy.told.append(method)
        if method == self.fails:
            raise ValueError("the disk of the server is full")

    def open(self, run: Path, step: int, spec: Mapping[str, object]) -> None:
        self._tell("open")

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        assert all(isinstance(value, float) for value in values.values())
        self._tell("numbers")

    def picture(self, step: int, pixels: np.ndarray) -> None:
        self._tell("picture")

    def close(self) -> None:
        self._tell("close")


@pytest.fixture(autouse=True)
def spy() -> None:
    Spy.told.clear()
    installed().parts["logger", "spy"] = Entry("logger", "spy", Spy, Provider("toy", "1.0"))


def state(run: Path) -> dict[str, torch.Tensor]:
    return load_run(run).model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("fails", ["", "numbers", "close"])
def test_a_logger_leaves_no_trace_in_what_is_learned_even_if_it_fails(toy: Toy, tmp_path: Path, fails: str) -> None:
    loop.start(load_spec(toy(loggers=[{"use": "spy", "fails": fails}])), tmp_path / "logged", Settings(), Silent())
    loop.start(load_spec(toy()), tmp_path / "plain", Settings(), Silent())
    assert same(state(tmp_path / "logged"), state(tmp_path / "plain"))
    warned = "is not told any more" in (tmp_path / "logged/metrics.jsonl").read_text()
    assert warned == bool(fails)
    assert Spy.told[:2] == ["open", "numbers"]
    assert Spy.told.count("numbers") == (1 if fails == "numbers" else 3)
    assert ("close" in Spy.told) == (fails != "numbers")


def test_a_logger_that_cannot_be_opened_ends_the_training_before_its_first_step(toy: Toy, tmp_path: Path) -> None:
    spec = load_spec(toy(loggers=["spy", {"use": "spy", "fails": "open"}]))
    with pytest.raises(Exception, match="the disk of the server is full"):
        loop.start(spec, tmp_path / "run", Settings(), Silent())
    assert Spy.told == ["open", "open", "close"]


@pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # MLflow's, of SQLAlchemy
def test_mlflow_has_the_numbers_of_the_records_also_of_a_training_that_went_on(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    monkeypatch.chdir(tmp_path)  # pictures go to mlruns/
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    spec = load_spec(toy(log_every=4, loggers=[{"use": "mlflow", "uri": uri, "experiment": "toys"}]))
    loop.start(spec, tmp_path / "run", Settings(steps=8), Silent())
    loop.resume(tmp_path / "run", Settings(), Silent())
    client = mlflow.MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("toys").experiment_id])
    assert run.data.params["train.log_every"] == "4"
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "elbo")
    assert [metric.step for metric in history] == [4, 8, 12]


def test_a_missing_package_is_said_with_what_to_install(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(RunError, match=r"not installed: pip install 'gnm-core\[mlflow\]'"):
        loop.start(load_spec(toy(loggers=["mlflow"])), tmp_path / "run", Settings(), Silent())


def test_a_package_that_mlflow_lacks_is_said_with_what_to_install(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    pytest.importorskip("mlflow")
    for module in [name for name in sys.modules if name.partition(".")[0] == "alembic"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "alembic", None)
    spec = load_spec(toy(loggers=[{"use": "mlflow", "uri": f"sqlite:///{tmp_path}/other.db"}]))
    with pytest.raises(RunError, match=r"MLflow lacks alembic.*: pip install 'gnm-core\[mlflow\]'"):
        loop.start(spec, tmp_path / "run", Settings(), Silent())


def test_the_built_in_loggers_keep_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    pytest.importorskip("mlflow")
    pytest.importorskip("tensorboard")
    check_part(Logger, "tensorboard")
    check_part(Logger, "mlflow", uri=(tmp_path / "store").as_uri())

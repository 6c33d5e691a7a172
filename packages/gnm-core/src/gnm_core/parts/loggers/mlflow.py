"""MLflow: a server, or files of its own, where runs of several projects are compared."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gnm_core.contracts import Logger
from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.regular_files import read_file

NOTE = "mlflow.json"
"""In the run's folder: which of MLflow's runs it is."""
LONGEST = 500
"""Characters of an option's value, MLflow's own limit."""
AT_ONCE = 100
"""Options that MLflow takes at a time."""


class MLflow(Logger):
    """Writes options, numbers and pictures to MLflow. A training that goes on goes on in the same of MLflow's runs.

    Args:
        uri: where: a server (`http://...`) or a database (`sqlite:///mlflow.db`); None for `$MLFLOW_TRACKING_URI`, or
            what MLflow takes by default.
        experiment: name of MLflow's experiment.
    """

    def __init__(self, *, uri: str | None = None, experiment: str = "gnm") -> None:
        self._uri, self._experiment = uri, experiment
        self._client: Any = None
        self._run = ""

    def open(self, run: Path, step: int, spec: Mapping[str, object]) -> None:
        """Begin or go on with a run of MLflow's.

        Raises:
            RunError: MLflow is not installed, or cannot be reached.
        """
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise RunError("MLflow is not installed: pip install 'gnm-core[mlflow]'") from error
        try:
            self._client = MlflowClient(tracking_uri=self._uri)
            self._run = self._known(run) or self._begun(run, spec)
        except MlflowException as error:
            raise RunError(f"MLflow: {error}") from error
        except ImportError as error:  # what its small package leaves out, such as what databases need
            raise RunError(f"MLflow lacks {error.name}: pip install 'gnm-core[mlflow]'") from error

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write every number; what MLflow's names cannot hold becomes `_`."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(re.sub(r"[^\w.\- /]", "_", name), value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=found)

    def picture(self, step: int, pixels: np.ndarray) -> None:
        """Write a (height, width, 3) picture."""
        from PIL import Image

        self._client.log_image(self._run, Image.fromarray(pixels), f"pictures/step-{step:08d}.png")

    def close(self) -> None:
        """Tell MLflow that the training is over for now."""
        self._client.set_terminated(self._run)

    def _known(self, run: Path) -> str:
        """MLflow's run of a training that goes on; empty where there is none, or MLflow has forgotten it."""
        from mlflow.exceptions import MlflowException

        try:
            known = str(json.loads(read_file(run / NOTE))["run"])
            self._client.get_run(known)
        except (OSError, ValueError, KeyError, TypeError, MlflowException):
            return ""
        self._client.update_run(known, status="RUNNING")
        return known

    def _begun(self, run: Path, spec: Mapping[str, object]) -> str:
        from mlflow.entities import Param

        experiment = self._client.get_experiment_by_name(self._experiment)
        number = self._client.create_experiment(self._experiment) if experiment is None else experiment.experiment_id
        begun = str(self._client.create_run(number, run_name=run.resolve().name).info.run_id)
        options = [Param(path, str(value)[:LONGEST]) for path, value in _flat(spec, "")]
        for start in range(0, len(options), AT_ONCE):
            self._client.log_batch(begun, params=options[start : start + AT_ONCE])
        with os_errors_as(RunError, f"{run / NOTE}: cannot be written"):
            replace_file(run / NOTE, json.dumps({"run": begun}).encode())
        return begun


def _flat(value: object, path: str) -> list[tuple[str, object]]:
    """Dotted paths and plain values."""
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _flat(item, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        return [pair for i, item in enumerate(value) for pair in _flat(item, f"{path}.{i}")]
    return [(path, value)]

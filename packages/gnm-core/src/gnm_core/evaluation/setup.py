"""A run made ready to be evaluated: its model, its data set, and the judge who knows the rule."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gnm_core.contracts import Data, Judge
from gnm_core.dims import Dims
from gnm_core.evaluation.context import EvaluationContext
from gnm_core.evaluation.evaluation import Evaluation
from gnm_core.evaluation.report.published_results import label_of
from gnm_core.plugins import installed
from gnm_core.runs.checkpoint import Checkpoint, Run
from gnm_core.spec import CheckedSpec
from gnm_core.spec.single import build_part


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for every metric of an evaluation."""

    split: str = "test"
    """`train`, `validation` or `test`."""
    seed: int = 0
    """All randomness of a metric is a function of this and of the metric's name."""
    limit: int | None = None
    """Images of the split that any metric looks at, at most; None for no limit."""
    again: bool = False
    """Take metrics again that have been taken."""


def begin(run: Run, folder: Path, settings: Settings, other: str = "") -> Evaluation:
    """What is known of a run before any metric is taken.

    Args:
        run: the model as training left it.
        folder: the run's folder, as the evaluation names it.
        settings: seed and split.
        other: what the data is called where it is not what the model learnt from.
    """
    meta = Checkpoint(run.folder).meta
    resolved: dict[str, Any] = run.spec.resolved()
    data = dict(resolved["data"]) if run.spec.has_data else {}
    return Evaluation(
        run=str(folder),
        label=label_of(run.spec),
        model=resolved["model"]["use"],
        data=data.pop("use", ""),
        size=run.spec.dims.size,
        step=run.step,
        parameters=sum(parameter.numel() for parameter in run.model.parameters()),
        seed=settings.seed,
        split=settings.split,
        weights=meta["files"]["model.safetensors"]["sha256"],
        seconds_trained=meta.get("seconds"),
        packages=run.spec.providers(),
        data_options=data,
        other=other,
    )


def data_of(spec: CheckedSpec, settings: Settings) -> Data | None:
    """The data set that metrics look at; None where the spec names none.

    Raises:
        DataError: its files are missing or broken, or it has no such split.
    """
    return spec.data(settings.split) if spec.has_data else None


def context_of(
    run: Run, settings: Settings, device: torch.device | None = None, data: Data | None = None
) -> EvaluationContext:
    """A run's model, ready to be evaluated.

    Args:
        run: the model as training left it.
        settings: split and limit.
        device: where it runs; where it is, by default.
        data: what `data_of` has opened; opened here by default.

    Raises:
        DataError: the data set's files are missing or broken, or it has no such split.
    """
    data = data or data_of(run.spec, settings)
    name = "" if data is None else run.spec.data_name
    model = run.model if device is None else run.model.to(device)
    return EvaluationContext(model, data, judge_of(name, run.spec.dims), name, settings.limit)


def judge_of(data: str, dims: Dims) -> Judge | None:
    """The judge of the data set's name; None where there is none."""
    if not data or installed().find("judge", data) is None:
        return None
    return build_part(Judge, data, dims)  # type: ignore[type-abstract]

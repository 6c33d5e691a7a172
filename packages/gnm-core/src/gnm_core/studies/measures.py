"""What a study takes of a run that has been trained."""

from pathlib import Path

from rich.console import Console

from gnm_core.dims import Dims
from gnm_core.evaluation import (
    Choice,
    Lines,
    Settings,
    begin,
    choose,
    context_of,
    draw_figures,
    evaluate,
    load_evaluation,
    write_csv,
)
from gnm_core.runs.checkpoint import load_run
from gnm_core.studies.plan import Measures
from gnm_core.studies.planned import as_yaml

FIGURES = ("samples", "reconstruction")
"""What is drawn of every run, where a package provides it."""


def choices_of(measures: Measures, dims: Dims | None = None) -> list[Choice]:
    """The metrics of a study.

    Raises:
        SpecError: there is no such metric, or it has no such option.
    """
    options = [f"metrics.{path}={as_yaml(value)}" for path, value in measures.set.items()]
    return choose(measures.metrics, options, dims) if measures.metrics else []


def measure(folder: Path, measures: Measures, console: Console) -> None:
    """Take the metrics that a run lacks, and draw what compares it with others.

    Raises:
        MetricError: a metric fails; the others are taken.
    """
    run = load_run(folder)
    settings = Settings(split=measures.split, seed=measures.seed, limit=measures.images)
    results, display = folder / "evaluation", Lines(console)
    choices = choices_of(measures, run.spec.dims)
    evaluate(begin(run, folder, settings), context_of(run, settings), choices, results, settings, display)
    write_csv([load_evaluation(results)], results / "evaluation.csv")
    draw_figures(run, results, measures.seed, display.say, only=FIGURES)

"""`gnm evaluate`."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnm_core.cli.completing import parts_of, pretrained
from gnm_core.cli.completing import runs as runs_there
from gnm_core.cli.options import COUNT, SEED, at_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from gnm_core.evaluation import Choice, Evaluation, EvaluationContext, Lines, OtherData, Settings
    from gnm_core.runs.checkpoint import Run


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN...", type=click.Path(path_type=Path), shell_complete=runs_there)
@click.option(
    "--pretrained",
    "models",
    multiple=True,
    metavar="NAME-OR-DIR",
    shell_complete=pretrained,
    help="A shipped or exported model, as well as RUNs or instead; may be given again.",
)
@click.option(
    "--metrics",
    "names",
    metavar="A,B",
    shell_complete=parts_of("metric"),
    help="These metrics only; `gnm parts metric` lists them.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a metric (metrics.ll.particles=10) or the data to measure on (data.dir=NEW); may be given again.",
)
@click.option(
    "--data",
    "source",
    type=click.Path(path_type=Path),
    metavar="SPEC-OR-DIR",
    help="Measure on other data: that of a spec, or all pictures in a folder (those in its subfolder test, if any).",
)
@click.option(
    "--annotations",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE-OR-DIR",
    help="With --data DIR: what is known of the pictures, as .json, .csv or a folder of .txt; may be given again.",
)
@click.option("-n", "limit", type=COUNT, help="Look at the first so many images of the split, at most.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Which images.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="The same seed, the same numbers.")
@at_option
@click.option("--again", is_flag=True, help="Take metrics again that have been taken.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write here, not into the runs.")
@click.option("--device", default="cpu", show_default=True, metavar="NAME", help="cpu, cuda or cuda:N.")
@click.option("--report/--no-report", default=True, help="Draw figures and write report.html as well.")
@click.pass_context
def evaluate(
    context: click.Context,
    /,
    *,
    runs: tuple[Path, ...],
    models: tuple[str, ...],
    names: str | None,
    overrides: tuple[str, ...],
    source: Path | None,
    annotations: tuple[Path, ...],
    out: Path | None,
    at: int | str | None,
    device: str,
    report: bool,
    **given: Any,
) -> None:
    """Measure the models of trained runs; tables, figures, a report.

    \b
    gnm evaluate runs/x
    gnm evaluate runs/x --metrics s-acc,ap -n 1000
    gnm evaluate --pretrained mnist-4-64 --metrics s-acc
    gnm evaluate runs/x runs/y --set metrics.d-steps.cap=2000 --out results
    gnm evaluate runs/x --data photos --annotations boxes.csv

    RUN/evaluation gets evaluation.json and evaluation.csv after every metric. An evaluation can be stopped at any
    moment; the same command goes on with the metrics that are missing. Numbers on other data go to RUN/evaluation-NAME.
    """
    from rich.console import Console

    from gnm_core.errors import MetricError
    from gnm_core.evaluation import Bars, Lines, Settings
    from gnm_core.runs.find import find

    if not runs and not models:
        raise click.UsageError("name a RUN, or a model by --pretrained")
    settings = Settings(**given)
    if annotations and (source is None or not source.is_dir()):
        raise click.UsageError("--annotations goes with --data DIR, a folder of pictures")
    wanted = _wanted(names, overrides, source, annotations)
    homes = {run: run for run in runs} | {find(model): _own_folder(find(model)) for model in models}
    console, notes = Console(), Console(stderr=True)
    trials = [
        _open(run, *folder, wanted, settings, at, device, lambda note: notes.print(note, markup=False, highlight=False))
        for run, folder in zip(homes, _folders(runs, models, homes, out), strict=True)
    ]
    failures: list[str] = []
    try:
        with Bars(notes) if notes.is_terminal else Lines(notes) as display:
            found = [(trial.take(settings, display, failures), trial.folder) for trial in trials]
            if report:
                display.say(f"report: {_report(trials, found, settings.seed, display)}")
    except KeyboardInterrupt:
        click.echo("\nstopped; what was measured is kept, and the same command goes on with the rest", err=True)
        context.exit(130)
    _print(console, [evaluation for evaluation, _ in found])
    for trial in trials:
        _diagnose(console, trial)
    if failures:
        raise MetricError("\n".join(failures))


def _own_folder(model: Path) -> Path:
    """Where what is made of a model goes that is nobody's run: a folder of its name, here."""
    return Path(model.resolve().name)


def _folders(
    runs: tuple[Path, ...], models: tuple[str, ...], homes: dict[Path, Path], out: Path | None
) -> list[tuple[Path, bool]]:
    """Where the evaluation of each run, then of each model, goes; and whether it is that folder or one inside."""
    if len(homes) < len(runs) + len(models):
        raise click.UsageError("a run is named twice")
    if out is None:
        return [(home, False) for home in homes.values()]
    if len(homes) == 1:
        return [(out, True)]
    names = [home.resolve().name for home in homes]
    if len(set(names)) < len(names):
        raise click.UsageError("two runs have folders of the same name; evaluate them one by one, or without --out")
    return [(out / name, True) for name in names]


@dataclass(frozen=True)
class _Trial:
    """One run, its metrics, and where its evaluation goes."""

    run: "Run"
    start: "Evaluation"
    subject: "EvaluationContext"
    choices: "list[Choice]"
    folder: Path

    def take(self, settings: "Settings", display: "Lines", failures: list[str]) -> "Evaluation":
        """Take the metrics; those that fail are noted."""
        from gnm_core.errors import MetricError
        from gnm_core.evaluation import evaluate as take_metrics
        from gnm_core.evaluation import load_evaluation, write_csv

        display.say(f"{self.start.run}: {self.start.label}, step {self.start.step}")
        try:
            take_metrics(self.start, self.subject, self.choices, self.folder, settings, display)
        except MetricError as error:
            failures += [f"{self.start.run}: {line}" for line in str(error).splitlines()]
        evaluation = load_evaluation(self.folder)
        write_csv([evaluation], self.folder / "evaluation.csv")
        return evaluation


@dataclass(frozen=True)
class _Wanted:
    """What is to be measured, and on what."""

    metrics: list[str]
    options: tuple[str, ...]
    """`metrics.NAME.OPTION=VALUE` texts."""
    data: "OtherData"


def _wanted(
    names: str | None, overrides: tuple[str, ...], source: Path | None, annotations: tuple[Path, ...]
) -> _Wanted:
    """Whatever can be wrong with names and options is wrong here, before any model is loaded."""
    from gnm_core.evaluation import OtherData, choose

    metrics = [name.strip() for name in (names or "").split(",") if name.strip()]
    if names is not None and not metrics:
        raise click.UsageError("--metrics names no metric")
    data = tuple(text for text in overrides if text.lstrip().startswith(("data.", "data=")))
    options = tuple(text for text in overrides if text not in data)
    choose(metrics, options)
    return _Wanted(metrics, options, OtherData(source, annotations, data))


def _open(
    folder: Path,
    home: Path,
    exactly: bool,
    wanted: _Wanted,
    settings: "Settings",
    at: int | str | None,
    device: str,
    say: "Callable[[str], None]",
) -> _Trial:
    """Everything that can be wrong with a run is wrong here, before anything is measured; what is cheap comes first."""
    from gnm_core.evaluation import begin, choose, context_of, data_of
    from gnm_core.runs.checkpoint import open_run
    from gnm_core.training.device import choose_device

    place = choose_device(device)
    opened = open_run(folder, at)
    spec = wanted.data.spec(opened.spec)
    other = wanted.data.label(opened.spec, spec)
    out = home if exactly else wanted.data.folder(home, other, spec)
    choices = choose(wanted.metrics, wanted.options, spec.dims)
    data = data_of(spec, settings)
    for note in () if data is None else data.notes():
        say(note)
    run = replace(opened.load(), spec=spec)
    return _Trial(run, begin(run, folder, settings, other), context_of(run, settings, place, data), choices, out)


def _print(console: "Console", found: "list[Evaluation]") -> None:
    """The numbers of each run, and those of all runs side by side."""
    from gnm_core.evaluation import by_data, main_names, print_comparison, values_table

    for evaluation in found:
        console.print(values_table(evaluation))
    for group in by_data(found):
        if len(group) > 1:
            print_comparison(console, group, main_names(group))


def _diagnose(console: "Console", trial: _Trial) -> None:
    """What is wrong with a model, in words; nothing where nothing is.

    Of other data than it learnt from, only what is seen: nothing that a training could change need be wrong with it.
    """
    from gnm_core.diagnosis.of_run import PICTURES, of_run

    data = trial.subject.data
    image = None if data is None or len(data) == 0 else data.batch(range(min(PICTURES, len(data)))).image
    other = trial.start.other
    for finding in of_run(trial.run, image):
        told = f"on {other}, which it did not learn from: {finding.name}: {finding.seen}" if other else str(finding)
        console.print(f"{trial.start.run}: diagnosis: {told}", markup=False, highlight=False, soft_wrap=True)


def _report(trials: list[_Trial], found: "list[tuple[Evaluation, Path]]", seed: int, display: "Lines") -> Path:
    """Draw figures and write the report: beside the evaluation of a single run, above those of several."""
    from gnm_core.evaluation import draw_figures, write_report

    for trial in trials:
        draw_figures(trial.run, trial.folder, seed, display.say, other=trial.start.other)
    folders = [folder for _, folder in found]
    return write_report(found, folders[0] if len(folders) == 1 else common_folder(folders))


def common_folder(folders: list[Path]) -> Path:
    """The folder that all lie in: `runs` for `runs/x/evaluation` and `runs/y/evaluation`."""
    shared = Path(os.path.commonpath([folder.resolve() for folder in folders]))
    here = Path.cwd()
    return shared.relative_to(here) if shared.is_relative_to(here) else shared

"""`gnm train`."""

import shlex
from pathlib import Path
from typing import Any

import click

from gnm_core.cli.completing import runs, runs_and_pretrained
from gnm_core.cli.options import THREADS, Amount, spec_options


@click.command()
@spec_options
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN", help="Folder for the new run.")
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", shell_complete=runs, help="Go on with this run."
)
@click.option(
    "--from",
    "--pretrained",
    "origin",
    metavar="RUN-OR-NAME",
    shell_complete=runs_and_pretrained,
    help="Begin with the weights of this run or shipped model, as far as they fit; its spec too, without --spec.",
)
@click.option(
    "--only",
    metavar="A,B",
    help="With --from: take these parts only, such as encoder,head; or all but some: -core.prior.",
)
@click.option("--at", type=click.IntRange(0, 10**12), metavar="STEP", help="Resume from this step's checkpoint.")
@click.option("--device", metavar="NAME", help="cpu (the default), cuda or cuda:N.")
@click.option("--precision", type=click.Choice(["float32", "bf16"]), help="bf16 runs under autocast.")
@click.option("--compile/--no-compile", "compiled", default=None, help="Compile the model's parts with torch.compile.")
@click.option("--threads", type=THREADS, help="CPU threads.")
@click.option("--steps", type=click.IntRange(1, 10**12), help="Stop, for now, after so many steps in all.")
@click.option("--seconds", type=Amount(min=0), help="Stop, for now, after so much time.")
@click.option(
    "--within",
    "fit",
    type=Amount(min=1),
    metavar="SECONDS",
    help="Time a few steps first, and shorten every stage alike so that the training ends within so many seconds.",
)
@click.option(
    "--core-minutes",
    type=Amount(min=0),
    help="Stop, for now, when the run has used so much processor time in all; 60 minutes of two cores are 120.",
)
@click.option(
    "--tensorboard/--no-tensorboard", default=None, help="Also write TensorBoard's files, to RUN/tensorboard."
)
@click.pass_context
def train(
    context: click.Context,
    /,
    *,
    spec: Path | None,
    overrides: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    origin: str | None,
    only: str | None,
    at: int | None,
    steps: int | None,
    seconds: float | None,
    core_minutes: float | None,
    fit: float | None,
    **given: Any,
) -> None:
    """Train the model of a spec, or go on with a run.

    \b
    gnm train --spec mnist-4 --out runs/x
    gnm train --resume runs/x
    gnm train --spec mine.yaml --from runs/x --only encoder,head --out runs/y

    A run can be stopped at any moment, by Ctrl-C or otherwise; resumed, it ends with the same weights, bit for bit.
    Device, precision, threads and compilation are those of the last time unless given.
    """
    _require_sensible(spec, out, resume, origin, only, at, fit)
    from rich.console import Console

    from gnm_core.spec import load_spec
    from gnm_core.training import loop
    from gnm_core.training.device import Settings
    from gnm_core.training.initial_weights import origin_of
    from gnm_core.training.progress import display

    given["compile"] = given.pop("compiled")
    chosen = {name: value for name, value in given.items() if value is not None}
    limits: dict[str, Any] = {"steps": steps, "seconds": seconds, "core_minutes": core_minutes}
    shown = display(Console())
    folder = resume or out
    assert folder is not None
    short: str | None = None
    try:
        if resume is not None:
            settings = Settings(**(loop.remembered_settings(resume) | chosen), **limits)
            outcome = loop.resume(resume, settings, shown, overrides, at)
        else:
            settings = Settings(**chosen, **limits)
            checked = None if spec is None else load_spec(spec, overrides)
            begin = None
            if origin is not None:
                begin, theirs = origin_of(origin, [part.strip() for part in (only or "").split(",") if part.strip()])
                checked = checked or load_spec(theirs.resolved(), overrides)
            assert checked is not None
            if fit is not None:
                checked, short = _fitted(checked, fit, settings, shown)
            outcome = loop.start(checked, folder, settings, shown, begin)
    except KeyboardInterrupt:
        click.echo(
            f"\naborted; the checkpoints are intact; go on with: gnm train --resume {shlex.quote(str(folder))}",
            err=True,
        )
        context.exit(130)
    if outcome.leads:
        _conclude(outcome, folder)
        if short is not None and outcome.step == outcome.total:
            click.echo(short)
    if outcome.received is not None:
        context.exit(128 + outcome.received)


def _require_sensible(
    spec: Path | None,
    out: Path | None,
    resume: Path | None,
    origin: str | None,
    only: str | None,
    at: int | None,
    fit: float | None,
) -> None:
    if resume is None:
        if (spec is None and origin is None) or out is None:
            raise click.UsageError("give --spec and --out to begin a run, or --resume to go on with one")
        if at is not None:
            raise click.UsageError("--at goes with --resume")
        if only is not None and origin is None:
            raise click.UsageError("--only goes with --from")
        if only is not None and not only.replace(",", "").strip():
            raise click.UsageError("--only names no part; leave it out to take all that fits")
    elif fit is not None:
        raise click.UsageError(
            "--within plans a training that begins; a resumed one has its plan: --seconds stops it early"
        )
    elif (spec, out, origin, only) != (None, None, None, None):
        raise click.UsageError("--resume takes all of that from the run; leave out --spec and --out, --from and --only")


def _fitted(checked: Any, seconds: float, settings: Any, display: Any) -> tuple[Any, str | None]:
    """The spec that there is time for, and where that is not all of it, what to say of it at the end."""
    from gnm_core.training.device import choose_device
    from gnm_core.training.fit import fit
    from gnm_core.training.progress import Silent
    from gnm_core.training.ranks import Ranks

    ranks = Ranks.join(choose_device(settings.device))
    say = (display if ranks.leads else Silent()).say
    plan = fit(checked, seconds, settings, say, ranks)
    say(plan.summary())
    if plan.share == 1:
        return plan.spec, None
    return plan.spec, f"time was short: {plan.share:.0%} of the planned steps; more of it makes better pictures"


def _conclude(outcome: Any, folder: Path) -> None:
    if outcome.stopped is not None:
        click.echo(f"stopped: {outcome.stopped}")
    click.echo(f"{outcome.step} of {outcome.total} steps made; checkpoint: {outcome.checkpoint}")
    if outcome.picture is not None:
        click.echo(f"picture: {outcome.picture}")
    for finding in outcome.findings:
        click.echo(f"diagnosis: {finding}")
    if outcome.step < outcome.total:
        click.echo(f"go on with: gnm train --resume {shlex.quote(str(folder))}")

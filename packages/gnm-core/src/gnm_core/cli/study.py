"""`gnm study`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gnm_core.errors import GnmError

if TYPE_CHECKING:
    from gnm_core.studies.folder import StudyFolder
    from gnm_core.studies.schedule import Place, Result

FAILED = 1
"""Exit code of a study some of whose runs failed."""


@click.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the study; runs/NAME-OF-FILE if left out."
)
@click.option("--jobs", type=click.IntRange(1, 10**6), help="Runs at a time: 1 here, without limit on a cluster.")
@click.option("--status", is_flag=True, help="Say how far every run is, and end.")
@click.option("--dry-run", is_flag=True, help="Check all specs, list the runs, and end.")
@click.option("--run", "only", metavar="NAME", help="Do this run alone, here and now.")
@click.option(
    "--cluster",
    type=click.Choice(["auto", "slurm", "local"]),
    help="Submit the runs as jobs through submitit; local tries that on this machine.",
)
@click.option(
    "--cluster-option",
    "cluster_options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of submitit, such as slurm_partition=cpu; may be given again.",
)
@click.option("--digits-dir", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the MNIST files.")
@click.option("--json", "as_json", is_flag=True, help="With --status: print JSON.")
@click.pass_context
def study(
    context: click.Context,
    /,
    *,
    study: Path,
    out: Path | None,
    jobs: int | None,
    status: bool,
    dry_run: bool,
    only: str | None,
    cluster: str | None,
    cluster_options: tuple[str, ...],
    digits_dir: Path | None,
    as_json: bool,
) -> None:
    """Train and compare many variants of a spec, from one file.

    \b
    gnm study study.yaml --jobs 2
    gnm study study.yaml --status
    gnm study runs/study

    STUDY is the file, or the folder of a study that was begun. Whatever is done stays done: stopped, killed or failed,
    the same command goes on where it was. Ends with code 1 where runs failed; the others are done all the same.
    """
    folder = _folder(study, out)
    if status:
        _tell(folder, as_json)
        return
    if only is not None:
        context.exit(_do_one(folder, only))
    begun = _begin(study, folder, digits_dir, dry_run)
    if dry_run:
        for planned in begun.planned:
            click.echo(f"{planned.name}: {' '.join(planned.overrides)}")
        return
    place = _place(cluster, cluster_options)
    from gnm_core.studies.leaderboard import write_leaderboard
    from gnm_core.studies.schedule import do_runs

    at_once = jobs if jobs is not None or cluster is not None else 1
    result = do_runs(begun, place, at_once, click.echo)
    pages = write_leaderboard(begun)
    _conclude(context, begun, result, pages)


def _folder(study: Path, out: Path | None) -> Path:
    """Where a study is or goes."""
    if study.is_dir():
        if out is not None:
            raise click.UsageError("STUDY is a folder already; --out goes with a file")
        return study
    return out or Path("runs") / study.stem


def _begin(study: Path, folder: Path, digits_dir: Path | None, dry: bool) -> "StudyFolder":
    from gnm_core.studies.folder import begin_study, check_study, open_study

    extra = {} if digits_dir is None else {"data.digits": {"use": "mnist", "dir": str(digits_dir.resolve())}}
    if study.is_dir():
        if extra:
            raise click.UsageError("a study that was begun knows its digits; --digits-dir goes with a file")
        return open_study(folder, to_train=True)
    return check_study(study, folder, extra) if dry else begin_study(study, folder, extra)


def _place(cluster: str | None, options: tuple[str, ...]) -> "Place":
    from gnm_core.studies.cluster import Cluster
    from gnm_core.studies.processes import Processes

    if cluster is None:
        if options:
            raise click.UsageError("--cluster-option goes with --cluster")
        return Processes()
    return Cluster(cluster, dict(_parameter(text) for text in options))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--cluster-option {text!r} is not of the form NAME=VALUE")
    return name, int(value) if value.isdigit() else value


def _do_one(folder: Path, name: str) -> int:
    from gnm_core.studies.folder import open_study
    from gnm_core.studies.work import work
    from gnm_core.suggestions import did_you_mean

    known = [planned.name for planned in open_study(folder, to_train=True).planned]
    if name not in known:
        near = did_you_mean(name, known) or f"there are: {', '.join(known)}"
        raise GnmError(f"{folder}: this study has no run {name!r}; {near}")
    return work(folder, name)


def _tell(folder: Path, as_json: bool) -> None:
    from gnm_core.cli.output import print_json
    from gnm_core.studies.folder import open_study
    from gnm_core.studies.status import status_of, status_table

    found = status_of(open_study(folder))
    if as_json:
        print_json([one.as_json() for one in found])
        return
    from rich.console import Console

    Console().print(status_table(folder, found))


def _conclude(context: click.Context, folder: "StudyFolder", result: "Result", pages: list[Path]) -> None:
    total = len(folder.planned)
    click.echo(f"{len(result.done)} of {total} runs done; {', '.join(map(str, pages))}")
    if result.failed:
        click.echo(f"failed: {', '.join(result.failed)}; the same command tries them again", err=True)
    if result.received is not None:
        click.echo(f"stopped; go on with: gnm study {shlex.quote(str(folder.root))}", err=True)
        context.exit(128 + result.received)
    if result.failed:
        context.exit(FAILED)

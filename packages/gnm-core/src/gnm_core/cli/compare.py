"""`gnm compare`."""

from pathlib import Path

import click

from gnm_core.cli.completing import runs as runs_there


@click.command()
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path), shell_complete=runs_there
)
@click.option("--all", "everything", is_flag=True, help="Show every value, not only S-Acc, D-Steps and LL.")
@click.option(
    "--csv", "as_csv", type=click.Path(path_type=Path), metavar="FILE", help="Write every value as CSV as well."
)
@click.option("--json", "as_json", is_flag=True, help="Print every value as JSON instead.")
def compare(*, runs: tuple[Path, ...], everything: bool, as_csv: Path | None, as_json: bool) -> None:
    """Print the numbers of evaluated runs side by side: models as rows, values as columns.

    \b
    gnm compare runs/gnm runs/vae
    gnm compare runs/* --all --csv numbers.csv

    A RUN is a run's folder or that of its evaluation. Numbers of different data sets, sizes or splits cannot be
    compared: each gets a table of its own.
    """
    from rich.console import Console

    from gnm_core.cli.output import print_json
    from gnm_core.evaluation import by_data, load_evaluation, main_names, names_in, print_comparison, rows_of, write_csv

    found = [load_evaluation(run) for run in runs]
    groups = by_data(found)
    if len(groups) > 1:
        described = "; ".join(
            f"{g[0].data or 'none'} at {g[0].size} px, {g[0].split} split{g[0].elsewhere}" for g in groups
        )
        click.echo(f"these runs are of different data ({described}): one table each", err=True)
    if as_csv is not None:
        write_csv(found, as_csv)
    if as_json:
        print_json(rows_of(found), indent=1)
        return
    for group in groups:
        print_comparison(Console(), group, names_in(group) if everything else main_names(group))

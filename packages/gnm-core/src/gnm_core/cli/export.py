"""`gnm export`."""

from pathlib import Path

import click

from gnm_core.cli.completing import parts_of, runs
from gnm_core.cli.options import at_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="What the model is called; FOLDER's own name if left out.")
@click.option("--note", default="", metavar="TEXT", help="A few words of your own for the card.")
@click.option(
    "--measure",
    "names",
    default="",
    metavar="A,B",
    shell_complete=parts_of("metric"),
    help="Take these metrics of the rounded weights, for the card.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a metric (metrics.s-acc.n=1000), or the data that the exported spec names (data.digits=embedded).",
)
@at_option
def export(
    *,
    run: Path,
    folder: Path,
    name: str | None,
    note: str,
    names: str,
    overrides: tuple[str, ...],
    at: int | str | None,
) -> None:
    """Write a trained model as a folder to give away: weights, spec, model card, pictures.

    \b
    gnm export runs/x my-model
    gnm sample --pretrained my-model -n 25 --out samples.png

    Weights are rounded to float16. The card, README.md, is written from what `gnm evaluate` measured of the run. The
    layout is the one that the Hugging Face hub shows; to upload it, use their tools.
    """
    for_metrics = tuple(text for text in overrides if text.lstrip().startswith("metrics."))
    for_data = tuple(text for text in overrides if text.lstrip().startswith("data."))
    if strange := [text for text in overrides if text not in (*for_metrics, *for_data)]:
        raise click.UsageError(f"--set changes metrics.… or data.… here, not {strange[0]!r}")
    from gnm_core.evaluation import choose
    from gnm_core.exported.export import Request, export, require_free
    from gnm_core.runs.checkpoint import open_run

    request = Request(
        name=name or folder.resolve().name,
        note=note,
        overrides=for_data,
        measure=tuple(text.strip() for text in names.split(",") if text.strip()),
        measuring=for_metrics,
    )
    require_free(folder)  # what is cheap to check comes before the model
    opened = open_run(run, at)
    if request.measure:
        choose(request.measure, request.measuring, opened.spec.dims)
    made = export(opened.load(), run, folder, request, lambda text: click.echo(text, err=True))
    size = (made / "model.safetensors").stat().st_size / 1e6
    click.echo(f"{made}: {size:.1f} MB of weights, card: {made / 'README.md'}")

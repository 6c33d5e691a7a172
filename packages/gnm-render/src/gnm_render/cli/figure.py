"""`gnm figure`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from gnm_core.cli.completing import parts_of
from gnm_core.cli.options import COUNT, SEED, at_option, run_argument

if TYPE_CHECKING:
    from gnm_core import Batch, CheckedSpec

ALL = "all"
FOLDER = "figures"
"""Where a run's figures go by default."""


@click.command()
@run_argument
@click.option(
    "--kind",
    default=ALL,
    show_default=True,
    metavar="NAME",
    shell_complete=parts_of("figure"),
    help="A figure's name, or all that can be drawn.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="The picture, instead of RUN/figures/NAME.png."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="An option of the figure, such as figure.samples=6, or of the data set (data.seed=1); may be given again.",
)
@click.option("-n", "count", type=COUNT, help="How many scenes; a figure's option rows or count.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Another seed, other samples.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Where pictures come from. [test]")
@at_option
def figure(
    *,
    run: Path,
    results: Path,
    kind: str,
    out: Path | None,
    overrides: tuple[str, ...],
    count: int | None,
    seed: int,
    split: str | None,
    at: int | str | None,
) -> None:
    """Draw pictures of the model of a run at work: one figure, or all that the model can fill.

    \b
    gnm figure runs/x
    gnm figure runs/x --kind resample --set figure.samples=6

    The same seed and options give the same picture. `gnm parts figure` lists the figures and their options.
    """
    for_data = tuple(text for text in overrides if text.lstrip().startswith("data."))
    for_figure = tuple(text for text in overrides if text not in for_data)
    if kind == ALL and (out is not None or for_figure):
        raise click.UsageError("--out and figure options go with one --kind")
    from gnm_core import Dims, load_spec
    from gnm_core.diagnosis.caption import caption_of, captioned
    from gnm_core.diagnosis.of_run import of_run
    from gnm_core.errors import FigureError
    from gnm_core.evaluation import draw_figure, figure_kinds, make_figure
    from gnm_core.runs.checkpoint import open_run

    from gnm_render.cli.outputs import require_picture_name, write_picture

    if out is not None:
        require_picture_name(out)
    if kind != ALL:
        make_figure(kind, Dims(), for_figure, count)  # a wrong name or option is told before the model is loaded
    opened = open_run(run, at)
    spec = load_spec(opened.spec.resolved(), for_data) if for_data else opened.spec
    batch = _pictures(spec, count, split)
    loaded = opened.load()
    caption = caption_of(of_run(loaded, batch.image))
    kinds = figure_kinds() if kind == ALL else [kind]
    figures = [make_figure(name, loaded.model.dims, for_figure, count) for name in kinds]
    for name, made in zip(kinds, figures, strict=True):
        try:
            pixels = draw_figure(made, loaded.model, batch, seed)
        except FigureError as error:
            if kind != ALL:
                raise
            click.echo(f"{name}: not drawn: {error}")
            continue
        path = out or results / FOLDER / f"{name}.png"
        write_picture(path, captioned(pixels, caption))
        click.echo(f"{name}: {path}")


def _pictures(spec: "CheckedSpec", count: int | None, split: str | None) -> "Batch":
    """Pictures of the data set; without it none, unless a split was asked for."""
    from gnm_core.errors import DataError, SpecError
    from gnm_core.evaluation import no_pictures, pictures_of
    from gnm_core.printable import printable

    try:
        return pictures_of(spec, count, split, lambda note: click.echo(printable(note), err=True))
    except (DataError, SpecError) as error:
        if split is not None:
            raise
        click.echo(f"no pictures of the data set: {error}", err=True)
        return no_pictures(spec.dims)

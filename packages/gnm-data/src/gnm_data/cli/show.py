"""`gnm data show`: look at a data set."""

from pathlib import Path

import click
from gnm_core.cli.completing import parts_of
from gnm_core.cli.options import COUNT, spec_options

MOST = 1024
"""Pictures that fit on a sheet."""


@click.command(short_help="Write the first pictures of a data set to a file.")
@click.argument("name", required=False, shell_complete=parts_of("data"))
@spec_options
@click.option("-n", "count", type=COUNT, default=25, show_default=True, help="How many pictures.")
@click.option("--size", type=int, help="Side of the pictures, in pixels; 128 by default, or what the spec says.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Which images.",
)
@click.option("--seed", type=int, help="Seed of the data set.")
@click.option("--boxes", is_flag=True, help="Draw the ground truth's boxes and classes.")
@click.option("--masks", is_flag=True, help="Tint each object's pixels.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the pictures on one sheet.")
@click.option(
    "--export", type=click.Path(path_type=Path), metavar="DIR", help="Write each as PNG, and a COCO-style JSON."
)
def show(
    *,
    name: str | None,
    spec: Path | None,
    overrides: tuple[str, ...],
    count: int,
    size: int | None,
    split: str,
    seed: int | None,
    boxes: bool,
    masks: bool,
    out: Path | None,
    export: Path | None,
) -> None:
    """Write the first pictures of the data set NAME, or of a spec's, to a file.

    \b
    gnm data show mnist-10 -n 25 --boxes --out grid.png
    gnm data show mnist-4 --digits-dir mnist --size 64 --out grid.png
    gnm data show --spec spec.yaml --split test -n 500 --export scenes
    """
    if out is None and export is None:
        raise click.UsageError("Give --out FILE or --export DIR.")
    if out is not None and count > MOST:
        raise click.BadParameter(f"{count} pictures do not fit on a sheet; at most {MOST} do.", param_hint="'-n'")
    from gnm_data.cli.source import chosen

    wanted = ([] if size is None else [f"dims.size={size}"]) + ([] if seed is None else [f"data.seed={seed}"])
    data = chosen(name, spec, (*wanted, *overrides)).data(split)
    for note in data.notes():
        click.echo(note, err=True)
    if count > len(data):
        raise click.BadParameter(f"{count} pictures; the {split} split has {len(data)}.", param_hint="'-n'")
    if out is not None:
        from gnm_core.errors import DataError

        from gnm_data.sheet import contact_sheet

        sheet = contact_sheet(data.batch(range(count)), data.classes, boxes=boxes, masks=masks)
        try:
            sheet.save(out)
        except (OSError, ValueError) as error:
            raise DataError(f"{out}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
        click.echo(f"{out}: {count} of {len(data)} pictures")
    if export is not None:
        from gnm_core.progress import showing_progress
        from rich.console import Console

        from gnm_data.coco import export_coco

        written = 0
        with showing_progress("writing pictures", Console(stderr=True), "pictures") as progress:

            def tell(more: int) -> None:
                nonlocal written
                written += more
                progress(written, count)

            target = export_coco(data, count, export, tell)
        click.echo(f"{target}: {count} of {len(data)} pictures")

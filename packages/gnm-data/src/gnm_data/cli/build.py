"""`gnm data build`: make a data set once and store it."""

from pathlib import Path

import click
from gnm_core.cli.completing import parts_of
from gnm_core.cli.options import spec_options


@click.command(short_help="Store a data set in a folder.")
@click.argument("name", required=False, shell_complete=parts_of("data"))
@spec_options
@click.option("--out", "folder", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Where to.")
@click.option("--count", type=int, help="How many images; all of the split by default.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Which images.",
)
@click.option("--size", type=int, help="Side of the images, in pixels; 128 by default, or what the spec says.")
@click.option("--seed", type=int, help="Seed of the data set.")
@click.option("--processes", type=click.IntRange(1, 1024), default=2, show_default=True, help="How many work at once.")
@click.option("--shard-size", type=click.IntRange(1, 10**9), default=1000, show_default=True, help="Images in a file.")
@click.pass_context
def build(
    context: click.Context,
    /,
    *,
    name: str | None,
    spec: Path | None,
    overrides: tuple[str, ...],
    folder: Path,
    count: int | None,
    split: str,
    size: int | None,
    seed: int | None,
    processes: int,
    shard_size: int,
) -> None:
    """Store the data set NAME, or a spec's, in the folder DIR, for the data part `parquet`.

    \b
    gnm data build arrow-room --count 20000 --out rooms
    gnm data build arrow-room --count 2000 --split test --out rooms
    gnm data build --spec spec.yaml --out scenes

    Stopped at any moment, the same command goes on and makes no finished shard again; it mends damaged shards, too.
    With a larger --count it adds images.
    """
    from gnm_core.progress import showing_progress

    from gnm_data.cli.source import chosen
    from gnm_data.storage import Source, recipe_of
    from gnm_data.storage import build as store

    wanted = ([] if size is None else [f"dims.size={size}"]) + ([] if seed is None else [f"data.seed={seed}"])
    checked = chosen(name, spec, (*wanted, *overrides))
    source = Source(checked.resolved(), split)
    try:
        with showing_progress(str(folder)) as progress:
            built = store(
                source,
                recipe_of(checked),
                folder,
                count=count,
                shard_size=shard_size,
                processes=processes,
                progress=progress,
            )
    except KeyboardInterrupt:
        click.echo("stopped; finished shards are kept: repeat the command to go on", err=True)
        context.exit(130)
    shards = built.split.shards
    click.echo(
        f"{folder}: {built.split.count:,} {split} images in {len(shards)} shards, "
        f"{sum(shard.size for shard in shards) / 1e6:,.1f} MB; {built.made} made now, {len(shards) - built.made} kept"
    )

"""`gnm studio`."""

from pathlib import Path

import click
from gnm_core.cli.completing import pretrained, runs
from gnm_core.cli.options import THREADS


@click.command()
@click.argument("sources", nargs=-1, metavar="RUN...", shell_complete=runs)
@click.option(
    "--pretrained",
    "models",
    multiple=True,
    metavar="NAME-OR-DIR",
    shell_complete=pretrained,
    help="A shipped or exported model; may be given again.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; any free port if left out.")
@click.option("--threads", type=THREADS, help="CPU threads.")
@click.option(
    "--export", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Write a page that needs no server."
)
def studio(
    *, sources: tuple[str, ...], models: tuple[str, ...], port: int, threads: int | None, folder: Path | None
) -> None:
    """Look into models and edit their scenes, on a page of this machine alone.

    \b
    gnm studio runs/x
    gnm studio runs/x runs/y
    gnm studio --pretrained mnist-4-64 --export page

    Prints an address; open it in a browser. Ctrl-C ends it.
    """
    chosen = (*sources, *models)
    if not chosen:
        raise click.UsageError("name a RUN, or a model by --pretrained")
    if len(chosen) > 4:
        raise click.UsageError("four models at most have room side by side")
    from gnm_core.errors import GnmError

    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise GnmError(f"the studio needs {error.name}: pip install 'gnm-render[studio]'") from None
    import torch

    from gnm_render.studio.models import load_all
    from gnm_render.studio.serve import serve

    if threads is not None:
        torch.set_num_threads(threads)
    loaded = load_all(chosen)
    if folder is not None:
        from gnm_render.studio.export import export

        click.echo(f"page: {export(loaded, folder)}")
        return
    serve(loaded, port, lambda address: click.echo(f"studio: {address}\nCtrl-C ends it."), uvicorn)

"""`gnm start`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gnm_core.cli.options import Amount

if TYPE_CHECKING:
    from gnm_core.starting.folder_look import FolderLook
    from gnm_core.starting.recipe import ObjectSize


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path), metavar="PICTURES")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The spec to write.")
@click.option(
    "--object-size",
    type=Amount(min=1),
    metavar="PIXELS",
    help="Usual side of an object, in pixels of the pictures; asked for at a terminal, else guessed.",
)
@click.option(
    "--example",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead: a copy of a picture with a red frame (#ff0000) drawn around an object or several.",
)
@click.option("--short", is_flag=True, help="Find objects alone, in some minutes; no scenes are made up.")
@click.option("--timing/--no-timing", default=True, help="Make a few steps, to say how long the training takes here.")
@click.option("--force", is_flag=True, help="Replace FILE.")
def start(
    *,
    pictures: Path,
    out: Path,
    object_size: float | None,
    example: Path | None,
    short: bool,
    timing: bool,
    force: bool,
) -> None:
    """Look at a folder of pictures, and write a spec that trains on them.

    \b
    gnm start pictures --out my.yaml --object-size 12
    gnm start pictures --out my.yaml --example framed.png
    gnm train --spec my.yaml --out runs/my

    The spec says why each number is what it is. Where nothing says how large an object is and there is no terminal to
    ask at, the size is guessed from what stands out of the ground, and the spec says that it is a guess.
    """
    from gnm_core.errors import GnmError
    from gnm_core.printable import printable
    from gnm_core.starting.folder_look import look
    from gnm_core.starting.recipe import recipe_for
    from gnm_core.starting.start import write_spec

    if object_size is not None and example is not None:
        raise click.UsageError("--object-size and --example both say how large an object is; give one of them")
    if out.is_dir():
        raise GnmError(f"{out}: a folder; --out names the spec to write, such as {out / 'my.yaml'}")
    if out.exists() and not force:
        raise GnmError(f"{out}: is there already; --force replaces it")
    seen = look(pictures)
    for line in seen.lines():
        click.echo(printable(line))
    size = _object_size(seen, object_size, example)
    click.echo(f"object size: {size.pixels:g} px: {size.source}")
    write_spec(seen, size, recipe_for(seen, size, short=short), out, click.echo, timing=timing)
    train = shlex.join(["gnm", "train", "--spec", str(out), "--out", f"runs/{out.stem}"])
    click.echo(printable(f"{out}: written; begin with: {train}"))


def _object_size(seen: "FolderLook", said: float | None, example: Path | None) -> "ObjectSize":
    """As said, as drawn, as answered, or as guessed."""
    from gnm_core.errors import GnmError
    from gnm_core.starting.drawn_frames import framed_size
    from gnm_core.starting.object_size import guess_object_size
    from gnm_core.starting.recipe import ObjectSize, guessed_size

    if example is not None:
        return framed_size(example, seen)
    if said is None:
        guess = guessed_size(seen, guess_object_size(seen.examples[:: -(-len(seen.examples) // 200)]))
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return guess
        said = click.prompt(
            f"Usual side of an object, in pixels of the pictures ({guess.source})",
            type=Amount(min=1, max=seen.shorter),
            default=guess.pixels,
        )
        if said == guess.pixels:
            return guess
    if said > seen.shorter:
        raise GnmError(f"--object-size {said:g}: larger than the pictures, whose shorter side is {seen.shorter} px")
    return ObjectSize(said, "said by you", guessed=False)

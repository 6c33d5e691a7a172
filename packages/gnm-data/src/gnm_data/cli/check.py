"""`gnm data check`: which pictures of a folder, and which of its annotations, cannot be used?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from gnm_core.printable import several

if TYPE_CHECKING:
    from gnm_core.parts.data.folder_check import FolderCheck


@click.command(short_help="Name the pictures of a folder that cannot be used.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--annotations",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE-OR-DIR",
    help="COCO's .json, a .csv, or a folder of YOLO's .txt files; may be given again.",
)
@click.option("--names", metavar="A,B", help="The classes, in their order.")
@click.option("--include", multiple=True, metavar="PATTERN", help="These pictures only, such as '*.jpg'.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not these pictures.")
@click.option("--white", type=click.IntRange(1, 65535), help="White in pictures of more than 8 bits. [65535]")
@click.option(
    "--max-pixels",
    type=click.IntRange(1, 10**12),
    default=64_000_000,
    show_default=True,
    help="The largest read.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_context
def check(
    context: click.Context,
    /,
    *,
    folder: Path,
    annotations: tuple[Path, ...],
    names: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    white: int | None,
    max_pixels: int,
    as_json: bool,
) -> None:
    """Read every picture in DIR, at any depth, and name all that cannot be used.

    \b
    gnm data check pictures
    gnm data check pictures --annotations boxes.json --json

    Annotations are held against the pictures: boxes outside, pictures that are missing, unknown classes, the same thing
    twice. Ends with 0 when all is well, with 2 otherwise.
    """
    from gnm_core.cli.output import print_json
    from gnm_core.errors import DataError
    from gnm_core.parts.data.folder_check import check_folder

    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    found = check_folder(
        folder, annotations, names=wanted, include=include, exclude=exclude, white=white, max_pixels=max_pixels
    )
    if as_json:
        print_json({"folder": str(folder), "sound": found.sound, **vars(found)})
        context.exit(0 if found.sound else 2)
    for note in found.notes:
        click.echo(note, err=True)
    if not found.sound:
        raise DataError(_wrong(folder, found))
    click.echo(f"{folder}: {_summary(found, bool(annotations))}: sound")


def _summary(found: "FolderCheck", annotated: bool = False) -> str:
    """`560 pictures of 64 x 64 to 640 x 480 pixels, 1,200 objects`."""
    text = several(found.pictures, "picture")
    if found.smallest and found.largest:
        small, large = (f"{width} x {height}" for width, height in (found.smallest, found.largest))
        text += f" of {small}{f' to {large}' if small != large else ''} pixels"
    return text + (f", {several(found.objects, 'object')}" if found.objects or annotated else "")


def _wrong(folder: Path, found: "FolderCheck") -> str:
    lines = [f"{folder}: {_summary(found)}"]
    if found.broken:
        lines += [f"{len(found.broken):,} of {found.pictures:,} pictures cannot be read:"]
        lines += [f"    {reason}" for reason in found.broken.values()]
    if found.annotations:
        lines += ["the annotations are not as they should be:", *(f"    {text}" for text in found.annotations)]
    return "\n".join(lines)

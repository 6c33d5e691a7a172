"""`gnm data verify`: is a stored data set what it says?"""

from pathlib import Path

import click


@click.command(short_help="Check a stored data set, or a folder of pictures.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def verify(folder: Path) -> None:
    """Read every byte of the data set in DIR; tell which shards are damaged, truncated, missing or extra.

    \b
    gnm data verify rooms
    gnm data verify pictures

    DIR may also be a folder of pictures: every one that cannot be read is named.
    Ends with 0 when all is well, with 2 otherwise. `gnm data build` mends what it made.
    """
    from gnm_core.errors import DataError
    from gnm_core.progress import showing_progress

    from gnm_data.storage import read_manifest
    from gnm_data.storage import verify as problems_of

    if _verify_pictures(folder):
        return
    with showing_progress(str(folder), unit="shards") as progress:
        problems = problems_of(folder, progress)
    if problems:
        raise DataError("\n    ".join((f"{folder}: not as it should be:", *problems)))
    for name, split in read_manifest(folder).splits.items():
        size = sum(shard.size for shard in split.shards)
        click.echo(
            f"{folder}: {name}: {split.count:,} images in {len(split.shards)} shards, {size / 1e6:,.1f} MB: sound"
        )


def _verify_pictures(folder: Path) -> bool:
    """Read all pictures, if it is a folder of pictures; false where it is not."""
    from gnm_core.errors import DataError
    from gnm_core.parts.data.folder import survey
    from gnm_core.parts.data.folder_check import check_folder

    from gnm_data.storage import holds_data_set

    if holds_data_set(folder):
        return False
    try:
        survey(folder)
    except DataError:
        return False
    found = check_folder(folder)
    for note in found.notes:
        click.echo(note, err=True)
    if found.broken:
        raise DataError("\n    ".join((f"{folder}: cannot be read:", *found.broken.values())))
    click.echo(f"{folder}: {found.pictures:,} pictures: sound")
    return True

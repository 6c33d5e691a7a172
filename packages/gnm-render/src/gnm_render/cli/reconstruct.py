"""`gnm reconstruct`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from gnm_core.cli.options import at_option, run_argument
from gnm_core.printable import several

if TYPE_CHECKING:
    from gnm_core import Dims
    from gnm_core.contracts import Model
    from gnm_core.parts.data.picture import Fit, Picture

    from gnm_render.cli.predictions import Format, Prediction, Source

CELL = 192
"""Least side of a picture in a panel, in pixels."""
ACROSS = 5
"""Objects in a row of a panel."""


@click.command()
@run_argument
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for the results.")
@click.option(
    "--fit",
    type=click.Choice(["crop", "pad", "stretch"]),
    default="crop",
    show_default=True,
    help="Make pictures square: keep the middle, add black, or distort.",
)
@click.option("--white", type=click.IntRange(1, 65535), help="White in pictures of more than 8 bits. [65535]")
@click.option(
    "--background",
    default="black",
    show_default=True,
    metavar="COLOUR",
    help="Behind transparent pixels: white, #8040ff.",
)
@click.option(
    "--export",
    "kind",
    type=click.Choice(["coco", "csv", "parquet"]),
    help="Write all that was found into one file as well: DIR/predictions.json, .csv or .parquet.",
)
@click.option("--export-only", is_flag=True, help="With --export: no panels, and no JSON for each picture.")
@click.option(
    "--ids",
    type=click.Path(path_type=Path),
    metavar="COCO",
    help="With --export: give pictures the ids that this COCO file has for them, instead of 1, 2, 3 ...",
)
@at_option
def reconstruct(
    *,
    run: Path,
    images: tuple[Path, ...],
    out: Path,
    fit: "Fit",
    white: int | None,
    background: str,
    kind: "Format | None",
    export_only: bool,
    ids: Path | None,
    at: int | str | None,
) -> None:
    """Find the objects in pictures: files, or folders of them, of any size and kind.

    \b
    gnm reconstruct runs/x photo.jpg more-photos/ --out found
    gnm reconstruct runs/x photos/ --out found --export csv --export-only

    Writes a panel (input, objects found, reconstruction, objects one by one) and a JSON file for each picture. The
    JSON has every object's box in pixels of the model's square (`box`) and of the picture itself (`box_in_picture`),
    its confidence, depth and appearance code. If a picture cannot be read, nothing is written.
    """
    if not images:
        raise click.UsageError("Missing argument 'IMAGES...': name at least one picture, or a folder of them")
    if kind is None and (export_only or ids is not None):
        raise click.UsageError("--export-only and --ids go with --export")
    import torch
    from gnm_core.diagnosis.caption import caption_of
    from gnm_core.diagnosis.of_run import PICTURES, of_run
    from gnm_core.errors import DataError
    from gnm_core.printable import printable
    from gnm_core.runs.checkpoint import open_run

    if missing := [str(image) for image in images if not image.exists()]:
        raise DataError("\n".join(f"{image}: there is no such file" for image in missing) + "\nNothing was written.")
    opened = open_run(run, at)
    dims = opened.spec.dims
    if kind is not None:
        from gnm_render.cli.predictions import require_format

        require_format(kind)
    pictures = _read_all(images, dims, fit, white, background)
    sources = _sources(images, pictures, ids) if kind is not None else []
    targets = [out / name for name in _names(path for path, _ in pictures)]
    if not export_only:
        _spare((path for path, _ in pictures), targets)
    loaded = opened.load()
    about = {"run": str(run), "step": loaded.step, "fit": fit}
    some = torch.stack([torch.from_numpy(picture.pixels) for _, picture in pictures[:PICTURES]]).float() / 255
    findings = of_run(loaded, some)
    for finding in findings:
        click.echo(f"diagnosis: {finding}", err=True)
    if not export_only:
        for (path, picture), target in zip(pictures, targets, strict=True):
            text = f"{path}: {_reconstruct(loaded.model, path, picture, target, about, caption_of(findings))}"
            click.echo(printable(text).replace("\n", "\\n"))
    if kind is not None:
        from gnm_render.cli.predictions import write_predictions

        found = [
            _predict(loaded.model, source, picture) for source, (_, picture) in zip(sources, pictures, strict=True)
        ]
        path = write_predictions(found, kind, out, about)
        click.echo(
            f"{several(sum(len(one.found) for one in found), 'object')} in {several(len(found), 'picture')}: {path}"
        )


def _sources(images: Iterable[Path], pictures: "list[tuple[Path, Picture]]", ids: Path | None) -> "list[Source]":
    """Name and id of every picture: its path under the folder that was named, or its own name.

    Raises:
        DataError: the COCO file does not know one of them.
    """
    from gnm_core.errors import DataError
    from gnm_core.parts.data.annotations.coco import image_ids

    from gnm_render.cli.predictions import Source

    folders = [image for image in images if image.is_dir()]
    names = []
    for path, _ in pictures:
        home = next((folder for folder in folders if path.is_relative_to(folder)), path.parent)
        names.append(path.relative_to(home).as_posix())
    if len(set(names)) < len(names):
        names = [path.as_posix() for path, _ in pictures]
    known: dict[str, int | str] = {name: i for i, name in enumerate(names, start=1)} if ids is None else image_ids(ids)
    if missing := [name for name in names if name not in known]:
        more = f", nor {len(missing) - 1:,} others" if len(missing) > 1 else ""
        raise DataError(f"{ids}: has no image whose file_name is {missing[0]}{more}\nNothing was written.")
    return [
        Source(name, known[name], picture.width, picture.height)
        for name, (_, picture) in zip(names, pictures, strict=True)
    ]


def _predict(model: "Model", source: "Source", picture: "Picture") -> "Prediction":
    """Look for the objects in one picture.

    Raises:
        GnmError: the model names none.
    """
    import torch
    from gnm_core.errors import GnmError

    from gnm_render.cli.predictions import prediction

    image = torch.from_numpy(picture.pixels)[None].float() / 255
    with torch.no_grad():
        objects = model.objects(image)
        if objects is None:
            raise GnmError("--export: this model does not name objects")
        return prediction(source, picture, objects, model.components(image), model.dims.size)


def _read_all(
    images: Iterable[Path], dims: "Dims", fit: "Fit", white: int | None, background: str
) -> "list[tuple[Path, Picture]]":
    """Read every picture.

    Raises:
        DataError: some cannot be read; all of them are named.
    """
    from gnm_core.errors import DataError
    from gnm_core.parts.data.folder import survey
    from gnm_core.parts.data.picture import colour_of, read_picture
    from gnm_core.printable import short

    colour = colour_of(background, "--background")
    pictures, problems = [], []
    for image in images:
        paths = [image]
        try:
            if image.is_dir():
                found = survey(image)
                paths = [image / path for path in found.pictures]
                if found.passed_over:
                    click.echo(short(f"{image}: {found.left_out()}"), err=True)
        except DataError as error:
            problems.append(str(error))
            continue
        for path in paths:
            try:
                pictures.append((path, read_picture(path, dims, fit=fit, white=white, background=colour)))
            except DataError as error:
                problems.append(str(error))
    if problems:
        raise DataError("\n".join([*problems, "Nothing was written."]))
    return pictures


def _names(paths: Iterable[Path]) -> Iterator[str]:
    """A name for each picture's results: its own without the ending, numbered where it recurs."""
    taken: set[str] = set()
    for path in paths:
        name, number = path.stem, 1
        while name in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name)
        yield name


def _panel_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.png")


def _spare(paths: Iterable[Path], targets: Iterable[Path]) -> None:
    """See that no panel takes the place of a picture.

    Raises:
        DataError: one would.
    """
    from gnm_core.errors import DataError

    own = {path.resolve() for path in paths}
    for panel in map(_panel_file, targets):
        if panel.resolve() in own:
            raise DataError(f"{panel}: the panel would take the place of the picture itself; choose another --out")


def _reconstruct(
    model: "Model", path: Path, picture: "Picture", target: Path, about: dict[str, object], caption: str
) -> str:
    """Write the panel and the JSON of one picture; returns what was found, in words."""
    import torch
    from gnm_core.diagnosis.caption import captioned

    from gnm_render.cli.describe import scene_as_data
    from gnm_render.cli.outputs import write_json, write_picture
    from gnm_render.figures.sheet import sheet
    from gnm_render.figures.views import Views, present

    with torch.no_grad():
        views = Views(model, torch.from_numpy(picture.pixels)[None].float() / 255, CELL)
        panel = sheet(
            present(
                views.inputs(),
                views.boxes(),
                views.reconstructions(),
                views.background(),
                views.layers_of_one(ACROSS),
            )
        )
        found = scene_as_data(views.reconstruction, 0, model.dims.size, picture.frame)
    own = {"picture": str(path), "width": picture.width, "height": picture.height, "size": model.dims.size}
    panel_file, data_file = _panel_file(target), target.with_name(f"{target.name}.json")
    write_picture(panel_file, captioned(panel, caption))
    write_json(data_file, {**own, **about, **found})
    objects = found["objects"]
    count = several(len(objects), "object") if isinstance(objects, list) else "reconstructed"
    return f"{count}: {panel_file}, {data_file}"

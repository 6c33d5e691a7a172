"""`gnm edit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from gnm_core.cli.options import SEED, at_option, run_argument

if TYPE_CHECKING:
    from gnm_core.contracts import Model
    from gnm_core.results import Scene

CELL = 192
"""Least side of a picture, in pixels."""


class _Numbers(click.ParamType):  # type: ignore[type-arg] # generic in newer versions of click only
    """`3,4,0`: whole numbers of objects first, then plain numbers."""

    name = "numbers"

    def __init__(self, objects: int, least: int, most: int) -> None:
        self.objects, self.least, self.most = objects, least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        texts = str(value).split(",")
        try:
            objects = tuple(int(text) for text in texts[: self.objects])
            found = (*objects, *(float(text) for text in texts[self.objects :]))
        except ValueError:
            found = ()
        if not self.least <= len(found) <= self.most:
            self.fail(f"{value!r} is not of the form {param.metavar if param else ''}", param, ctx)
        return found


_EDITS = {
    "move": ("N,DX,DY", _Numbers(1, 3, 3), "Move object N by so many pixels, right and down."),
    "resize": ("N,W[,H]", _Numbers(1, 2, 3), "Make object N so many times as wide and as high."),
    "remove": ("N", _Numbers(1, 1, 1), "Take object N away; those after it move up by one number."),
    "duplicate": ("N,DX,DY", _Numbers(1, 3, 3), "Copy object N, so many pixels aside."),
    "swap": ("N,M", _Numbers(2, 2, 2), "Objects N and M exchange what they look like."),
    "with-what": ("N,M", _Numbers(2, 2, 2), "Object N looks like object M."),
    "to-front": ("N", _Numbers(1, 1, 1), "Object N before all others."),
}
"""The scene's methods as options: form, type, help."""


class _InOrder(click.Command):
    """Remembers in which order edits of different kinds were given: click itself groups them by kind."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names = [arg.partition("=")[0].removeprefix("--") for arg in args if arg.startswith("--")]
        ctx.meta["order"] = [name for name in names if name in _EDITS]
        return super().parse_args(ctx, args)


def _edit_options(command: Any) -> Any:
    for name, (form, kind, text) in reversed(_EDITS.items()):
        command = click.option(f"--{name}", multiple=True, type=kind, metavar=form, help=text)(command)
    return command


@click.command(cls=_InOrder)
@run_argument
@click.argument("images", nargs=-1, type=click.Path(path_type=Path), metavar="PICTURE")
@_edit_options
@click.option("--keep", metavar="N,M,...", help="Then keep these objects and generate the others anew.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of what is generated.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The edited picture.")
@click.option("--json", "as_json", type=click.Path(path_type=Path), metavar="FILE", help="Its objects as JSON.")
@at_option
@click.pass_context
def edit(
    context: click.Context,
    /,
    *,
    run: Path,
    images: tuple[Path, ...],
    keep: str | None,
    seed: int,
    out: Path | None,
    as_json: Path | None,
    at: int | str | None,
    **given: tuple[tuple[float, ...], ...],
) -> None:
    """Take a picture apart, change its objects, and paint it again.

    \b
    gnm edit runs/x picture.png           # lists the objects, numbered
    gnm edit runs/x picture.png --move 3,4,0 --remove 1 --out edited.png
    gnm edit --pretrained mnist-4-64 picture.png --keep 0,2 --out generated.png

    Edits are made in the order in which they are given. Objects are numbered from 0, the surest first, as gnm
    reconstruct lists them; after each edit the numbers are those of the new scene.
    """
    if len(images) != 1:
        raise click.UsageError("name one picture")
    edits = _in_order(context.meta["order"], given)
    numbers = _kept(keep)
    if (edits or numbers is not None) and out is None and as_json is None:
        raise click.UsageError("say where the edited picture goes: --out FILE, or --json FILE for its objects")
    import torch
    from gnm_core.parts.data.picture import read_picture
    from gnm_core.runs.checkpoint import open_run

    from gnm_render.cli.describe import scene_as_data
    from gnm_render.cli.outputs import require_picture_name, write_json, write_picture
    from gnm_render.figures.pixels import enlarge, enlargement, to_pixels

    if out is not None:
        require_picture_name(out)
    opened = open_run(run, at)
    picture = read_picture(images[0], opened.spec.dims)
    loaded = opened.load()
    model = loaded.model
    with torch.no_grad():
        scene = model.reconstruct(torch.from_numpy(picture.pixels)[None].float() / 255)
    for name, values in edits:
        scene = getattr(scene, name)(*values)
    if numbers is not None:
        torch.manual_seed(seed)
        scene = _completed(model, scene, numbers)
    size = model.dims.size
    if out is not None:
        write_picture(out, enlarge(to_pixels(scene.image[0]), enlargement(size, CELL)))
        click.echo(f"picture: {out}")
    described = scene_as_data(scene, 0, size)
    if as_json is not None:
        about = {"run": str(run), "step": loaded.step, "picture": str(images[0]), "size": size}
        write_json(as_json, {**about, "edits": [[name, *values] for name, values in edits], **described})
        click.echo(f"objects: {as_json}")
    if out is None and as_json is None:
        _list(described["objects"])


def _in_order(
    order: Sequence[str], given: dict[str, tuple[tuple[float, ...], ...]]
) -> list[tuple[str, tuple[float, ...]]]:
    """The edits as they were given: name of the scene's method, its arguments."""
    waiting = {name: iter(values) for name, values in given.items()}
    methods = [name.replace("-", "_") for name in order]
    return [(name, next(waiting[name])) for name in methods]


def _kept(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(number) for number in text.split(",") if number.strip()]
    except ValueError:
        raise click.UsageError(f"--keep: {text!r} is no list of numbers, such as 0,2") from None


def _completed(model: "Model", scene: "Scene", keep: list[int]) -> "Scene":
    """The scene with the others generated anew, and how well that could be done."""
    from gnm_core.completion import CompletesScenes
    from gnm_core.errors import EditError

    if not isinstance(model, CompletesScenes):
        raise EditError(f"{type(model).__name__} cannot generate around kept objects")
    completion = model.complete(scene, keep)
    if completion.exact:
        click.echo("generated anew: the objects of this model do not depend on one another")
    else:
        effective, proposals = completion.effective, completion.proposals
        click.echo(f"generated anew: effective sample size {effective:.1f} of {proposals} proposals")
    return completion.scene


def _list(objects: object) -> None:
    if not isinstance(objects, list):
        click.echo("this model does not name objects")
        return
    for number, one in enumerate(objects):
        x0, y0, x1, y1 = one["box"]
        place = f"x {x0:.0f} to {x1:.0f}, y {y0:.0f} to {y1:.0f}"
        click.echo(f"object {number}: {place}, depth {one['depth']:.2f}, probability {one['confidence']:.3f}")
    if not objects:
        click.echo("no objects found")

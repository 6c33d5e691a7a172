"""A spec as text, each number with its reason."""

import json
import os
import shlex
from pathlib import Path

from gnm_core.errors import DataError
from gnm_core.starting.folder_look import FolderLook
from gnm_core.starting.recipe import SMALLEST, ObjectSize, Recipe


def spec_text(look: FolderLook, size: ObjectSize, recipe: Recipe, out: Path, time: str | None) -> str:
    """A commented spec, as YAML.

    Args:
        look: what the folder is like.
        size: how large an object is, and who says so.
        recipe: what was chosen.
        out: where the spec will lie; its folder of pictures is named from there if it lies below.
        time: how long the training takes, in words; None where it was not measured.

    Raises:
        DataError: the folder's name cannot be written as text.
    """
    boxed = recipe.box * recipe.size
    head = [
        f"# Written by gnm start: {look.lines()[0]}.",
        f"# An object is some {size.pixels:g} px of a picture: {size.source}.",
        *(["# Look whether that is so, or say it yourself: gnm start ... --object-size 12 --force"] * size.guessed),
        "#   " + shlex.join(["gnm", "train", "--spec", out.name, "--out", f"runs/{out.stem}"]),
        *([f"# {time}"] if time else []),
        f"base: {recipe.base} # {recipe.why}; gnm specs {recipe.base} shows its stages",
        f"dims: {{channels: {recipe.channels}, size: {recipe.size}, grid: {recipe.grid}}} # {_why_size(recipe)}",
    ]
    model = [
        "model:",
        f"  where_prior: {{mean: [{recipe.scale:.2f}, 0, 0, 0]}} # boxes begin at sigmoid({recipe.scale:.2f}) = "
        f"{recipe.box:.2f} of the side, {boxed:.0f} px",
        f"  sigma: {_sigma(recipe)} # what differs from its ground by less than this, of 1, is no object",
    ]
    return "\n".join([*head, *_data(look, recipe, out), *model]) + "\n"


def _why_size(recipe: Recipe) -> str:
    seen = f"an object is {recipe.object_side:.0f} px of it, in {recipe.grid} x {recipe.grid} cells of 16 px"
    if recipe.object_side < SMALLEST:
        return f"{seen}: small; cut the pictures into parts, so that objects are larger"
    return f"{seen}, one object each at most"


def _sigma(recipe: Recipe) -> float:
    return 0.1 if recipe.base == "gnm-64" else 0.15


def _data(look: FolderLook, recipe: Recipe, out: Path) -> list[str]:
    inner = [f"dir: {_folder(look.folder, out)}"]
    if look.unreadable:
        tried = look.read + len(look.unreadable)
        inner.append(f"on_broken: skip # {len(look.unreadable):,} of {tried:,} cannot be read")
        most = round(min(0.99, 2 * len(look.unreadable) / tried + 0.01), 2)
        if most > 0.05:
            inner.append(f"most_broken: {most:g} # twice as many as were found")
    elif look.read < look.count:
        inner.append("on_broken: skip # not all were looked at")
    if not recipe.hold_back:
        inner += [f"validation: 0 # {look.count:,} pictures are too few to hold some back", "test: 0"]
    if look.transparent:
        inner.append("background: black # behind transparent pixels; any colour")
    inner.append("# annotations: boxes.json # COCO, YOLO or CSV, if you have boxes: for measuring, never for training")
    if recipe.base == "gnm-64":
        return ["data:", "  use: image-folder", *(f"  {line}" for line in inner)]
    turned = "  ways: all # turned and mirrored, 8 of each; mirror where up and down matter"
    return ["data:", "  use: turned", turned, "  data:", "    use: image-folder", *(f"    {line}" for line in inner)]


def _folder(folder: Path, out: Path) -> str:
    """Relative to the spec where it lies below, so that both can be moved; JSON's strings are YAML's."""
    here, there = out.absolute().parent.resolve(), folder.resolve()
    name = os.path.relpath(there, here) if there.is_relative_to(here) else str(there)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{folder}: its name is not UTF-8; a spec cannot say it") from None
    return json.dumps(name, ensure_ascii=False)
